"""Hosts: instance types of conf/instances.toml or a file of one's own, and hosts of any shape."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from semscore.udfs.errors import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GIB, TERA = 2**30, 1e12
NOT_SIZES = {"gpu", "bfloat16", "local_disks", "elsewhere"}  # keys of a family that name no size
OWN = "SEMSCORE_INSTANCES"  # names a file like conf/instances.toml, whose types are added
SHAPE = re.compile(r"(\d+)x(\d+)(?:x(\d+)(?::([\w-]+))?)?", re.I)


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
    in_processing: bool = False  # SageMaker Processing offers it
    name: str = "this host"


def find_host(name: str) -> Host:
    """Return the host of an instance type or of a shape.

    A type is `g5.xlarge`, or `ml.g5.xlarge` as SageMaker calls it. A shape is CPUs x GiB, or CPUs x
    GiB x GPUs and the GPU's model: `64x256`, `96x1152x8:A100-80`.

    Raises UserError if the type or the GPU is not in the table; the message suggests similar names.
    """
    short = short_name(name)
    if shape := SHAPE.fullmatch(short):
        return _of_shape(shape, short)
    known = host_types()
    if short not in known:
        raise UserError(
            f"instance type {name!r} is not in conf/instances.toml{_similar(short, known)}. Give "
            "the host's shape (not for SageMaker), such as 96x1152x8:A100-80 (CPUs x GiB x GPUs), "
            f"or set {OWN} to the path of a file of your own that has the type"
        )
    return known[short]


def short_name(name: str) -> str:
    """Return a type's or shape's name as in the table, without SageMaker's `ml.`."""
    return name.strip().lower().removeprefix("ml.")


def is_shape(name: str) -> bool:
    """Return whether a name is a shape, and not a type."""
    return SHAPE.fullmatch(short_name(name)) is not None


def _of_shape(shape: re.Match[str], name: str) -> Host:
    cpus, memory, gpus = (int(part or 0) for part in shape.groups()[:3])
    gpu, known = None, {gpu.name.lower(): gpu for gpu in _tables().gpus.values()}
    if shape[4]:
        gpu = known.get(shape[4])
        if gpu is None:
            raise UserError(
                f"host {name}: GPU {shape[4]!r} is not in conf/instances.toml"
                f"{_similar(shape[4], known)}. Known are {', '.join(_tables().gpus)}"
            )
    if not cpus or not memory or (gpu and not gpus):
        raise UserError(f"host {name}: CPUs, GiB and GPUs must be at least 1")
    return Host(cpus=cpus, memory=memory * GIB, gpus=gpus, gpu=gpu, name=name)


def _similar(name: str, known: Iterable[str]) -> str:
    similar = get_close_matches(name, known, n=3, cutoff=0.5)
    return f" (did you mean {', '.join(similar)}?)" if similar else ""


def known_gpu(device: str) -> Gpu | None:
    """Return the GPU in the table that CUDA calls `device`: "Tesla V100-SXM2-16GB" is V100.

    None if no GPU in the table has such a name.
    """
    words = _words(device)
    return next((gpu for name, gpu in _tables().gpus.items() if _words(name) <= words), None)


def _words(name: str) -> set[str]:
    """Return the words of a GPU's name, with "80GB" as "80"."""
    return {word.removesuffix("gb") for word in re.findall(r"[a-z0-9]+", name.lower())}


def host_types() -> dict[str, Host]:
    """Return all hosts in the tables, by "family.size".

    Raises UserError if the file of one's own cannot be read.
    """
    return _tables().hosts


@dataclass(frozen=True)
class _Tables:
    gpus: dict[str, Gpu]
    hosts: dict[str, Host]


def _tables() -> _Tables:
    return _read_tables(os.environ.get(OWN))


@lru_cache
def _read_tables(own: str | None) -> _Tables:
    table = tomllib.loads((files("semscore.conf") / "instances.toml").read_text("utf-8"))
    gpus = _gpus(table)
    hosts = _hosts(table, gpus)
    if own:
        try:
            table = tomllib.loads(Path(own).read_text("utf-8"))
            gpus |= _gpus(table)
            hosts |= _hosts(table, gpus)
        except (OSError, ValueError) as error:
            raise UserError(f"{OWN}: {own} cannot be read: {error}") from error
        except (AttributeError, KeyError, TypeError) as error:
            raise UserError(
                f"{OWN}: {own} does not have the form of conf/instances.toml: "
                f"{type(error).__name__}: {error}"
            ) from error
    return _Tables(gpus, hosts)


def _gpus(table: Mapping[str, Any]) -> dict[str, Gpu]:
    return {
        name: Gpu(
            name,
            round(facts["memory"] * GIB),
            facts["capability"],
            facts.get("float32", 0) * TERA,
            facts.get("half", 0) * TERA,
        )
        for name, facts in table.get("gpus", {}).items()
    }


def _hosts(table: Mapping[str, Any], gpus: Mapping[str, Gpu]) -> dict[str, Host]:
    hosts = {}
    for family, sizes in table["families"].items():
        for size in sizes.keys() - NOT_SIZES:
            cpus, memory, count = (*sizes[size], 0)[:3]
            name = f"{family}.{size}".lower()
            hosts[name] = Host(
                cpus=cpus,
                memory=memory * GIB,
                gpus=count,
                gpu=gpus[sizes["gpu"]] if count else None,
                bfloat16=sizes.get("bfloat16", False),
                local_disks=sizes.get("local_disks", False),
                in_processing=size not in sizes.get("elsewhere", ()),
                name=name,
            )
    return hosts
