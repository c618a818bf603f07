"""The result of a run on the terminal."""

from __future__ import annotations

from collections import Counter

from rich.bar import Bar
from rich.console import Console
from rich.table import Table

from semscore.jobs.run.result import Result
from semscore.udfs.meters import SCORE_BINS

SHOWN_BINS = 20
BAR_WIDTH = 40


def print_summary(console: Console, result: Result) -> None:
    """Print rows by status, the distribution of scores, time, speed, the audit, and the paths."""
    table = Table("status", "rows", "share", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in result.shares:
        table.add_row(*row)
    console.print(table)
    if result.score_hist:
        console.print()
        console.print(histogram(result.score_hist))
    console.print()
    for sentence in result.sentences:  # do not cut paths or read them as markup
        console.print(sentence, soft_wrap=True, markup=False)


def histogram(bins: Counter[int]) -> Table:
    """Return a table with a bar for each bin, from the lowest to the highest that has scores."""
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
