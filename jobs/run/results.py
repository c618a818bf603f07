"""The columns that a run adds: a score and a status, or embeddings and their statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from semscore.jobs.dataset import frames, sql_names
from semscore.jobs.preflight.ranges import vector_format
from semscore.udfs.embed import embed_columns
from semscore.udfs.recipe import DEFAULT_METRIC
from semscore.udfs.similarity import score_column
from semscore.udfs.vector_similarity import vector_score_column

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from semscore.jobs.run.run import Run


def with_results(run: Run, frame: DataFrame, accumulator: Any) -> DataFrame:
    """Return the kept columns and the new ones, which carry the fingerprint in each footer."""
    result = "semscore result"
    while result in frame.columns:
        result += "_"
    column, fields = _result(run, accumulator)
    names = [name for _, name in run.settings.added]
    found = sql_names.column(result)
    added = [
        found[field].alias(name, metadata={"semscore": run.fingerprint})
        for field, name in zip(fields, names, strict=True)
    ]
    kept = map(sql_names.column, run.layout.kept)
    return frame.withColumn(result, column).select(*kept, *added)


def _result(run: Run, accumulator: Any) -> tuple[Column, list[str]]:
    """Return one struct with all results, and its fields in the order of the new columns."""
    settings = run.settings
    texts = frames.text_columns(settings)
    if settings.embeds:
        vectors = vector_format(settings, run.ranges)
        column = embed_columns(texts, run.recipe, run.engine, vectors, accumulator)
        fields = ("embedding", "status")
        return column, [f"{field}{k}" for k in range(len(texts)) for field in fields]
    if settings.vectors:
        first, second = (sql_names.column(name) for _, name in settings.vectors)
        metric = run.recipe.metric or DEFAULT_METRIC
        column = vector_score_column(first, second, metric, accumulator)
    else:
        first, second = texts
        column = score_column(first, second, run.recipe, run.engine, accumulator)
    return column, ["score", "status"]
