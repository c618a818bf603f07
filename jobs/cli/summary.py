"""A run's result on the terminal."""

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
    """Rows by status, distribution of scores, time and speed, audit, and where the files are."""
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
    for sentence in result.sentences:  # paths stay whole, and are no markup
        console.print(sentence, soft_wrap=True, markup=False)


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
