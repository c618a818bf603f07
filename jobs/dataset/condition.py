"""The condition of --where, which must select the same rows each time Spark evaluates it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from semscore.jobs.failures.root_cause import root_cause
from semscore.udfs.errors import UserError, some_of

SUBQUERIES = ("Exists", "ListQuery", "ScalarSubquery")
# Spark counts it as non-deterministic, although the file of a row does not change.
STEADY = ("InputFileName",)


def apply_where(frame: DataFrame, where: str | None) -> DataFrame:
    """Return the rows for which `where` is true, or all rows if it is None.

    Raises UserError if Spark does not understand the condition.
    """
    try:
        return frame if where is None else frame.where(where)
    except PySparkException as error:
        raise UserError(
            f"--where {where!r} is not a valid SQL condition on the columns "
            f"{some_of(frame.columns)}: {root_cause(error)}"
        ) from error


def settled_where(frame: DataFrame, where: str | None) -> str | None:
    """Return the condition for all units of a dataset, with the current time written out.

    Returns None for None. Raises UserError if Spark does not understand the condition, or if it
    selects different rows each time, as `rand() < 0.5` does. Such rows could not be counted, and a
    resumed run would mix several selections.
    """
    filtered = apply_where(frame, where)
    if where is None:
        return None
    plan = filtered._jdf.queryExecution().analyzed()
    changing = sorted({_name(part) for part in _changing(_condition(plan))})
    if changing:
        raise UserError(
            f"--where {where!r} selects different rows each time Spark evaluates it, because of "
            f"{some_of(changing)}. To take a random sample of rows, use a hash of a column whose "
            "values differ, such as pmod(xxhash64(id), 10) < 5"
        )
    jvm: Any = frame.sparkSession._jvm
    now = jvm.org.apache.spark.sql.catalyst.optimizer.ComputeCurrentTime.apply(plan)
    if now.fastEquals(plan):
        return where
    fixed = _condition(now)
    try:
        text = str(fixed.sql())
        if _condition(frame.where(text)._jdf.queryExecution().analyzed()).semanticEquals(fixed):
            return text
    except PySparkException:
        pass
    raise UserError(
        f"--where {where!r} depends on the current time and is too complex for semscore to replace "
        "that time by a fixed one. Write the time out, such as timestamp'2025-01-31 12:00:00'"
    )


def _condition(plan: Any) -> Any:
    """Return the condition of the topmost filter in a logical plan."""
    while plan.getClass().getSimpleName() != "Filter":
        plan = plan.children().head()
    return plan.condition()


def _changing(expression: Any) -> Iterator[Any]:
    """Yield the innermost parts of an expression that may have another value each time."""
    parts = expression.children()
    children = [parts.apply(k) for k in range(parts.size())]
    if not all(child.deterministic() for child in children):
        for child in children:
            yield from _changing(child)
    elif not expression.deterministic() and expression.getClass().getSimpleName() not in STEADY:
        yield expression


def _name(expression: Any) -> str:
    if expression.getClass().getSimpleName() in SUBQUERIES:
        return "its subquery"
    return str(expression.sql())
