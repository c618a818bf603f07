"""The progress of running jobs, from Spark's own metrics, which executors send with each heartbeat.

Python's accumulators, and therefore the meters, arrive only when a task ends. A worker returns its
rows window by window. Small windows arrive late, because Python sends its output once 64 KiB are
full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NODE = "ArrowEvalPython"  # the node of a query plan that runs a pandas_udf
METRIC = "number of output rows"
RECENT = 20  # only this many of the latest executions are searched


def rows_from_python(spark: SparkSession, descriptions: Collection[str]) -> Counter[str]:
    """Count the rows that Python workers have returned for running queries, by description.

    The rows of a task that Spark repeats count twice. Empty if Spark's status store cannot be read,
    because it is not a public interface.
    """
    rows = Counter[str]()
    try:
        # A Scala object, reached through py4j.
        store: Any = spark._jsparkSession.sharedState().statusStore()
        first = max(store.executionsCount() - RECENT, 0)
        executions = store.executionsList(first, RECENT)
        for place in range(executions.size()):
            execution = executions.apply(place)
            description = execution.description()
            if description in descriptions and not execution.completionTime().isDefined():
                rows[description] += _rows(store, execution.executionId())
    except Exception:
        return Counter()
    return rows


def live_hosts(spark: SparkSession) -> int:
    """Return the number of hosts with executors, or 1 if there are none or Spark does not say."""
    try:
        context: Any = spark.sparkContext._jsc.sc()
        driver = context.env().blockManager().blockManagerId().hostPort()
        places = context.getExecutorMemoryStatus().keys().mkString(" ").split()
    except Exception:
        return 1
    return len({place.rpartition(":")[0] for place in places if place != driver}) or 1


def _rows(store: Any, execution: int) -> int:
    """Return the rows that the first pandas_udf of an execution has returned; 0 if unknown."""
    values, nodes = store.executionMetrics(execution), store.planGraph(execution).allNodes()
    for node in map(nodes.apply, range(nodes.size())):
        if node.name() != NODE:
            continue
        metrics = node.metrics()
        for metric in map(metrics.apply, range(metrics.size())):
            value = values.get(metric.accumulatorId())
            if metric.name() == METRIC and value.isDefined():
                return int(value.get().replace(",", ""))
    return 0
