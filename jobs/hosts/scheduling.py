"""GPU settings that Spark would refuse, waste, or wait on for ever: found before it does. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor

from semscore.udfs.errors import UserError
from semscore.udfs.gpus.device import is_local
from semscore.udfs.recipe import Device

EXECUTOR = "spark.executor.resource.gpu.amount"
TASK = "spark.task.resource.gpu.amount"
SCRIPT = "spark.executor.resource.gpu.discoveryScript"
VENDOR = "spark.executor.resource.gpu.vendor"
CORES, TASK_CPUS = "spark.executor.cores", "spark.task.cpus"


def task_gpu_amount(workers: int) -> str:
    """spark.task.resource.gpu.amount for so many tasks on a GPU, up to 99.

    Spark takes the whole part of 1 / amount, so the amount is rounded down: up would lose a task.
    """
    return f"{10_000 // workers / 10_000:g}"


def tasks_per_gpu(amount: float) -> int:
    """What Spark makes of spark.task.resource.gpu.amount, for amounts up to 1."""
    return floor(1 / amount)


def missing_gpu_settings(conf: Mapping[str, str]) -> list[str]:
    """Settings without which Spark schedules no GPUs on conf's master; local ones need none."""
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
    """Raise UserError, with the right figure, for settings that do not go together."""
    given = [key for key in (TASK, EXECUTOR) if key in conf]
    if is_local(conf["spark.master"]):
        if given:
            raise UserError(
                f"this Spark is local and has {given[0]} set; a local master schedules no GPUs, so "
                "every job would wait for ever. Start it without: workers share the GPUs that they "
                "see"
            )
        return
    if not given and device != "gpu":
        return
    missing = missing_gpu_settings(conf)
    if missing:
        raise UserError(
            f"{'--device gpu' if device == 'gpu' else 'GPU scheduling'} on a cluster needs "
            f"{', '.join(missing)}; conf/spark-standalone.conf, spark-yarn.conf and "
            "spark-kubernetes.conf show how, for --properties-file of spark-submit"
        )
    _check_slots(conf, _whole(conf, EXECUTOR), _task_amount(conf))


def _task_amount(conf: Mapping[str, str]) -> float:
    """GPUs of a task, at most 1."""
    try:
        amount = float(conf[TASK])
    except ValueError:
        amount = 0
    if not 0 < amount <= 1:
        raise UserError(
            f"{TASK} must be above 0 and at most 1, for a task computes on one GPU; got "
            f"{conf[TASK]!r}"
        )
    if 0.5 < amount < 1:
        raise UserError(
            f"{TASK} is {amount:g}, which Spark refuses; 0.5 lets two tasks share a GPU"
        )
    return amount


def _check_slots(conf: Mapping[str, str], gpus: int, amount: float) -> None:
    """Cores and GPUs must suffice for the same number of tasks, else one of both idles."""
    if CORES not in conf and conf["spark.master"].startswith("spark"):
        return  # all cores of whatever worker it is
    cores, task_cpus = _whole(conf, CORES, "1"), _whole(conf, TASK_CPUS, "1")
    slots, wanted = cores // task_cpus, gpus * tasks_per_gpu(amount)
    if slots == wanted:
        return
    if cores // max(cores // wanted, 1) == wanted:
        fix = f"set {TASK_CPUS} to {cores // wanted}"
    else:
        fix = f"set {CORES} to {wanted * task_cpus}"
        if slots and slots % gpus == 0:
            fix += f", or {TASK} to {task_gpu_amount(slots // gpus)}"
    raise UserError(
        f"an executor's {cores} cores suffice for {slots} tasks of {task_cpus}, and its {gpus} "
        f"GPUs for {wanted} tasks of {amount:g}: one of both would idle; {fix}"
    )


def _whole(conf: Mapping[str, str], key: str, default: str | None = None) -> int:
    """A setting that must be a whole number from 1."""
    text = conf.get(key, default) or ""
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"{key} must be a whole number from 1, got {text!r}")
    return int(text)
