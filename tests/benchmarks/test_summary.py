"""Lines of the table, computed from rows, and the page that shows them."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.page import markdown
from benchmarks.summary import summarize


def row(contender: str, seconds: float, turn: int = 0, model: str = "minilm") -> dict[str, Any]:
    """A row of 1,000 further pairs, which take `seconds`, of 0.5 GFLOP each."""

    def timing(rows: int, wall_s: float) -> dict[str, Any]:
        return {
            "rows": rows,
            "wall_s": wall_s,
            "cpu_s": 2 * wall_s,
            "peak_bytes": 10**9,
            "max_diff": 0.001,
        }

    return {
        "model": model,
        "corpus": "en",
        "contender": contender,
        "round": turn,
        "date": f"2026-11-2{turn} 10:00 UTC",
        "versions": {"torch": "2.13.0"},
        "start": timing(2, 6),
        "small": timing(500, 10),
        "large": timing(1500, 10 + seconds),
        "work": {
            "pairs": 1000,
            "texts": 2000,
            "distinct_texts": 1200,
            "tokens": 50_000,
            "distinct_flop": 5e11,
        },
    }


def result(*rows: dict[str, Any]) -> dict[str, Any]:
    return {
        "machine": {"cpu": "a cpu", "cores": 2, "flags": ["avx2"], "memory_gb": 8.0},
        "limits": {"minilm": {"float32": {"kernel": "a kernel", "gflops": 100.0}}},
        "rows": list(rows),
    }


def test_a_line_has_the_medians_of_its_rounds() -> None:
    rounds = [row("alone", seconds, turn) for turn, seconds in enumerate((10, 12.5, 20))]
    [line] = summarize(result(*rounds))
    assert line.rounds == 3
    assert line.pairs_per_s == pytest.approx(80)
    assert line.limit_share == pytest.approx(80 / 200)  # 100 GFLOP/s / 0.5 GFLOP a pair
    assert line.cpu_s_per_1000 == pytest.approx(25)
    assert line.ratio is None  # the script was not measured
    assert (line.start_s, line.rows, line.seconds) == (6, (500, 1500), 12.5)
    assert line.max_diff == 0.001


def test_the_ratio_compares_with_the_script_in_the_same_round() -> None:
    lines = summarize(
        result(
            *(row("original", seconds, turn) for turn, seconds in enumerate((20, 40))),
            *(row("alone", seconds, turn) for turn, seconds in enumerate((10, 20))),
        )
    )
    assert [(line.contender, line.ratio) for line in lines] == [("original", 1), ("alone", 2)]


def test_the_ratio_compares_within_a_model() -> None:
    [first, second] = summarize(
        result(row("original", 20), row("openvino:bfloat16", 10, model="bert-base"))
    )
    assert first.ratio == 1
    assert second.ratio is None


def test_a_difference_that_is_lost_in_noise_has_no_rate() -> None:
    [line] = summarize(result(row("alone", -1)))
    assert line.pairs_per_s is None
    assert "| lost in noise |" in markdown(result(row("alone", -1)), "table")


def test_the_precision_of_auto_is_the_one_chosen() -> None:
    auto = row("semscore:auto", 10)
    auto["large"]["precision"] = "float32"
    [line] = summarize(result(auto))
    assert line.limit_share == pytest.approx(0.5)
    assert "semscore, auto = float32" in markdown(result(auto), "table")


def test_the_page_shows_machine_limits_versions_and_failures() -> None:
    failed = {
        name: value
        for name, value in row("ray_data", 1).items()
        if name not in ("small", "large", "work")
    } | {"error": "exit code 1; see a log"}
    page = markdown(result(row("original", 20, 1), failed), "table-avx2")
    assert "2 cores of a cpu (avx2), 8.0 GB; 2026-11-20 10:00 UTC to 2026-11-21 10:00 UTC" in page
    assert (
        "| minilm | en | script, 1 process per core, float32 | 50.0 | 1.00 | 25% | 6.0 | 40.0 "
        "| 1.0 | 0.001 | 500 to 1,500 | 20 | 1 | 2026-11-21 |" in page
    )
    assert "- minilm, en, Ray Data, float32: exit code 1; see a log" in page
    assert "| minilm | float32 | a kernel | 100 |" in page
    assert "| minilm | en | 1,000 | 50 | 60% |" in page
    assert "| original, ray_data | torch 2.13.0 |" in page
