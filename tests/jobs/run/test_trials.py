"""Trials: runs that score a part of INPUT because they were asked to, and are continued."""

from __future__ import annotations

import json
from typing import Any

import pytest

from semscore.jobs.ledger import ledger
from semscore.jobs.options.slices import Limits, Report, Rows
from semscore.udfs.errors import NothingCommitted, StoppedEarly, UserError


def test_a_trial_of_some_units_is_a_success(one_file: Any) -> None:
    result = one_file.run(limits=Limits(unit_rows=1_000, max_units=2))
    assert result.manifest is None
    assert result.stopped.startswith("stopped (--max-units is reached): this run scored 2 of ")
    assert result.sentences[1].endswith(" (2,040 rows). To score the rest, use --mode resume")
    assert ("ok", "2,040", "100.0%") in result.shares
    assert not one_file.is_complete
    progress = json.loads((one_file.output / ledger.PROGRESS).read_text())
    assert (progress["state"], progress["reason"]) == ("stopped", result.stopped)
    assert one_file.resume().manifest["rows"] == one_file.rows


@pytest.mark.parametrize(("allowed", "expected"), [(False, StoppedEarly), (True, None)])
def test_a_deadline_is_a_success_only_where_parts_are_welcome(
    one_file: Any, monkeypatch: pytest.MonkeyPatch, allowed: bool, expected: type | None
) -> None:
    """After the first unit, no time is left."""
    monkeypatch.setattr("semscore.jobs.run.stop.CAUTION", 1e9)
    monkeypatch.setattr("semscore.jobs.run.work.AT_ONCE", 1)
    limits = Limits(unit_rows=1_000, deadline=600, partial_ok=allowed)
    if expected:
        with pytest.raises(expected, match="no other unit would finish before the time limit"):
            one_file.run(limits=limits)
    else:
        assert "no other unit would finish" in one_file.run(limits=limits).stopped
    assert one_file.scored() == list(range(40))
    assert one_file.resume().manifest["rows"] == one_file.rows


def test_a_deadline_before_the_first_unit_is_done_is_no_progress(one_file: Any) -> None:
    with pytest.raises(NothingCommitted, match=r"this run scored 0 of .* \(0 rows\)"):
        one_file.run(limits=Limits(unit_rows=1_000, deadline=45.01, partial_ok=True))
    assert one_file.scored() == []


def test_all_runs_of_a_dataset_together_stay_below_the_cost(
    one_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first unit, too little is left."""
    monkeypatch.setattr("semscore.jobs.run.stop.CAUTION", 1e9)
    monkeypatch.setattr("semscore.jobs.run.work.AT_ONCE", 1)
    price = Report(price=3600)  # 1 per second
    with pytest.raises(StoppedEarly, match="no other unit would finish within --max-cost"):
        one_file.run(limits=Limits(unit_rows=1_000, max_cost=600), report=price)
    before = one_file.scored()
    assert before == list(range(40))
    assert json.loads((one_file.output / ledger.PROGRESS).read_text())["cost"] > 0
    match = r"have cost \d+\.\d\d by its records, and --max-cost is 0.01"
    with pytest.raises(NothingCommitted, match=match):
        one_file.resume(limits=Limits(max_cost=0.01), report=price)
    assert one_file.scored() == before
    assert one_file.resume().manifest["rows"] == one_file.rows
    done = one_file.resume(limits=Limits(max_cost=0.01), report=price)
    assert done.manifest["rows"] == one_file.rows, "nothing is left to pay for"


def test_a_limit_is_raised_and_then_left_out(one_file: Any) -> None:
    assert one_file.run(rows=Rows(limit=50)).manifest["rows"] == 50
    assert len(set(one_file.scored(in_order=False))) == 50
    assert one_file.resume(rows=Rows(limit=2_500)).manifest["rows"] == 2_500
    assert len(set(one_file.scored(in_order=False))) == 2_500
    whole = {path for path in one_file.published() if path.name.split("-")[1] in one_file.whole()}
    assert whole
    assert one_file.resume(rows=Rows(limit=2_500)).rows == 0
    result = one_file.resume()
    assert result.manifest["rows"] == one_file.rows
    assert result.manifest["audit"]["limit"] is None
    assert one_file.scored() == list(range(one_file.rows))
    assert whole <= one_file.published().keys(), "what was whole is not scored again"


def test_a_limit_under_a_condition_is_left_out_too(one_file: Any) -> None:
    odd = "id % 2 = 1"
    assert one_file.run(rows=Rows(where=odd, limit=700)).manifest["rows"] == 700
    assert one_file.resume(rows=Rows(where=odd)).manifest["rows"] == one_file.rows // 2
    assert one_file.scored() == list(range(1, one_file.rows, 2))


def test_a_limit_below_what_is_scored_is_refused(one_file: Any) -> None:
    one_file.run(rows=Rows(limit=50))
    match = "has 50 rows already, more than --limit 20. Use a larger limit, or another OUTPUT"
    with pytest.raises(UserError, match=match):
        one_file.resume(rows=Rows(limit=20))
    assert one_file.is_complete
    assert len(one_file.scored(in_order=False)) == 50


def test_a_trial_of_an_earlier_version_is_continued(one_file: Any) -> None:
    """Its records do not say which units lack rows, so all are scored again."""
    one_file.run(rows=Rows(limit=50))
    for path in one_file.output.glob("_semscore/units/*.json"):
        record = json.loads(path.read_text())
        del record["cut_at"]
        path.write_text(json.dumps(record | {"v": 3}))
    run = one_file.output / ledger.RUN
    run.write_text(json.dumps(json.loads(run.read_text()) | {"v": 3}))
    assert one_file.resume(rows=Rows(limit=50)).rows == 0
    assert one_file.resume().rows == one_file.rows
    assert one_file.scored() == list(range(one_file.rows))
