"""The one model that this Python worker keeps, and the loop that feeds it."""

from __future__ import annotations

import os
import resource
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
from pyspark import TaskContext

from semscore.udfs.ahead import ahead
from semscore.udfs.device import task_cpus, task_device
from semscore.udfs.meters import Meters
from semscore.udfs.models import local_folder
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.scoring import Pairs, lay_out, score
from semscore.udfs.windows import TextColumns, windows

if TYPE_CHECKING:
    from semscore.udfs.encoder import Encoder, Inputs


class Resident(NamedTuple):
    """The model in this process: it stays from task to task."""

    encoder: Encoder
    label: str  # host, process, device, backend
    note: str | None  # what a user should know of how it runs


_resident: Resident | None = None
_key: tuple[object, ...] = ()  # what it was loaded for


def score_batches(
    batches: Iterator[TextColumns], recipe: Recipe, engine: Engine, meters: Meters
) -> Iterator[pd.DataFrame]:
    """Score Arrow batches of (text1, text2), as frames of (score, status), in order.

    Batches are gathered into windows within which a repeated text is embedded once. While one
    window is embedded, a thread reads and tokenises the next. Ends with the input; when Spark
    stops reading earlier, the generator is closed and the thread ends. Fills `meters` as it goes.
    Raises TypeError for a column that is not text.
    """
    start = perf_counter()
    cut = windows(batches, engine.window_rows, engine.window_bytes)
    first = next(cut, None)
    meters.wait_input_s += perf_counter() - start
    if first is None:
        return  # an empty task loads no model
    start = perf_counter()
    encoder, label, note = resident(recipe, engine)
    if note:
        meters.notes[note] += 1
    meters.load_s += perf_counter() - start
    with closing(ahead(_prepare(chain([first], cut), encoder, recipe, meters))) as prepared:
        start = perf_counter()
        for pairs, inputs in prepared:
            meters.wait_input_s += perf_counter() - start
            parts = zip(inputs, pairs.prompts, strict=True)
            embedded = [encoder.embed(part, prompt, meters) for part, prompt in parts]
            start = perf_counter()
            scores = score(pairs, embedded, recipe.metric)
            meters.compare_s += perf_counter() - start
            meters.workers[label] += len(scores.score)
            meters.count(scores.score, scores.status, scores.token_lengths)
            meters.peak_rss_bytes = _peak_rss()
            start = perf_counter()
            yield pd.DataFrame({"score": scores.score, "status": scores.status}, copy=False)
            meters.emit_s += perf_counter() - start
            start = perf_counter()


def _prepare(
    cut: Iterator[TextColumns], encoder: Encoder, recipe: Recipe, meters: Meters
) -> Iterator[tuple[Pairs, list[Inputs]]]:
    """Find and tokenise the distinct texts of each window."""
    for texts1, texts2 in cut:
        pairs = lay_out(texts1, texts2, (recipe.prompt1, recipe.prompt2))
        parts = zip(pairs.texts, pairs.prompts, strict=True)
        yield pairs, [encoder.prepare(texts, prompt, meters) for texts, prompt in parts]


def resident(recipe: Recipe, engine: Engine) -> Resident:
    """This worker's model: loaded once, then kept as long as it is asked for the same one."""
    global _resident, _key  # a worker process is the very thing that lives from task to task
    context = TaskContext.get()
    device, cpus = task_device(engine.device, context), task_cpus(context)
    parts = ("model", "revision", "precision", "max_seq_length", "truncate_dim", "calibration")
    key = (*(getattr(recipe, name) for name in parts), engine, device, cpus)
    if _resident is None or _key != key:
        _resident = None  # never two models at once
        _resident, _key = _load(recipe, engine, device, cpus), key
    return _resident


def _load(recipe: Recipe, engine: Engine, device: str, cpus: int) -> Resident:
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
    from semscore.udfs.backends.choose import load_backend
    from semscore.udfs.encoder import Encoder

    backend, reason = load_backend(folder, recipe, engine, device, cpus)
    return Resident(
        encoder=Encoder(backend, engine.token_budget, engine.batch_size),
        label=f"{socket.gethostname()} {os.getpid()} {device} {backend.name}",
        note=f"the model runs in torch, not in OpenVINO: {reason}" if reason else None,
    )


def _peak_rss() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux KiB
