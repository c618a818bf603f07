"""How far running jobs are, from Spark's own metrics: executors send them with each heartbeat.

Accumulators of Python, and so meters, come at a task's end only. A worker's rows come by windows,
and small ones late: Python sends when 64 KiB are full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NODE = "ArrowEvalPython"  # what runs a pandas_udf
METRIC = "number of output rows"
RECENT = 20  # executions that are looked at, the last ones


def rows_from_python(spark: SparkSession, descriptions: Collection[str]) -> Counter[str]:
    """Description of a running query -> rows that Python workers have given back for it.

    A task that is tried again counts twice. Empty where Spark does not say: its status store is
    no public interface.
    """
    rows = Counter[str]()
    try:
        # Spark's own type, by way of Java.
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


def _rows(store: Any, execution: int) -> int:
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
