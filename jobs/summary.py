"""A run's result on the terminal."""

from __future__ import annotations

from collections import Counter

from rich.bar import Bar
from rich.console import Console
from rich.table import Table

from semscore.jobs.result import Result
from semscore.udfs.meters import SCORE_BINS
from semscore.udfs.scoring import STATUSES

SHOWN_BINS = 20
BAR_WIDTH = 40


def print_summary(console: Console, result: Result) -> None:
    """Rows by status, distribution of scores, time and speed, audit, and where the files are."""
    manifest = result.manifest
    rows = manifest["rows"]
    table = Table("status", "rows", "share", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for status in STATUSES:
        if count := result.statuses[status]:
            table.add_row(status, f"{count:,}", f"{count / rows:.1%}")
    console.print(table)
    if result.score_hist:
        console.print()
        console.print(histogram(result.score_hist))
    console.print()
    if result.rows:
        speed = result.rows / result.scoring_seconds
        console.print(
            f"{result.rows:,} rows in {result.seconds:.1f} s: {result.scoring_seconds:.1f} s for "
            f"scoring and writing, models' loading included ({speed:,.0f} pairs/s)"
        )
    audit = manifest["audit"]
    chosen = [f"{name} {audit[name]}" for name in ("where", "limit") if audit[name] is not None]
    skipped = audit["skipped_files"]
    console.print(
        f"audit: {audit['rows_in']:,} rows in, {audit['rows_out']:,} rows out"
        + (f" ({', '.join(chosen)})" if chosen else "")
        + (f"; {len(skipped)} unreadable files set aside" if skipped else "")
    )
    size = manifest["bytes"] / 2**20
    console.print(
        f"{len(manifest['files']):,} data files, {size:,.1f} MB in {result.output.name}",
        soft_wrap=True,
    )
    if result.report:
        console.print(f"report: {result.report}", soft_wrap=True)


def histogram(bins: Counter[int]) -> Table:
    """Scores from the lowest to the highest bin that has any, a bar each."""
    step = SCORE_BINS // SHOWN_BINS
    shown = Counter[int]()
    for place, count in bins.items():
        shown[place // step] += count
    table = Table("score", "pairs", "", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for place in range(min(shown), max(shown) + 1):
        low = -1 + 2 * place / SHOWN_BINS
        table.add_row(
            f"{low:+.1f} to {low + 2 / SHOWN_BINS:+.1f}",
            f"{shown[place]:,}",
            Bar(max(shown.values()), 0, shown[place], width=BAR_WIDTH),
        )
    return table
