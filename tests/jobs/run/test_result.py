"""A result as a person sees it: on the terminal and in a notebook."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from semscore.jobs.cli.summary import print_summary
from semscore.jobs.ledger.committed import Committed, DataFile, UnitRecord
from semscore.jobs.run.result import Result
from semscore.udfs.recipe import DEFAULT_MODEL
from semscore.udfs.stores.local_folder import LocalFolder

SCRIPT = "<script>alert(1)</script>"
NAME = f"/out/{SCRIPT.replace('/', '∕')}[bold]"
Make = Callable[..., Result]


@pytest.fixture
def make() -> Make:
    """A dataset of 4 rows, 3 of them scored."""
    unit = UnitRecord(
        id="1",
        run="r",
        lease=1,
        fingerprint="f",
        sources=[],
        files=[DataFile("a.parquet", 4, 2**21)],
        rows=4,
        statuses={"blank": 1, "ok": 3},
        started="",
        ended="",
        meters={},
        workers={},
        hist={"score": {20: 3}, "tokens": {}},
        hardware={},
    )

    def result(**changes: Any) -> Result:
        audit = {"rows_in": 4, "rows_out": 4, "where": None, "limit": None, "skipped_files": []}
        manifest = {
            "rows": 4,
            "files": [1],
            "bytes": 2**21,
            "audit": audit | changes.pop("audit", {}),
        }
        record = {
            "recipe": {"model": DEFAULT_MODEL, "revision": "main", "precision": "float32"},
            "precision": {"asked": "auto"},
            "model_sha256": "0123456789abcdef",
            "job": {"name": "scores", "region": "eu-west-1", "role": "arn:aws:iam::1:role/r"},
        }
        return Result(LocalFolder(NAME), manifest, Committed([unit]), record, **changes)

    return result


def test_the_notebook_has_statuses_speed_audit_and_places(make: Make) -> None:
    html = make(rows=4, seconds=3.0, scoring_seconds=2.0, report="/out/page.html")._repr_html_()
    assert "<tr><td>ok</td><td>3</td><td>75.0%</td></tr><tr><td>blank</td><td>1</td>" in html
    assert "4 rows in 3.0 s: 2.0 s for scoring and writing" in html
    assert "(2 pairs/s)" in html
    assert "audit: 4 rows in, 4 rows out" in html
    assert "1 data file, 2.0 MB in /out/" in html
    assert "report: /out/page.html" in html
    assert (
        f"model: {DEFAULT_MODEL} (default), revision main, SHA-256 0123456789ab; bi-encoder, "
        "precision float32 (chosen by auto)" in html
    )
    assert "SageMaker job: scores, region eu-west-1, role arn:aws:iam::1:role/r" in html


def test_what_is_not_known_is_not_told(make: Make) -> None:
    html = make()._repr_html_()
    assert "pairs/s" not in html
    assert "report:" not in html


def test_names_and_conditions_are_text_in_the_notebook(make: Make) -> None:
    html = make(audit={"where": f"text1 <> '{SCRIPT}'"}, report=f"/{SCRIPT}")._repr_html_()
    assert "<script" not in html
    assert "where text1 &lt;&gt; &#x27;&lt;script&gt;" in html


def test_names_are_no_markup_on_the_terminal_and_stay_whole(make: Make) -> None:
    told = io.StringIO()
    print_summary(Console(file=told, width=20), make())
    assert f"1 data file, 2.0 MB in {NAME}\n" in told.getvalue()


def test_a_trial_says_what_is_left(make: Make) -> None:
    trial = replace(make(), manifest=None, stopped="stopped (--max-units is reached): 4 rows")
    told = "stopped (--max-units is reached): 4 rows. To score the rest, use --mode resume"
    assert trial.sentences[0] == told
    assert told in trial._repr_html_()
    assert "<td>ok</td><td>3</td><td>75.0%</td>" in trial._repr_html_()


def test_a_prompt_shows_it_in_a_line(make: Make) -> None:
    assert "UnitRecord" not in repr(make())
