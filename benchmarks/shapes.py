"""Measure how a worker grows with the shapes of its batches: `python -m benchmarks.shapes`.

Torch and oneDNN keep something for each shape of a product. A process embeds one window of distinct
texts after another, with torch's own number of kept shapes, and with the number that semscore sets.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import process_time

from benchmarks.corpus import corpus
from benchmarks.files import first_rows
from benchmarks.ours import Book, parser
from benchmarks.process import peak_mb
from benchmarks.seconds import distinct_texts
from semscore.udfs.backends.torch_memory import CACHES, SHAPES
from semscore.udfs.meters import Meters
from semscore.udfs.models.fetch import local_folder
from semscore.udfs.recipe import BackendName, Engine, Precision, Prompt, Recipe

KEPT = ("1024", SHAPES)  # torch's default, and ours
BACKENDS: tuple[BackendName, ...] = ("torch", "flat")


def grow(
    texts: list[str], window: int, model: str, precision: Precision, backend: BackendName
) -> tuple[list[float], float]:
    """Embed all texts in this process. Returns its peak MB after each window, and texts/CPU s."""
    from semscore.udfs.backends.registry import load_backend
    from semscore.udfs.texts.encoder import Encoder

    recipe = Recipe(model=model, precision=precision)
    loaded, _ = load_backend(local_folder(model), recipe, Engine(backend=backend), "cpu", 1)
    encoder, peaks = Encoder(loaded, None, None), [peak_mb()]
    start = process_time()
    for first in range(0, len(texts), window):
        inputs = encoder.prepare(texts[first : first + window], Prompt(), Meters())
        encoder.embed(inputs, Prompt(), Meters())
        peaks.append(peak_mb())
    return peaks, len(texts) / (process_time() - start)


def main() -> None:
    """Measure each backend with each number of kept shapes, in a process of its own."""
    options = parser(__doc__)
    options.add_argument("--texts", type=int, default=4000)
    options.add_argument("--window", type=int, default=800)
    options.set_defaults(precision="bfloat16")
    args = options.parse_args()
    texts = distinct_texts(first_rows(corpus("en", args.suite), args.texts))[: args.texts]
    columns = ["precision", "backend", "kept_shapes", "loaded_mb", "peak_mb", "texts_per_cpu_s"]
    book = Book("shapes", columns)
    for backend in BACKENDS:
        for kept in KEPT:
            os.environ.update(dict.fromkeys(CACHES, kept))
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                peaks, speed = pool.submit(
                    grow, texts, args.window, args.model, args.precision, backend
                ).result()
            book.add(
                precision=args.precision,
                backend=backend,
                kept_shapes=int(kept),
                loaded_mb=peaks[0],
                peak_mb=peaks[-1],
                texts_per_cpu_s=speed,
                peaks_mb=peaks,
            )


if __name__ == "__main__":
    main()
