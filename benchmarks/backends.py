"""Measure the backends on the same texts: `python -m benchmarks.backends --help`.

One thread embeds a window of distinct texts, which are tokenised beforehand. In small windows, few
texts share a width, so that OpenVINO gets small batches or padding. The backends take turns, and
the shortest CPU time counts. The last column is the largest difference of a vector from torch's in
float32, relative to its length.
"""

from __future__ import annotations

from time import process_time

import numpy as np

from benchmarks.corpus import corpus
from benchmarks.files import first_rows
from benchmarks.ours import Book, parser
from benchmarks.seconds import distinct_texts
from semscore.udfs.backends.registry import load_backend
from semscore.udfs.meters import Meters
from semscore.udfs.models.fetch import local_folder
from semscore.udfs.recipe import BackendName, Engine, Prompt, Recipe
from semscore.udfs.texts.encoder import Encoder

BACKENDS: tuple[BackendName, ...] = ("torch", "openvino", "flat")
TURNS = 3
NO_PROMPT = Prompt("")


def main() -> None:
    """Measure each precision at each size of window."""
    options = parser(__doc__)
    options.add_argument("--texts", type=int, nargs="+", default=[50, 200, 2000])
    options.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    args = options.parse_args()
    folder = local_folder(args.model)
    texts = distinct_texts(first_rows(corpus("en", args.suite), max(args.texts)))
    columns = ["precision", "texts", "backend", "texts_per_cpu_s", "ratio", "padding", "apart"]
    book = Book("backends", columns)
    exact: dict[int, np.ndarray] = {}
    for precision in args.precisions:
        recipe = Recipe(model=args.model, precision=precision)
        encoders = {
            name: Encoder(
                load_backend(folder, recipe, Engine(backend=name), "cpu", 1)[0], None, None
            )
            for name in BACKENDS
        }
        for count in args.texts:
            inputs = {
                name: encoder.prepare(texts[:count], NO_PROMPT, Meters())
                for name, encoder in encoders.items()
            }
            best = dict.fromkeys(BACKENDS, float("inf"))
            vectors, padding = {}, {}
            for turn in range(1 + TURNS):  # the first turn compiles
                for name, encoder in encoders.items():
                    meters = Meters()
                    start = process_time()
                    vectors[name] = np.array(encoder.embed(inputs[name], NO_PROMPT, meters).vectors)
                    if turn:
                        best[name] = min(best[name], process_time() - start)
                    padding[name] = meters.padded_tokens / meters.tokens - 1
            expected = exact.setdefault(count, vectors["torch"])
            for name in BACKENDS:
                far = np.linalg.norm(vectors[name] - expected, axis=1)
                book.add(
                    precision=precision,
                    texts=count,
                    backend=name,
                    texts_per_cpu_s=count / best[name],
                    ratio=best["openvino"] / best[name],
                    padding=padding[name],
                    apart=float((far / np.linalg.norm(expected, axis=1)).max()),
                )


if __name__ == "__main__":
    main()
