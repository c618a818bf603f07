"""Settings of Spark that make a run hang, or compute the same twice. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from semscore.jobs.diagnosis.finding import Finding
from semscore.jobs.hosts.scheduling import EXECUTOR, TASK, check_gpu_settings
from semscore.udfs.gpus.device import is_local
from semscore.udfs.recipe import Device

NAME = "spark settings"


class Harm(NamedTuple):
    """A setting that does harm here, though other jobs may want it."""

    key: str
    value: str
    what: str
    better: str
    on_local: bool = True
    on_cpus: bool = True


HARMS = (
    Harm("spark.python.worker.reuse", "false", "each task loads the model anew", "true"),
    Harm("spark.python.use.daemon", "false", "each task loads the model anew", "true"),
    Harm(
        "spark.speculation", "true", "slow tasks are computed twice, whole", "false", on_local=False
    ),
    Harm("spark.task.maxFailures", "1", "one lost worker fails a unit", "4", on_local=False),
    Harm(
        "spark.dynamicAllocation.enabled",
        "true",
        "executors that idle between units give up their GPU and its loaded model",
        "false",
        on_local=False,
        on_cpus=False,
    ),
)


def check_gpu_conf(conf: Mapping[str, str], device: Device) -> Iterator[Finding]:
    """Before a session is there; UserError for settings that do not go together."""
    given = [key for key in (TASK, EXECUTOR) if key in conf]
    if not is_local(conf["spark.master"]):
        check_gpu_settings(conf, device)
        told = f"{conf[EXECUTOR]} for an executor, {conf[TASK]} for a task" if given else "none"
        yield Finding("gpu settings", "ok", told)
    elif given:
        yield Finding(
            "gpu settings",
            "warn",
            f"{' and '.join(given)}: a local master schedules no GPUs, so they are left out",
            "leave them out: workers share the GPUs that they see",
        )


def check_settings(conf: Mapping[str, str]) -> Iterator[Finding]:
    """What is set, and does harm on such a master."""
    local = is_local(conf["spark.master"])
    found = [
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
        found.append(
            Finding(
                NAME,
                "warn",
                "spark.executor.pyspark.memory bounds the addresses of a Python worker, of which "
                "CUDA and OpenVINO reserve many times what they use",
                "leave it out; spark.executor.memoryOverhead has room for workers",
            )
        )
    if conf.get("spark.excludeOnFailure.enabled") == "true" and _is_single(conf):
        found.append(
            Finding(
                NAME,
                "warn",
                "spark.excludeOnFailure.enabled=true with one executor: a task that fails there "
                "has nowhere else to go",
                "set it to false, or take more executors",
            )
        )
    yield from found
    if not found:
        yield Finding(NAME, "ok", f"master {conf['spark.master']}")


def _is_single(conf: Mapping[str, str]) -> bool:
    return conf.get("spark.executor.instances") == "1" and not is_local(conf["spark.master"])
