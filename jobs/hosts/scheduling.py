"""GPU settings that Spark would refuse, that would leave cores or GPUs idle, or block every job.

They are found before Spark starts. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import floor

from semscore.jobs.failures.wording import counted
from semscore.udfs.errors import UserError
from semscore.udfs.gpus.device import is_local
from semscore.udfs.recipe import Device

EXECUTOR = "spark.executor.resource.gpu.amount"
TASK = "spark.task.resource.gpu.amount"
SCRIPT = "spark.executor.resource.gpu.discoveryScript"
VENDOR = "spark.executor.resource.gpu.vendor"
CORES, TASK_CPUS = "spark.executor.cores", "spark.task.cpus"


def task_gpu_amount(workers: int) -> str:
    """Return spark.task.resource.gpu.amount for this number of tasks on a GPU, at most 99.

    Spark rounds 1 / amount down to a whole number of tasks, so the amount is rounded down: rounded
    up, it would cost a task.
    """
    return f"{10_000 // workers / 10_000:g}"


def tasks_per_gpu(amount: float) -> int:
    """Return how many tasks Spark runs per GPU for a spark.task.resource.gpu.amount up to 1."""
    return floor(1 / amount)


def missing_gpu_settings(conf: Mapping[str, str]) -> list[str]:
    """Return the missing settings without which Spark schedules no GPUs on conf's master.

    Empty for a local master, which needs none.
    """
    master = conf["spark.master"]
    if is_local(master):
        return []
    needed = [EXECUTOR, TASK]
    if master.startswith(("yarn", "k8s")):  # a standalone worker runs its own script
        needed.append(SCRIPT)
    if master.startswith("k8s"):
        needed.append(VENDOR)
    return [key for key in needed if key not in conf]


def check_gpu_settings(conf: Mapping[str, str], device: Device) -> None:
    """Raise UserError for settings that contradict each other; its message gives the right one."""
    amounts = [key for key in (TASK, EXECUTOR) if key in conf]
    if is_local(conf["spark.master"]):
        if amounts:
            raise UserError(
                f"this Spark session is local, but {amounts[0]} is set; a local master schedules "
                "no GPUs, so every job would wait forever. Start Spark without this setting: "
                "workers share the GPUs that they see"
            )
        return
    if not amounts and device != "gpu":
        return
    missing = missing_gpu_settings(conf)
    if missing:
        raise UserError(
            f"{'--device gpu' if device == 'gpu' else 'GPU scheduling'} on a cluster needs "
            f"{', '.join(missing)}; for examples, see spark-standalone.conf, spark-yarn.conf and "
            "spark-kubernetes.conf in conf/, which are files for spark-submit --properties-file"
        )
    _check_slots(conf, _whole(conf, EXECUTOR), _task_amount(conf))


def _task_amount(conf: Mapping[str, str]) -> float:
    """Return the GPUs of a task: above 0, at most 1. UserError if Spark would refuse the amount."""
    try:
        amount = float(conf[TASK])
    except ValueError:
        amount = 0
    if not 0 < amount <= 1:
        raise UserError(
            f"{TASK} must be above 0 and at most 1, because a task computes on one GPU; got "
            f"{conf[TASK]!r}"
        )
    if 0.5 < amount < 1:
        raise UserError(
            f"{TASK} is {amount:g}, which Spark refuses; 0.5 lets two tasks share a GPU"
        )
    return amount


def _check_slots(conf: Mapping[str, str], gpus: int, amount: float) -> None:
    """Raise UserError unless cores and GPUs allow the same number of tasks; else one would idle."""
    if CORES not in conf and conf["spark.master"].startswith("spark"):
        return  # an executor gets all cores of its host, however many these are
    cores, task_cpus = _whole(conf, CORES, "1"), _whole(conf, TASK_CPUS, "1")
    by_cores, by_gpus = cores // task_cpus, gpus * tasks_per_gpu(amount)
    if by_cores == by_gpus:
        return
    if cores // max(cores // by_gpus, 1) == by_gpus:
        fix = f"set {TASK_CPUS} to {cores // by_gpus}"
    else:
        fix = f"set {CORES} to {by_gpus * task_cpus}"
        if by_cores and by_cores % gpus == 0:
            fix += f", or {TASK} to {task_gpu_amount(by_cores // gpus)}"
    raise UserError(
        f"an executor's {counted(cores, 'core')} can run {counted(by_cores, 'task')} at once "
        f"({task_cpus} per task), but its {counted(gpus, 'GPU')} can run {by_gpus} ({amount:g} per "
        f"task), so cores or GPUs would idle; {fix}"
    )


def _whole(conf: Mapping[str, str], key: str, default: str | None = None) -> int:
    """Return a setting that must be a whole number of at least 1; UserError if it is not."""
    text = conf.get(key, default) or ""
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"{key} must be a whole number of at least 1, got {text!r}")
    return int(text)
