"""Summarise raw timings: one line for each contender, and the table.

    python -m benchmarks.summary benchmarks/results/NAME.json

writes the table and the chart again. In steady state, the seconds per row are
(t(N2) - t(N1)) / (N2 - N1), without the time that every run spends once, for example on imports.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contenders import BASELINE, label, parts
from benchmarks.files import table

Result = dict[str, Any]  # as saved by run.py
HEAD = (
    *("contender", "pairs/s", "× script", "of the limit", "start-up s"),
    *("CPU s per 1,000", "peak GB", "largest difference"),
)


def summarize(result: Result) -> list[dict[str, Any]]:
    """Return a line for each contender that finished both sizes, in the order of `result`."""
    lines = [_line(result, contender) for contender in result["contenders"]]
    lines = [line for line in lines if line]
    base = next((line["pairs_per_s"] for line in lines if line["contender"] == BASELINE), None)
    for line in lines:
        line["ratio"] = line["pairs_per_s"] / base if base else None
    return lines


def limit(result: Result, precision: str) -> float | None:
    """Return the pairs per second if the machine computed only the rows' matrix products."""
    found = result.get("limits", {}).get(precision)  # which the first results do not have
    per_pair: float = result["work"]["distinct_flop"] / result["work"]["pairs"]
    return 1e9 * found["gflops"] / per_pair if found else None


def _line(result: Result, contender: str) -> dict[str, Any] | None:
    completed = [t for t in result["timings"] if t["contender"] == contender and "error" not in t]
    small, large = result["rows"]
    at = {(t["round"], t["rows"]): t for t in completed}
    rounds = [r for r, rows in at if rows == large and (r, small) in at]
    if not rounds:
        return None
    wall_s, cpu_s = (
        median((at[r, large][name] - at[r, small][name]) / (large - small) for r in rounds)
        for name in ("wall_s", "cpu_s")
    )
    if wall_s <= 0:  # too few rows: the difference is lost in noise
        return None
    starts = [t["wall_s"] for t in completed if t["rows"] not in (small, large)]
    precision = at[rounds[0], large].get("precision") or parts(contender)[1]
    most = limit(result, precision)
    return {
        "contender": contender,
        "precision": precision,
        "rounds": len(rounds),
        "pairs_per_s": 1 / wall_s,
        "limit_share": 1 / wall_s / most if most else None,
        "start_s": median(starts) if starts else None,
        "cpu_s_per_1000": 1000 * cpu_s,
        "peak_bytes": max(at[r, large]["peak_bytes"] for r in rounds),
        "max_diff": max(at[r, large]["max_diff"] for r in rounds),
    }


def markdown(result: Result) -> str:
    """Return the table, with data, hardware, versions and date above it."""
    hardware, work = result["hardware"], result["work"]
    small, large = result["rows"]
    lines = summarize(result)
    missing = set(result["contenders"]) - {line["contender"] for line in lines}
    limits = {
        f"{name} {limit(result, name):,.0f} ({found['kernel']}, {found['gflops']:,.0f} GFLOP/s)"
        for name, found in result.get("limits", {}).items()
    }
    versions = ", ".join(f"{name} {version}" for name, version in hardware["versions"].items())
    text = [
        f"## {result['name']}\n",
        f"Corpus {result['corpus']}, model {result['model']}, {hardware['date']}. "
        f"Rows {small:,} to {large:,}: {work['texts']:,} texts, "
        f"{work['distinct_texts']:,} distinct, {work['tokens']:,} tokens, "
        f"{work['distinct_flop'] / 1e12:.2f} TFLOP in distinct texts.  ",
        f"{hardware['cores']} cores of {hardware['cpu']} ({', '.join(hardware['flags'])}), "
        f"{hardware['memory_gb']} GB; {versions}.  ",
        "Limit in pairs/s, if only matrix products were computed: "
        + ", ".join(sorted(limits))
        + ".\n",
        table(HEAD, map(_cells, lines)),
        *(f"- {t['contender']}, {t['rows']} rows: {t['error']}" for t in failures(result)),
        *(f"- {name}: not run yet, failed, or lost in noise" for name in sorted(missing)),
    ]
    return "\n".join(text).rstrip() + "\n"


def failures(result: Result) -> list[dict[str, Any]]:
    """Return the timings of runs that failed."""
    return [t for t in result["timings"] if "error" in t]


def _cells(line: dict[str, Any]) -> tuple[str, ...]:
    resolved = "" if parts(line["contender"])[1] != "auto" else f" = {line['precision']}"
    return (
        label(line["contender"]) + resolved,
        f"{line['pairs_per_s']:,.1f}",
        _or_dash(line["ratio"], "{:.2f}"),
        _or_dash(line["limit_share"], "{:.0%}"),
        _or_dash(line["start_s"], "{:.1f}"),
        f"{line['cpu_s_per_1000']:.1f}",
        f"{line['peak_bytes'] / 1e9:.1f}",
        f"{line['max_diff']:.1g}",
    )


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def write(result: Result, folder: Path) -> None:
    """Write NAME.md and, if any contender has a line, NAME.svg."""
    from benchmarks.chart import draw

    (folder / f"{result['name']}.md").write_text(markdown(result), "utf-8")
    if lines := summarize(result):
        draw(result, lines, folder / f"{result['name']}.svg")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write(json.loads(Path(name).read_text("utf-8")), Path(name).parent)
