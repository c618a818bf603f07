"""Measure how the time of a run is spent: `python -m benchmarks.seconds --help`.

Compares the meters of a run, by step, with the forward pass alone: the same texts, tokenised
beforehand, in as many processes as the run has workers. In steady state, the difference is the time
of everything that is not the model. The CPU times of all processes, and of Java alone, show where
that time goes.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter

import pyarrow.parquet as pq

from benchmarks.corpus import corpus
from benchmarks.files import first_rows
from benchmarks.ours import Book, parser, score
from benchmarks.trial import warm_up
from semscore.udfs.meters import Meters
from semscore.udfs.models.fetch import local_folder
from semscore.udfs.recipe import Engine, Prompt, Recipe

STEPS = ("load_s", "wait_input_s", "tokenize_s", "forward_s", "compare_s", "emit_s")


def forward_only(texts: list[str], model: str, precision: str) -> float:
    """Return the seconds of the forward pass over `texts` in this process, without loading."""
    from semscore.udfs.backends.registry import load_backend
    from semscore.udfs.texts.encoder import Encoder

    recipe = Recipe(model=model, precision=precision)  # type: ignore[arg-type]
    backend, _ = load_backend(local_folder(model), recipe, Engine(), "cpu", 1)
    encoder, meters = Encoder(backend, None, None), Meters()
    inputs = encoder.prepare(texts, Prompt(), meters)
    start = perf_counter()
    encoder.embed(inputs, Prompt(), meters)
    return perf_counter() - start


def distinct_texts(data: Path) -> list[str]:
    """Return the distinct texts of both columns, in order of appearance."""
    table = pq.read_table(data, columns=["text1", "text2"])
    pairs = zip(table["text1"].to_pylist(), table["text2"].to_pylist(), strict=True)
    return list(dict.fromkeys(text for pair in pairs for text in pair))


def main() -> None:
    """Measure two sizes, their difference by step, and the forward pass alone."""
    options = parser(__doc__)
    options.add_argument("--rows", type=int, nargs=2, default=[10_000, 20_000])
    options.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    options.add_argument("--workers", type=int, default=2)
    args = options.parse_args()
    english = corpus("en", args.suite)
    columns = ["precision", "rows", "wall_s", *STEPS, "cpu_s", "java_cpu_s", "idle_s"]
    columns += ["forward_only_s", "outside_forward"]
    book = Book("seconds", columns)
    slices = [first_rows(english, rows) for rows in args.rows]
    few, many = (distinct_texts(data) for data in slices)
    new = many[len(few) :]
    for precision in args.precisions:
        args.precision = precision
        warm_up(f"semscore:{args.precision}", first_rows(english, 2), args.model)
        small, large = (score(args, data) for data in slices)
        wall = large["wall_s"] - small["wall_s"]
        with ProcessPoolExecutor(args.workers) as pool:
            shares = [new[k :: args.workers] for k in range(args.workers)]
            n = args.workers
            alone = max(pool.map(forward_only, shares, [args.model] * n, [args.precision] * n))
        steps = {name: large["meters"][name] - small["meters"][name] for name in STEPS}
        cpu = {name: large[name] - small[name] for name in ("cpu_s", "java_cpu_s")}
        book.add(
            precision=args.precision,
            rows=large["rows"] - small["rows"],
            wall_s=wall,
            **steps,
            **cpu,
            idle_s=book.hardware["cores"] * wall - cpu["cpu_s"],
            forward_only_s=alone,
            outside_forward=1 - alone / wall,
        )


if __name__ == "__main__":
    main()
