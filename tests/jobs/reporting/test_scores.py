"""Distributions and pairs."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from semscore.jobs.reporting.scores import (
    SHOWN,
    SHOWN_CHARS,
    by_partition,
    counted_bins,
    pairs_to_see,
    seen_bins,
)


def test_counted_bins_are_those_of_the_meters_with_the_empty_ones_between() -> None:
    found = counted_bins(Counter({20: 3, 22: 1}))
    assert [(b.low, b.high, b.pairs) for b in found] == [
        (0.0, 0.05, 3),
        (0.05, 0.1, 0),
        (0.1, 0.15, 1),
    ]
    assert counted_bins(Counter()) == []


def test_other_metrics_are_binned_as_they_are_seen() -> None:
    scores = [-7.0, -3.5, 0.0, None]
    found = seen_bins(pd.DataFrame({"score": scores}))
    assert (found[0].low, found[-1].high) == (-7.0, 0.0)
    assert sum(b.pairs for b in found) == 3
    assert seen_bins(pd.DataFrame({"score": [None]}, dtype=float)) == []


def test_partitions_have_their_own_quantiles(rows: pd.DataFrame) -> None:
    found = by_partition(rows, Counter({"lang=de": 500, "lang=en": 400}))
    assert [(p.name, p.rows, p.seen) for p in found] == [("lang=de", 500, 5), ("lang=en", 400, 4)]
    assert found[0].quantiles[2] == pytest.approx(0.2)
    assert found[1].quantiles[2] == pytest.approx(0.65)


def test_pairs_come_from_top_middle_bottom_and_each_status() -> None:
    n = 101
    rows = pd.DataFrame(
        {
            "text1": [f"one {k}" for k in range(n)],
            "text2": "two",
            "score": np.linspace(0, 1, n),
            "status": "ok",
            "partition": "",
        }
    )
    odd = rows.iloc[:2].assign(score=np.nan, status=["null", "error"], text1=[None, "x" * 999])
    found = pairs_to_see(pd.concat([rows, odd]))
    by_where = {pair.where: [p for p in found if p.where == pair.where] for pair in found}
    assert list(by_where) == ["top", "middle", "bottom", "null", "error"]
    assert [p.score for p in by_where["top"]] == [1.0, 0.99, 0.98, 0.97, 0.96, 0.95]
    assert all(abs((p.score or 0) - 0.5) < 0.05 for p in by_where["middle"])
    assert by_where["bottom"][-1].score == 0.0
    assert all(len(some) <= SHOWN for some in by_where.values())
    assert by_where["null"][0].text1 is None
    assert len(by_where["error"][0].text1 or "") == SHOWN_CHARS


def test_without_the_texts_no_pairs_are_shown(rows: pd.DataFrame) -> None:
    assert pairs_to_see(rows.drop(columns="text2")) == []
