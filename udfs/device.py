"""The device of a task: what Spark's scheduler gave it, never a guess."""

from __future__ import annotations

from pyspark import TaskContext

from semscore.udfs.recipe import Device


def task_device(device: Device, context: TaskContext | None) -> str:
    """Torch's name for the task's device: `cuda:<address>` of its first GPU, else `cpu`."""
    if device == "cpu" or context is None:
        return "cpu"
    gpu = context.resources().get("gpu")
    return f"cuda:{gpu.addresses[0]}" if gpu else "cpu"


def task_cpus(context: TaskContext | None) -> int:
    """Cores that Spark counts for this task (spark.task.cpus); 1 outside of a task."""
    return context.cpus() if context else 1
