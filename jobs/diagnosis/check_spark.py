"""Check Spark settings that make a run hang, or compute something twice. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from semscore.jobs.diagnosis.finding import Finding
from semscore.jobs.hosts.scheduling import EXECUTOR, TASK, check_gpu_settings
from semscore.udfs.gpus.device import is_local
from semscore.udfs.recipe import Device

NAME = "spark settings"


class Harm(NamedTuple):
    """A setting that harms a run, although other jobs may need it."""

    key: str
    value: str
    what: str
    better: str
    on_local: bool = True
    on_cpus: bool = True


HARMS = (
    Harm("spark.python.worker.reuse", "false", "each task loads the model again", "true"),
    Harm("spark.python.use.daemon", "false", "each task loads the model again", "true"),
    Harm("spark.speculation", "true", "slow tasks are computed twice", "false", on_local=False),
    Harm("spark.task.maxFailures", "1", "one lost worker fails a unit", "4", on_local=False),
    Harm(
        "spark.dynamicAllocation.enabled",
        "true",
        "executors that are idle between units end, and lose their GPU and its loaded model",
        "false",
        on_local=False,
        on_cpus=False,
    ),
)


def check_gpu_conf(conf: Mapping[str, str], device: Device) -> Iterator[Finding]:
    """Check the GPU settings before Spark starts; UserError if they contradict each other."""
    amounts = [key for key in (TASK, EXECUTOR) if key in conf]
    if not is_local(conf["spark.master"]):
        check_gpu_settings(conf, device)
        found = (
            f"GPUs per executor: {conf[EXECUTOR]}, per task: {conf[TASK]}" if amounts else "none"
        )
        yield Finding("gpu settings", "ok", found)
    elif amounts:
        are = "is" if len(amounts) == 1 else "are"
        yield Finding(
            "gpu settings",
            "warn",
            f"{' and '.join(amounts)} {are} ignored: a local master schedules no GPUs",
            "leave GPU settings out: workers share the GPUs that they see",
        )


def check_settings(conf: Mapping[str, str]) -> Iterator[Finding]:
    """Report settings that harm a run on this kind of master."""
    local = is_local(conf["spark.master"])
    harmful = [
        Finding(
            NAME,
            "warn",
            f"{harm.key}={harm.value}: {harm.what}",
            f"set it to {harm.better}, or leave it out",
        )
        for harm in HARMS
        if conf.get(harm.key, "").lower() == harm.value
        and (harm.on_local or not local)
        and (harm.on_cpus or EXECUTOR in conf)
    ]
    if "spark.executor.pyspark.memory" in conf:
        harmful.append(
            Finding(
                NAME,
                "warn",
                "spark.executor.pyspark.memory limits a Python worker's address space, of which "
                "CUDA and OpenVINO reserve far more than they use",
                "leave it out; spark.executor.memoryOverhead sets the memory for workers",
            )
        )
    if conf.get("spark.excludeOnFailure.enabled") == "true" and _is_single(conf):
        harmful.append(
            Finding(
                NAME,
                "warn",
                "spark.excludeOnFailure.enabled=true with one executor: a task that fails there "
                "cannot run anywhere else",
                "set it to false, or use more executors",
            )
        )
    yield from harmful
    if not harmful:
        yield Finding(NAME, "ok", f"master {conf['spark.master']}")


def _is_single(conf: Mapping[str, str]) -> bool:
    return conf.get("spark.executor.instances") == "1" and not is_local(conf["spark.master"])
