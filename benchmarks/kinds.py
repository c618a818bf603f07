"""Measure cross-encoders and embeddings beside sentence-transformers: `-m benchmarks.kinds`.

Each contender scores the same pairs, or embeds their texts, in one process with one thread, after
it has loaded its model and been run once. sentence-transformers runs at several batch sizes, of
which the best counts. Pairs and texts do not repeat. The cross-encoder has the shape of MiniLM-L6
and a head with random weights, which takes as long as a trained one.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import torch

from benchmarks import BUILD
from benchmarks.corpus import corpus
from benchmarks.files import first_rows
from benchmarks.ours import Book, parser
from benchmarks.twin import cross_encoder
from semscore.udfs.backends.openvino.calibration import TEXTS, calibrate
from semscore.udfs.meters import Meters
from semscore.udfs.models.fetch import local_folder
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.vector_format import VectorFormat
from semscore.udfs.worker import resident as worker
from semscore.udfs.worker.batches import embed_batches, score_batches

PLACE = BUILD / "kinds"
BATCHES = (8, 32, 128)
THEIRS = "sentence-transformers"
Run = Callable[[], object]


def theirs(
    kind: str, folder: Path, precision: str, batch: int, pairs: list[tuple[str, str]]
) -> Run:
    """Return a run of sentence-transformers."""
    from sentence_transformers import CrossEncoder, SentenceTransformer

    loader: Any = CrossEncoder if kind == "cross-encoder" else SentenceTransformer
    options: Any = {"model_kwargs": {"dtype": getattr(torch, precision)}, "local_files_only": True}
    model = loader(str(folder), device="cpu", **options)
    if kind == "cross-encoder":
        return lambda: model.predict(pairs, batch_size=batch)
    texts = [text for pair in pairs for text in pair]
    return lambda: model.encode(texts, batch_size=batch)


def ours(kind: str, recipe: Recipe, pairs: list[tuple[str, str]]) -> Run:
    """Return a run of semscore's worker, without Spark."""
    columns = tuple(pd.Series(texts, dtype=object) for texts in zip(*pairs, strict=True))

    def run() -> None:
        batches = iter([columns])
        if kind == "cross-encoder":
            frames = score_batches(batches, recipe, Engine(), Meters(), needs_all=True)
        else:
            frames = embed_batches(
                batches, recipe, Engine(), VectorFormat(), Meters(), needs_all=True
            )
        for _ in frames:
            pass

    return run


def seconds(run: Run) -> float:
    """Return how long a run takes."""
    start = perf_counter()
    run()
    return perf_counter() - start


def main() -> None:
    """Measure both kinds, each in all precisions."""
    options = parser(__doc__)
    options.add_argument("--rows", type=int, default=600)
    options.add_argument("--rounds", type=int, default=3)
    args = options.parse_args()
    torch.set_num_threads(1)
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    table = pq.read_table(first_rows(corpus("en-nodup", args.suite), args.rows + TEXTS))
    every = list(zip(table["text1"].to_pylist(), table["text2"].to_pylist(), strict=True))
    pairs, sample = every[: args.rows], every[args.rows :]
    columns = ["kind", "contender", "precision", "batch", "seconds", "pairs_per_s"]
    book = Book("kinds", [*columns, "times_float32", "times_best_bfloat16"])
    for kind in ("cross-encoder", "embeddings"):
        folder = cross_encoder() if kind == "cross-encoder" else local_folder(args.model)
        contenders: dict[tuple[str, str, int | None], Run] = {
            (THEIRS, precision, batch): theirs(kind, folder, precision, batch, pairs)
            for precision, batch in (("float32", 32), *(("bfloat16", size) for size in BATCHES))
        }
        recipe = Recipe(model=str(folder))
        with tempfile.TemporaryDirectory() as place:
            for asked in (
                recipe,
                Recipe(model=str(folder), precision="bfloat16"),
                calibrate(sample, recipe, place),
            ):
                contenders["semscore", asked.precision, None] = ours(kind, asked, pairs)
            found = measured(contenders, args.rounds)
        exact = found[THEIRS, "float32", 32]
        half = min(found[THEIRS, "bfloat16", size] for size in BATCHES)
        for (name, precision, batch), took in found.items():
            book.add(
                kind=kind,
                contender=name,
                precision=precision,
                batch=batch or "–",
                seconds=took,
                pairs_per_s=args.rows / took,
                times_float32=exact / took,
                times_best_bfloat16=half / took,
            )
    shutil.rmtree(PLACE)


def measured(contenders: dict[Any, Run], rounds: int) -> dict[Any, float]:
    """Return the median seconds of each contender. All take part in each round.

    A worker keeps one model, so ours are run once before each measurement.
    """
    taken: dict[Any, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            run()
            taken[name].append(seconds(run))
    worker._residents.clear()
    return {name: median(each) for name, each in taken.items()}


if __name__ == "__main__":
    main()
