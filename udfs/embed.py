"""Spark columns and SQL functions for embeddings of texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pyspark.accumulators import Accumulator
from pyspark.sql import Column, SparkSession
from pyspark.sql.pandas.functions import pandas_udf

from semscore.udfs.errors import ModelError
from semscore.udfs.meters import Meters
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.session import usable_here
from semscore.udfs.texts.from_arrow import any_bytes
from semscore.udfs.vector_format import Ranges, VectorFormat, ranges_of
from semscore.udfs.worker.batches import embed_batches

DEFAULT_ENGINE = Engine()
FLOATS = VectorFormat()


def embed(
    text: str | Column,
    recipe: Recipe,
    engine: Engine = DEFAULT_ENGINE,
    vectors: VectorFormat = FLOATS,
) -> Column:
    """Return the embedding of a text column, as struct<embedding: array<float>, status: string>.

        df.withColumn("e", embed("title", Recipe(model="…"))).select("*", "e.embedding")

    The vector is that of `SentenceTransformer.encode`, with the recipe's first prompt or role, and
    in the format `vectors`; other types than float32 are array<tinyint> or, if unsigned,
    array<smallint>. It is null if the status is `null`, `blank` (the text is empty or white space)
    or `error` (the model fails on it, or its vector is zero or not finite).

    Raises what `similarity` raises, and ValueError for int8 or uint8 without ranges.
    """
    return _single(recipe, engine, vectors)(text)


def register_embed(
    spark: SparkSession,
    name: str,
    recipe: Recipe,
    engine: Engine = DEFAULT_ENGINE,
    vectors: VectorFormat = FLOATS,
) -> None:
    """Register `name(text)` as a Spark SQL function. See `embed`."""
    function: Any = _single(recipe, engine, vectors)
    spark.udf.register(name, function)


def embedding_ranges(
    texts: Sequence[str],
    recipe: Recipe,
    engine: Engine = DEFAULT_ENGINE,
    normalize: bool = False,
) -> Ranges:
    """Return the lowest and highest value of each dimension in the embeddings of some texts.

    `texts` should be similar to those that will be embedded. They are embedded in this process.
    Raises ModelError if the model cannot be used, or if no text has an embedding.
    """
    form = VectorFormat(normalize=normalize)
    columns = (pd.Series(list(texts), dtype=object),)
    frames = embed_batches(iter([columns]), recipe, engine, form, Meters())
    vectors = [vector for frame in frames for vector in frame["embedding0"] if vector is not None]
    if not vectors:
        raise ModelError(
            "none of the texts has an embedding, so there are no ranges to measure; use texts that "
            "are not blank"
        )
    return ranges_of(np.stack(vectors))


def embed_columns(
    texts: Sequence[Column],
    recipe: Recipe,
    engine: Engine,
    vectors: VectorFormat,
    meters: Accumulator[Meters] | None,
) -> Column:
    """Return the embeddings of k columns, as struct<embedding0, status0, embedding1, …>.

    One function for all columns, because Spark runs each function of a query in a Python worker of
    its own, and each would load the model.
    """
    kinds = [f"embedding{k}: {vectors.spark_type}, status{k}: string" for k in range(len(texts))]
    return _udf(f"struct<{', '.join(kinds)}>", recipe, engine, vectors, meters)(*texts)


def _single(recipe: Recipe, engine: Engine, vectors: VectorFormat) -> Callable[..., Column]:
    kind = f"struct<embedding: {vectors.spark_type}, status: string>"
    return _udf(kind, recipe, engine, vectors, None)


def _udf(
    kind: str,
    recipe: Recipe,
    engine: Engine,
    vectors: VectorFormat,
    meters: Accumulator[Meters] | None,
) -> Callable[..., Column]:
    vectors.require_ranges()
    engine = usable_here(recipe, engine)
    names = [field.partition(":")[0] for field in kind[len("struct<") : -1].split(", ")]

    def work(batches: Iterator[Any]) -> Iterator[pd.DataFrame]:
        counted = Meters()
        columns = (batch if isinstance(batch, tuple) else (batch,) for batch in batches)
        with any_bytes():
            for frame in embed_batches(columns, recipe, engine, vectors, counted):
                frame.columns = pd.Index(names)
                yield frame
        if meters is not None:
            meters.add(counted)

    # The hints say how many columns there are.
    single: dict[str, Any] = {"batches": Iterator[pd.Series], "return": Iterator[pd.DataFrame]}
    several = {"batches": Iterator[tuple[pd.Series, ...]], "return": Iterator[pd.DataFrame]}
    work.__annotations__ = single if len(names) == 2 else several
    udf: Any = pandas_udf(work, kind)  # type: ignore[call-overload]
    # Spark may run a deterministic function again for each use of its column.
    once: Callable[..., Column] = udf.asNondeterministic()
    return once
