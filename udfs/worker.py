"""The one model that this Python worker keeps, and the loop that feeds it."""

from __future__ import annotations

import os
import resource
import socket
import sys
from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import pandas as pd
from pyspark import TaskContext

from semscore.udfs.device import task_cpus, task_device
from semscore.udfs.meters import Meters
from semscore.udfs.models import local_folder
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.scoring import score_pairs

if TYPE_CHECKING:
    from semscore.udfs.encoder import Encoder

TextColumns: TypeAlias = "tuple[pd.Series[Any], pd.Series[Any]]"

FIRST_ROWS = 128  # of the first window of a task
GROWTH = 8  # from one window to the next, up to the full size


class Resident(NamedTuple):
    """The model in this process: it stays from task to task."""

    key: tuple[object, ...]
    encoder: Encoder


_resident: Resident | None = None


def score_batches(
    batches: Iterator[TextColumns], recipe: Recipe, engine: Engine, meters: Meters
) -> Iterator[pd.DataFrame]:
    """Score Arrow batches of (text1, text2), as frames of (score, status), in order.

    Batches are gathered into windows within which a repeated text is embedded once. Ends with the
    input; when Spark stops reading earlier, the generator is closed and nothing is left behind.
    Fills `meters` as it goes. Raises TypeError for a column that is not text.
    """
    context = TaskContext.get()
    device = task_device(engine.device, context)
    worker = f"{socket.gethostname()} {os.getpid()} {device}"
    start = perf_counter()
    for texts1, texts2 in windows(batches, engine.window_rows, engine.window_bytes):
        meters.wait_input_s += perf_counter() - start
        start = perf_counter()
        encoder = _encoder(recipe, engine, device, task_cpus(context))  # not for an empty task
        encoder.meters = meters
        meters.load_s += perf_counter() - start
        start, before = perf_counter(), meters.tokenize_s + meters.forward_s
        scores = score_pairs(
            texts1, texts2, encoder.encode, recipe.metric, (recipe.prompt1, recipe.prompt2)
        )
        meters.compare_s += perf_counter() - start - (meters.tokenize_s + meters.forward_s - before)
        meters.rows += len(texts1)
        meters.texts += 2 * len(texts1)
        meters.distinct_texts += scores.distinct_texts
        meters.statuses.update(scores.status)
        meters.workers[worker] += len(texts1)
        meters.count_scores(scores.score, scores.token_lengths)
        meters.peak_rss_bytes = _peak_rss()
        start = perf_counter()
        yield pd.DataFrame({"score": scores.score, "status": scores.status})
        meters.emit_s += perf_counter() - start
        start = perf_counter()


def windows(batches: Iterable[TextColumns], max_rows: int, max_bytes: int) -> Iterator[TextColumns]:
    """Cut and join batches into windows of `max_rows`, or less where `max_bytes` is reached first.

    The first windows are small, so that somebody who looks at a few rows does not wait for many.
    A window exceeds `max_bytes` by one batch at most.
    """
    held: list[TextColumns] = []
    rows = size = 0
    target = min(FIRST_ROWS, max_rows)
    for batch in batches:
        held.append(batch)
        rows += len(batch[0])
        size += _text_bytes(batch)
        while rows >= target:
            first, second = _joined(held)
            yield first[:target], second[:target]
            held = [(first[target:], second[target:])]
            rows, size = rows - target, _text_bytes(held[0])
            target = min(target * GROWTH, max_rows)
        if size >= max_bytes:
            yield _joined(held)
            held, rows, size = [], 0, 0
    if rows:
        yield _joined(held)


def _joined(held: list[TextColumns]) -> TextColumns:
    first, second = zip(*held, strict=True)
    return pd.concat(first, ignore_index=True), pd.concat(second, ignore_index=True)


def _text_bytes(columns: TextColumns) -> int:
    """Bytes of both columns' texts, about: Python takes one to four a character."""
    texts = [text for column in columns for text in column.dropna()]
    kinds = set(map(type, texts)) - {str}
    if kinds:
        raise TypeError(
            f"similarity() takes string columns, got {sorted(kind.__name__ for kind in kinds)}; "
            "cast them to string"
        )
    return sum(map(len, texts))


def _encoder(recipe: Recipe, engine: Engine, device: str, cpus: int) -> Encoder:
    """This worker's encoder: loaded once, then kept as long as it is asked for the same model."""
    global _resident  # a worker process is the very thing that lives from task to task
    parts = ("model", "revision", "precision", "max_seq_length", "truncate_dim")
    key = (*(getattr(recipe, name) for name in parts), engine, device, cpus)
    if _resident is None or _resident.key != key:
        _resident = None  # never two models at once
        _resident = Resident(key, _load(recipe, engine, device, cpus))
    return _resident.encoder


def _load(recipe: Recipe, engine: Engine, device: str, cpus: int) -> Encoder:
    folder = local_folder(recipe.model, recipe.revision)
    # Before the first import of torch and tokenizers, which read these once.
    os.environ |= {
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": str(cpus),
        "RAYON_NUM_THREADS": str(cpus),
        "TOKENIZERS_PARALLELISM": "true" if cpus > 1 else "false",
        "TQDM_DISABLE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
    }
    import torch

    from semscore.udfs.backends.torch import TorchBackend
    from semscore.udfs.encoder import Encoder

    torch.set_num_threads(cpus)
    return Encoder(TorchBackend(folder, recipe, device), engine.token_budget, engine.batch_size)


def _peak_rss() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux KiB
