"""What Spark is started with: the master, and settings that follow from hosts and GPUs."""

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
    """How Spark is started, and why."""

    master: str
    conf: dict[str, str]
    reasons: list[tuple[str, str, str]]  # what, how much, why


def resources_for(master: str, options: Spark, engine: Engine, precision: Precision) -> Resources:
    """Size Spark on a master for the hosts that are named, or a local one for this machine.

    Raises UserError for a type of host that is not known, too small, or without the precision.
    """
    wanted = options.instance_type
    if is_local(master):
        return _local(this_host(), master, engine)
    if wanted is None:
        return Resources(
            master, {}, [("executors", "as Spark's settings say", "no --instance-type")]
        )
    host = find_host(wanted)
    if host.gpu and engine.device != "cpu":
        check_precision(host.gpu, precision)
    manager = MANAGERS.get(master.partition(":")[0])
    if manager is None:
        raise UserError(f"--instance-type sizes for spark://, yarn and k8s://, not for {master}")
    sizing = size(host, options.instances, engine.workers_per_gpu, manager)
    return Resources(master, sizing.spark_conf(), sizing.explain())


def _local(host: Host, master: str, engine: Engine) -> Resources:
    """All cores; but where GPUs compute, no more workers than are to share them."""
    device = engine.device
    gpus = 0 if device == "cpu" else host.gpus
    if device == "gpu" and not gpus and not has_mps():
        raise UserError(
            "--device gpu, but this machine shows no GPU: nvidia-smi lists none, or "
            f"CUDA_VISIBLE_DEVICES ({os.environ.get('CUDA_VISIBLE_DEVICES', 'unset')}) hides them"
        )
    if not gpus or master != "local[*]":
        why = "a worker on each core" if master == "local[*]" else "as --master says"
        return Resources(master, {}, [("master", master, why)])
    workers = gpus * engine.workers_per_gpu
    task_cpus = max(host.cpus // workers, 1)
    why = f"{gpus} GPUs, {engine.workers_per_gpu} workers on each, {host.cpus} cores"
    return Resources(
        f"local[{workers * task_cpus}]",
        {"spark.task.cpus": str(task_cpus)},
        [("tasks at once", str(workers), why), ("cores of a task", str(task_cpus), "tokenizer")],
    )
