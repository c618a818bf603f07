"""Instance types, as listed in conf/instances.toml."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files

from semscore.udfs.errors import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GIB, TERA = 2**30, 1e12
NOT_SIZES = {"gpu", "bfloat16", "local_disks"}  # keys of a family that do not name a size


@dataclass(frozen=True)
class Gpu:
    """A GPU model."""

    name: str
    memory: int  # bytes
    capability: float  # CUDA's compute capability
    float32: float = 0.0  # peak operations per second; 0: unknown
    half: float = 0.0  # the same in float16, and in bfloat16 if the GPU has it


@dataclass(frozen=True)
class Host:
    """A host of a cluster, or this one."""

    cpus: int  # as the host's system counts them
    memory: int  # bytes
    gpus: int = 0
    gpu: Gpu | None = None  # None: there are no GPUs, or their model is unknown
    bfloat16: bool = False  # the CPUs compute in bfloat16, several times as fast as in float32
    local_disks: bool = False  # it has disks of its own, besides the volumes attached to it
    name: str = "this host"


def find_host(name: str) -> Host:
    """Return the host of an instance type: `g5.xlarge`, or SageMaker's `ml.g5.xlarge`.

    Raises UserError if the type is not in the table; the message suggests types with similar names.
    """
    known = host_types()
    short = name.strip().lower().removeprefix("ml.")
    if short not in known:
        similar = get_close_matches(short, known, n=3, cutoff=0.5)
        hint = f" (did you mean {', '.join(similar)}?)" if similar else ""
        raise UserError(
            f"instance type {name!r} is not in conf/instances.toml{hint}. Add it there, or leave "
            "--instance-type out and set sizes as the files for --properties-file in conf/ show"
        )
    return known[short]


def known_gpu(device: str) -> Gpu | None:
    """Return the GPU in the table that CUDA calls `device`: "Tesla V100-SXM2-16GB" is V100.

    None if no GPU in the table has such a name.
    """
    words = _words(device)
    named = {host.gpu.name: host.gpu for host in host_types().values() if host.gpu}
    return next((gpu for name, gpu in named.items() if _words(name) <= words), None)


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", name.lower()))


@lru_cache
def host_types() -> dict[str, Host]:
    """Return all hosts in the table, by "family.size"."""
    table = tomllib.loads((files("semscore.conf") / "instances.toml").read_text("utf-8"))
    gpus = {
        name: Gpu(
            name,
            facts["memory"] * GIB,
            facts["capability"],
            facts["float32"] * TERA,
            facts["half"] * TERA,
        )
        for name, facts in table["gpus"].items()
    }
    hosts = {}
    for family, sizes in table["families"].items():
        for size in sizes.keys() - NOT_SIZES:
            cpus, memory, count = (*sizes[size], 0)[:3]
            hosts[f"{family}.{size}"] = Host(
                cpus=cpus,
                memory=memory * GIB,
                gpus=count,
                gpu=gpus[sizes["gpu"]] if count else None,
                bfloat16=sizes.get("bfloat16", False),
                local_disks=sizes.get("local_disks", False),
                name=f"{family}.{size}",
            )
    return hosts
