"""The loop of a task: Arrow batches to windows, windows to frames, with this worker's model."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain
from time import perf_counter
from typing import Any, Protocol

import pandas as pd

from semscore.udfs.meters import Meters
from semscore.udfs.models.fitted import fitted
from semscore.udfs.pairs.registry import scorer_of
from semscore.udfs.pairs.scorer import Scorer
from semscore.udfs.processes.compatible import require_compatible
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.texts.embedder import Embedder
from semscore.udfs.texts.windows import TextColumns, growing, whole, windows
from semscore.udfs.vector_format import VectorFormat
from semscore.udfs.worker.ahead import ahead
from semscore.udfs.worker.output import sender
from semscore.udfs.worker.resident import Resident, device_faults, resident


class Work(Protocol):
    """What a task does with its windows."""

    def prepare(self, columns: TextColumns, meters: Meters) -> Any:
        """Lay out and tokenise a window. Runs in another thread than `frames`."""

    def frames(self, prepared: Any, meters: Meters) -> Iterator[pd.DataFrame]:
        """Yield the results of a window, in order. Adds rows and seconds to `meters`."""


class _Scoring:
    """The scoring of pairs."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def prepare(self, columns: TextColumns, meters: Meters) -> Any:
        texts1, texts2 = columns
        return self._scorer.prepare(texts1, texts2, meters)

    def frames(self, prepared: Any, meters: Meters) -> Iterator[pd.DataFrame]:
        found = self._scorer.score(prepared, meters)
        bounded = self._scorer.bounded
        meters.count(found.score, found.status, found.token_lengths, found.items, bounded)
        yield pd.DataFrame({"score": found.score, "status": found.status}, copy=False)


def scorer_with(model: Resident, recipe: Recipe) -> Scorer:
    """Return a scorer that uses a model. Raises ModelError for options that it does not have."""
    return scorer_of(model.encoder, fitted(recipe, model.folder), model.folder)


def score_batches(
    batches: Iterator[TextColumns],
    recipe: Recipe,
    engine: Engine,
    meters: Meters,
    needs_all: bool = False,
) -> Iterator[pd.DataFrame]:
    """Score Arrow batches of (text1, text2), and yield frames of (score, status) in order.

    `needs_all`: all rows will be used, so windows need not begin small.

    Raises TypeError for a column that is not text, UserError if the versions in this Python cannot
    be used together, ModelError if the model cannot be used.
    """

    def work(model: Resident) -> Work:
        return _Scoring(scorer_with(model, recipe))

    return _run(batches, recipe, engine, meters, work, needs_all)


def embed_batches(
    batches: Iterator[TextColumns],
    recipe: Recipe,
    engine: Engine,
    vectors: VectorFormat,
    meters: Meters,
    needs_all: bool = False,
) -> Iterator[pd.DataFrame]:
    """Embed Arrow batches of k columns, and yield frames of k pairs (embedding, status) in order.

    The columns of the frames are embedding0, status0, embedding1 and so on. Raises what
    `score_batches` raises, also for a model that does not embed texts.
    """

    def work(model: Resident) -> Work:
        prompt, _ = fitted(recipe, model.folder).prompts
        return Embedder(model.encoder, vectors, prompt, recipe.truncate_dim)

    return _run(batches, recipe, engine, meters, work, needs_all)


def _run(
    batches: Iterator[TextColumns],
    recipe: Recipe,
    engine: Engine,
    meters: Meters,
    work_with: Callable[[Resident], Work],
    needs_all: bool,
) -> Iterator[pd.DataFrame]:
    """Work on Arrow batches, and yield frames in order.

    Batches are combined into windows, within which a repeated text is embedded once. While one
    window is embedded, a thread reads and tokenises the next. If Spark stops reading early, the
    generator is closed and the thread ends. Fills `meters` as it runs.
    """
    require_compatible()  # a worker may have other versions than the driver
    start = perf_counter()
    sizes = (whole if needs_all else growing)(engine.window_rows)
    cut = windows(batches, sizes, engine.window_bytes)
    first = next(cut, None)
    seconds = perf_counter() - start
    meters.read_s += seconds
    meters.wait_input_s += seconds
    if first is None:
        return  # an empty task loads no model
    start = perf_counter()
    model = resident(recipe, engine)
    if engine.vector_store:
        from semscore.udfs.texts.stored import with_store

        device = model.device.torch.partition(":")[0]
        encoder = with_store(model.encoder, recipe, model.folder, engine, device)
        model = model._replace(encoder=encoder)
    task, label = work_with(model), model.label
    meters.notes.update(model.notes)
    model.encoder.begin(meters)
    meters.load_s += perf_counter() - start
    send = sender()
    ready = ahead(_prepared(chain([first], cut), task, meters))
    with device_faults(model.device), closing(ready) as prepared:
        start = perf_counter()
        for window in prepared:
            meters.wait_input_s += perf_counter() - start
            for frame in task.frames(window, meters):
                meters.peak_rss_bytes = _peak_rss()
                start = perf_counter()
                yield frame
                send()
                meters.emit_s += perf_counter() - start
            start = perf_counter()
    model.encoder.end(meters)
    meters.assign(label, model.hardware)


def _prepared(cut: Iterator[TextColumns], work: Work, meters: Meters) -> Iterator[Any]:
    """Read and prepare each window."""
    start = perf_counter()
    for window in cut:
        meters.read_s += perf_counter() - start
        yield work.prepare(window, meters)
        start = perf_counter()


def _peak_rss() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux KiB
