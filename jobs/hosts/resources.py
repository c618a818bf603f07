"""What Spark is started with: the master, and the settings that follow from hosts and GPUs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from semscore.jobs.hosts.capability import check_precision
from semscore.jobs.hosts.executors import Manager
from semscore.jobs.hosts.instances import Host, find_host
from semscore.jobs.hosts.sizing import size
from semscore.jobs.hosts.this_host import this_host
from semscore.udfs.errors import UserError
from semscore.udfs.gpus.device import has_mps, is_local
from semscore.udfs.recipe import Engine, Precision

if TYPE_CHECKING:
    from semscore.jobs.options.slices import Spark

MANAGERS: dict[str, Manager] = {"spark": "standalone", "yarn": "yarn", "k8s": "kubernetes"}


@dataclass(frozen=True)
class Resources:
    """How Spark is started, and the reasons."""

    master: str
    conf: dict[str, str]
    reasons: list[tuple[str, str, str]]  # rows of (what, how much, why)


def resources_for(master: str, options: Spark, engine: Engine, precision: Precision) -> Resources:
    """Size Spark for the instance type in `options`, or, with a local master, for this host.

    Raises UserError if the instance type is unknown, too small, or does not support the precision.
    """
    instance_type = options.instance_type
    if is_local(master):
        return _local(this_host(), master, engine)
    if instance_type is None:
        return Resources(
            master, {}, [("executors", "as set in Spark's settings", "no --instance-type")]
        )
    host = find_host(instance_type)
    if host.gpu and engine.device != "cpu":
        check_precision(host.gpu, precision)
    manager = MANAGERS.get(master.partition(":")[0])
    if manager is None:
        raise UserError(
            f"--instance-type works with --master spark://…, yarn and k8s://…, not with {master}"
        )
    sizing = size(host, options.instances, engine.workers_per_gpu, manager)
    return Resources(master, sizing.spark_conf(), sizing.explain())


def _local(host: Host, master: str, engine: Engine) -> Resources:
    """Use all cores; if GPUs compute, start only as many workers as share them."""
    device = engine.device
    gpus = 0 if device == "cpu" else host.gpus
    if device == "gpu" and not gpus and not has_mps():
        raise UserError(
            "--device gpu was given, but no GPU was found on this machine: nvidia-smi lists none, "
            f"or CUDA_VISIBLE_DEVICES ({os.environ.get('CUDA_VISIBLE_DEVICES', 'unset')}) hides "
            "them. Repair the driver, correct CUDA_VISIBLE_DEVICES, or use --device auto"
        )
    if not gpus or master != "local[*]":
        why = "one worker per core" if master == "local[*]" else "as given by --master"
        return Resources(master, {}, [("master", master, why)])
    workers = gpus * engine.workers_per_gpu
    task_cpus = max(host.cpus // workers, 1)
    why = f"GPUs: {gpus}, workers per GPU: {engine.workers_per_gpu}, cores: {host.cpus}"
    return Resources(
        f"local[{workers * task_cpus}]",
        {"spark.task.cpus": str(task_cpus)},
        [
            ("tasks at once", str(workers), why),
            ("cores per task", str(task_cpus), "for the tokenizer"),
        ],
    )
