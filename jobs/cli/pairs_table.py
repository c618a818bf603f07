"""The results of the demo: the closest and farthest pairs, and how well the scores rank pairs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.dataset as ds
from rich.console import Console
from rich.table import Table

EXTREMES = 4  # pairs shown at each end
SHOWN_CHARS = 160


def show_pairs(console: Console, scored: Path) -> None:
    """Print the closest and farthest pairs, and the rank correlation with the graded ones."""
    pairs = ds.dataset(scored, partitioning="hive").to_table().to_pandas()
    real = pairs[(pairs.semanticStatus == "ok") & ~pairs.kind.isin(["odd", "graded"])]
    real = real.sort_values("semanticScore", kind="stable")
    for title, extreme in (
        ("closest pairs", real.iloc[: -EXTREMES - 1 : -1]),
        ("farthest pairs", real.iloc[:EXTREMES]),
    ):
        table = Table("score", "text1", "text2", title=title, title_justify="left", show_lines=True)
        for row in extreme.itertuples():
            table.add_row(f"{row.semanticScore:+.3f}", _short(row.text1), _short(row.text2))
        console.print(table)
    graded = pairs[pairs.kind == "graded"]
    english = graded[graded.id.str.startswith("graded/en/")]
    console.print(
        f"{len(graded)} graded pairs: Spearman {spearman(graded):.3f}. "
        f"The {len(english)} English ones: {spearman(english):.3f} "
        "(the demo's model is for English)"
    )


def spearman(pairs: pd.DataFrame) -> float:
    """Return the rank correlation of scores and grades. Ties get their mean rank."""
    return float(pairs.semanticScore.rank().corr(pairs.grade.rank()))


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 1]}…"
