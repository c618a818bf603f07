"""All figures of a report, by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, replace
from typing import Any

import pandas as pd
import pytest

from semscore.jobs.history.records import Records
from semscore.jobs.ledger.committed import Committed, UnitRecord
from semscore.jobs.reporting.facts import Facts, gather


def test_rows_and_statuses(facts: Facts) -> None:
    assert facts.audit.state == "complete"
    assert (facts.audit.rows_in, facts.audit.rows_out, facts.audit.files) == (200, 200, 2)
    assert facts.audit.statuses == {"ok": 196, "null": 2, "blank": 2}
    assert facts.audit.share("null") == 0.01


def test_speed_is_rows_over_the_time_of_the_units(facts: Facts) -> None:
    assert (facts.speed.scoring_s, facts.speed.run_s) == (20.0, 40.0)
    assert facts.speed.pairs_per_s == 10.0
    assert facts.speed.tokens_per_s == 200.0
    # 200 texts of 20 tokens; 2 operations a weight, 4 * 6 * 384 * 20 in attention
    flop = 200 * 20 * (2 * 1_000_000 + 4 * 6 * 384 * 20)
    assert facts.speed.flop == pytest.approx(flop)
    assert facts.speed.worker_flop_per_s == pytest.approx(flop / 11)
    assert facts.speed.flop_per_s == pytest.approx(flop / 20)


def test_texts(facts: Facts) -> None:
    assert (facts.texts.texts, facts.texts.distinct, facts.texts.repeats) == (400, 200, 0.5)
    assert facts.texts.padding == pytest.approx(0.2)
    assert facts.speed.saved_s == pytest.approx(11)  # as long again
    assert facts.speed.longest_unit_s == max(unit.ended_s - unit.began_s for unit in facts.units)
    assert facts.texts.named_lengths == [("16 or more", 200)]


def test_cost_is_hosts_times_time_times_price(facts: Facts) -> None:
    assert facts.cost.host_hours == pytest.approx(2 * 40 / 3600)
    assert facts.cost.cost == pytest.approx(0.08)
    assert facts.cost.per_million_pairs == pytest.approx(400.0)


def test_each_run_pays_for_its_own_hosts(
    records: Records,
    both: list[UnitRecord],
    rows: pd.DataFrame,
    units: Callable[..., UnitRecord],
) -> None:
    other = "20261101T103000-00000000"
    later = units(3, "30:20", "30:40", run=other, label="host-c 9 cpu torch")
    three = replace(records, units=Committed([*both, later]))
    found = gather(three, rows, "out", price=3600.0)
    assert found.cost.cost == pytest.approx(2 * 40 + 1 * 40)
    assert (found.what.hosts, found.what.runs) == (2, 2)
    # Its 20 s with 2 slots count too, and the half hour between does not.
    assert found.spent.total == pytest.approx(2 * 20 + 2 * 20)


def test_without_a_price_there_is_no_cost(records: Records, rows: pd.DataFrame) -> None:
    found = gather(records, rows, "out")
    assert (found.cost.cost, found.cost.per_million_pairs) == (None, None)


def test_cosines_are_of_all_pairs_other_metrics_of_those_seen(
    records: Records, rows: pd.DataFrame, run: Callable[..., dict[str, Any]]
) -> None:
    found = gather(records, rows, "out")
    assert (sum(b.pairs for b in found.scores), found.scores_of_all) == (196, True)
    dot = run(recipe={"metric": "dot", "precision": "float32"})
    for tally in (unbounded := deepcopy(records.units)).tallies.values():
        tally.hist.pop("score")
    found = gather(replace(records, run=dot, units=unbounded), rows, "out")
    assert (sum(b.pairs for b in found.scores), found.scores_of_all) == (9, False)


def test_private_data_has_no_samples(records: Records, rows: pd.DataFrame) -> None:
    assert gather(records, rows, "out", samples=False).samples is None


def test_a_run_that_did_not_end_says_so(records: Records, rows: pd.DataFrame) -> None:
    progress = {
        "state": "failed",
        "rows_total": 1000,
        "set_aside": [{"what": "unit 3", "reason": "broken"}],
    }
    found = gather(replace(records, manifest=None, progress=progress), rows, "out")
    assert (found.audit.state, found.audit.rows_total, found.audit.rows_in) == (
        "failed",
        1000,
        None,
    )
    assert found.audit.failed == [{"what": "unit 3", "reason": "broken"}]


def test_many_units_are_not_drawn_and_the_slowest_named(
    records: Records, rows: pd.DataFrame, units: Callable[..., UnitRecord]
) -> None:
    many = [units(k, "00:20", f"00:{21 + k % 30}") for k in range(300)]
    found = gather(replace(records, units=Committed(many)), rows, "out")
    assert found.units == []
    assert len(found.slowest) == 10
    assert found.slowest[0].ended_s == 30.0


def test_nothing_was_scored(run: Callable[..., dict[str, Any]]) -> None:
    empty = pd.DataFrame({"score": [], "status": [], "partition": []})
    found = gather(Records(run(), Committed(), None, None), empty, "out")
    assert (found.audit.rows_out, found.speed.pairs_per_s, found.scores) == (0, 0.0, [])


def test_facts_are_json(facts: Facts) -> None:
    told = json.loads(json.dumps(asdict(facts), allow_nan=False))
    assert told["v"] == 1
    assert told["audit"]["rows_out"] == 200
