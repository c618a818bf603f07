"""Turn the rows of the table into lines: one for each model, corpus and contender.

    python -m benchmarks.summary benchmarks/results/NAME.json

writes the table and the chart again. In steady state, the seconds per row are
(t(N2) - t(N1)) / (N2 - N1), without the time that every run spends once, for example on imports.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cells import CELLS, Cell
from benchmarks.contenders import BASELINE, parts
from benchmarks.rows import Row

Result = dict[str, Any]  # the content of a file that run.py has written


@dataclass(frozen=True, kw_only=True)
class Line:
    """What the rounds of a contender show, as medians. Without a rate, it was lost in noise."""

    model: str
    corpus: str
    contender: str
    precision: str  # which `auto` has chosen, if that was asked for
    rounds: int
    rows: tuple[int, int]  # the two sizes
    seconds: float  # between the times of the two sizes
    pairs_per_s: float | None
    ratio: float | None  # to the script, in the same round where there is one
    limit_share: float | None
    start_s: float | None
    cpu_s_per_1000: float
    peak_bytes: int
    max_diff: float
    date: str  # of the last round


def summarize(result: Result) -> list[Line]:
    """Return a line for each contender that has been measured, in the order of the table."""
    return [
        line
        for cell in CELLS
        for contender in cell.contenders
        if (line := _line(result, cell, contender))
    ]


def measured(result: Result, cell: Cell, contender: str) -> list[Row]:
    """Return the rows of a contender that have no error, by round."""
    found = [
        row
        for row in result["rows"]
        if (row["model"], row["corpus"], row["contender"]) == (cell.model, cell.corpus, contender)
        and "error" not in row
    ]
    return sorted(found, key=lambda row: int(row["round"]))


def rate(row: Row) -> float | None:
    """Return pairs per second, or None if the difference of the two runs is lost in noise."""
    seconds = row["large"]["wall_s"] - row["small"]["wall_s"]
    rows: int = row["large"]["rows"] - row["small"]["rows"]
    return rows / seconds if seconds > 0 else None


def limit(result: Result, row: Row, precision: str) -> float | None:
    """Return the pairs per second if the machine computed only the row's matrix products."""
    found = result["limits"].get(row["model"], {}).get(precision)
    per_pair: float = row["work"]["distinct_flop"] / row["work"]["pairs"]
    return 1e9 * found["gflops"] / per_pair if found and per_pair else None


def _line(result: Result, cell: Cell, contender: str) -> Line | None:
    rows = measured(result, cell, contender)
    if not rows:
        return None
    precision = rows[0]["large"].get("precision") or parts(contender)[1]
    script = {row["round"]: row for row in measured(result, cell, BASELINE)}
    rates = [rate(row) for row in rows]
    same_round = (script.get(row["round"]) for row in rows)
    others = [rate(other) if other else None for other in same_round]
    most = [limit(result, row, precision) for row in rows]
    cpu = [1000 * (_cost(row, "cpu_s") / _cost(row, "rows")) for row in rows]
    return Line(
        model=cell.model,
        corpus=cell.corpus,
        contender=contender,
        precision=precision,
        rounds=len(rows),
        rows=(rows[0]["small"]["rows"], rows[0]["large"]["rows"]),
        seconds=median(_cost(row, "wall_s") for row in rows),
        pairs_per_s=_median(rates),
        ratio=_median(_shares(rates, others)),
        limit_share=_median(_shares(rates, most)),
        start_s=_median([row["start"]["wall_s"] for row in rows if "start" in row]),
        cpu_s_per_1000=median(cpu),
        peak_bytes=max(row["large"]["peak_bytes"] for row in rows),
        max_diff=max(row["large"]["max_diff"] for row in rows),
        date=max(row["date"] for row in rows),
    )


def _cost(row: Row, name: str) -> float:
    cost: float = row["large"][name] - row["small"][name]
    return cost


def _shares(parts: Sequence[float | None], of: Sequence[float | None]) -> list[float | None]:
    pairs = zip(parts, of, strict=True)
    return [part / whole if part and whole else None for part, whole in pairs]


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def write(result: Result, path: Path) -> None:
    """Write the table as PATH.md, and a chart of the cell with most contenders as PATH.svg."""
    from benchmarks.chart import draw
    from benchmarks.page import markdown

    path.with_suffix(".md").write_text(markdown(result, path.stem), "utf-8")
    lines = [line for line in summarize(result) if line.pairs_per_s]
    first = CELLS[0]
    shown = [line for line in lines if (line.model, line.corpus) == (first.model, first.corpus)]
    if shown:
        draw(result, shown, path.with_suffix(".svg"))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write(json.loads(Path(name).read_text("utf-8")), Path(name))
