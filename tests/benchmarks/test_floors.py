"""The least ratios of speed, and what is said of those that are not met."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cells import CELLS
from benchmarks.floors import FLOORS, Floor, floors, main, rates

ROOT = Path(__file__).parents[2]
FLOOR = Floor("semscore:float32", "original", 2.5)
TABLES = {
    path.stem.removeprefix("table-"): json.loads(path.read_text("utf-8"))
    for path in (ROOT / "benchmarks/results").glob("table-*.json")
}


def row(contender: str, rate: float, **fields: Any) -> dict[str, Any]:
    """A row of 1,000 pairs at `rate` pairs per second."""

    def timing(rows: int, wall_s: float) -> dict[str, float]:
        return {"rows": rows, "wall_s": wall_s, "cpu_s": 1, "peak_bytes": 1, "max_diff": 0}

    model, corpus = CELLS[0].model, CELLS[0].corpus
    return {
        **{"model": model, "corpus": corpus, "contender": contender, "round": 0, "date": ""},
        **{"small": timing(500, 5), "large": timing(1500, 5 + 1000 / rate)},
        "work": {"pairs": 1000, "distinct_flop": 1},
        **fields,
    }


def result(*rows: dict[str, Any], flags: tuple[str, ...] = ("avx512_bf16",)) -> dict[str, Any]:
    return {"machine": {"flags": flags}, "limits": {}, "rows": list(rows)}


@pytest.mark.parametrize(
    ("ours", "met", "end"),
    [
        (250.0, True, "met, 2.50 x (250 and 100 pairs/s)"),
        (249.0, False, "not met, 2.49 x (249 and 100 pairs/s)"),
    ],
)
def test_the_ratio_decides(ours: float, met: bool, end: str) -> None:
    found = FLOOR.judge({"original": 100.0, "semscore:float32": ours})
    assert found == (met, f"semscore:float32 at least 2.5 x original: {end}")


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ({"original": 100.0}, "semscore:float32"),
        ({"original": None, "semscore:float32": 900.0}, "original"),
    ],
)
def test_a_contender_without_a_rate_meets_no_floor(found: Any, name: str) -> None:
    met, line = FLOOR.judge(found)
    assert not met
    assert line.endswith(f"not met, because {name} has no rate in this run")


def test_rates_are_those_of_the_first_cell_without_failures() -> None:
    found = rates(
        result(
            row("original", 100),
            row("original", 7, model="bert-base"),
            row("semscore:float32", 300, error="exit code 1"),
        )
    )
    assert found == {"original": pytest.approx(100)}


def test_an_unknown_contender_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "floors.toml").write_text('[avx2]\n"semscore" = { orginal = 2 }\n', "utf-8")
    with pytest.raises(ValueError, match="unknown contender 'orginal'"):
        list(floors(tmp_path / "floors.toml", "avx2"))


@pytest.mark.parametrize("processor", sorted(TABLES))
def test_the_floors_are_well_below_the_table(processor: str) -> None:
    """So that noise alone does not break them; and no processor with a table lacks floors."""
    asked, found = list(floors(FLOORS, processor)), rates(TABLES[processor])
    assert asked
    for floor in asked:
        ours, theirs = found[floor.contender], found[floor.other]
        assert ours and theirs
        assert 0.4 * ours / theirs < floor.ratio < 0.75 * ours / theirs, floor


@pytest.mark.parametrize(
    ("rate", "flags", "code", "said"),
    [
        (450, ("avx512_bf16",), 0, "semscore:bfloat16 at least 4 x original: met, 4.50 x"),
        (390, ("avx512_bf16",), 1, "semscore:bfloat16 at least 4 x original: not met, 3.90 x"),
        (450, (), 2, "has no floors for other"),
    ],
)
def test_the_exit_code(
    rate: float,
    flags: tuple[str, ...],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = {"original": 100, "alone": 150, "alone:bfloat16": 200, "semscore:float32": 300}
    rows = [row(name, speed) for name, speed in names.items()]
    path = tmp_path / "quick.json"
    path.write_text(json.dumps(result(*rows, row("semscore:bfloat16", rate), flags=flags)), "utf-8")
    monkeypatch.setattr(sys, "argv", ["floors", str(path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    assert said in capsys.readouterr().out
