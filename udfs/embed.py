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

DEFAULT_ENGINE = Engine()
FLOATS = VectorFormat()


def embed(
    text: str | Column,
    recipe: Recipe | str | os.PathLike[str],
    engine: Engine = DEFAULT_ENGINE,
    vectors: VectorFormat = FLOATS,
    *,
    deterministic: bool = True,
) -> Column:
    """Return the embedding of a text column, as struct<embedding: array<float>, status: string>.

        df.withColumn("e", embed("title", Recipe(model="…"))).select("*", "e.embedding")

    The vector is that of `SentenceTransformer.encode`, with the recipe's first prompt or role, and
    in the format `vectors`; other types than float32 are array<tinyint> or, if unsigned,
    array<smallint>. It is null if the status is `null`, `blank` (the text is empty or white space)
    or `error` (the model fails on it, or its vector is zero or not finite).

    `recipe` and `deterministic` are those of `similarity`. Raises what `similarity` raises, and
    ValueError for int8 or uint8 without ranges.
    """
    return _single(recipe, engine, vectors, deterministic)(text)


def register_embed(
    spark: SparkSession,
    name: str,
    recipe: Recipe | str | os.PathLike[str],
    engine: Engine = DEFAULT_ENGINE,
    vectors: VectorFormat = FLOATS,
    *,
    deterministic: bool = True,
) -> None:
    """Register `name(text)` as a Spark SQL function. See `embed`."""
    function: Any = _single(recipe, engine, vectors, deterministic)
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
