"""Python, Java, Spark and libraries: do they go together?

The bounds are those that semscore's own metadata states, so that none is stated twice.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pyspark
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from semscore.jobs.diagnosis.finding import Finding
from semscore.jobs.hosts.inside_job import IMAGE, check_image
from semscore.jobs.spark.java import java_home, java_version
from semscore.udfs.processes.compatible import conflict, installed
from semscore.udfs.recipe import Device

NAME = "semscore"
IF_INSTALLED = ("openvino", "launch")  # extras whose packages may be missing, but not be others
SPARKS = ("local", "spark4")  # extras, each with its versions of Spark


def check_python() -> Iterator[Finding]:
    """The range of the metadata; without it, of nothing else."""
    version = platform.python_version()
    try:
        allowed = metadata.metadata(NAME)["Requires-Python"]
    except metadata.PackageNotFoundError:
        yield Finding("python", "ok", f"{version}; not checked, as the libraries")
        return
    if SpecifierSet(allowed).contains(version, prereleases=True):
        yield Finding("python", "ok", version)
    else:
        yield Finding(
            "python",
            "fail",
            f"{version}, and semscore is for {allowed}",
            "install it into an environment of such a Python",
        )


def check_java() -> Iterator[Finding]:
    """The Java that a Spark of our own starts with; UserError: there is none that fits."""
    home = java_home()
    yield Finding("java", "ok", f"{java_version(home)} in {home}")


def check_spark(local: bool) -> Iterator[Finding]:
    """Check the Python half of Spark: its version, whether Python and pandas go with it, and
    whether SPARK_HOME's Java half is of the same version.

    A local run does not look at SPARK_HOME: it takes both halves from pyspark.
    """
    found = Version(pyspark.__version__)
    allowed = [bound for extra in SPARKS if (bound := _bounds(extra).get("pyspark"))]
    in_conflict = conflict(installed())
    home = None if local else os.environ.get("SPARK_HOME")
    other = _version_in(Path(home)) if home else None
    if in_conflict:
        yield Finding("spark", "fail", *in_conflict)
    elif allowed and not any(found in bound for bound in allowed):
        yield Finding(
            "spark",
            "fail",
            f"pyspark {found} (in {Path(pyspark.__file__).parent}), and semscore is for "
            f"{' or '.join(map(str, allowed))}",
            f"pip install 'pyspark{allowed[-1]}', or take a cluster with such a Spark",
        )
    elif home and not Path(home, "bin/spark-submit").is_file():
        yield Finding(
            "spark",
            "fail",
            f"SPARK_HOME ({home}) holds no Spark: there is no bin/spark-submit",
            "correct SPARK_HOME, or unset it",
        )
    elif other and other.release[:2] != found.release[:2]:
        yield Finding(
            "spark",
            "fail",
            f"pyspark is {found}, and SPARK_HOME ({home}) has Spark {other}",
            f"unset SPARK_HOME, or pip install 'pyspark=={other}'",
        )
    elif found.major < 4 and sys.version_info >= (3, 12) and not find_spec("setuptools"):
        yield Finding(
            "spark",
            "fail",
            f"pyspark {found} imports distutils, which Python 3.12 does not have any more",
            "pip install setuptools",
        )
    else:
        yield Finding("spark", "ok", str(found))


def check_packages() -> Iterator[Finding]:
    """What semscore's metadata asks for: all that it needs, and what there is of its extras."""
    needed = _bounds("")
    if not needed:
        why = f"{NAME} is not installed here as a package, so nothing says which versions it needs"
        yield Finding("packages", "ok", f"not checked: {why}")
        return
    optional = {name: bound for extra in IF_INSTALLED for name, bound in _bounds(extra).items()}
    wrong = []
    for name, bound in (optional | needed).items():
        found = _installed(name)
        if found is None and name in needed:
            wrong.append((f"{name} is missing", f"{name}{bound}"))
        elif found is not None and not bound.contains(found, prereleases=True):
            wrong.append((f"{name} {found} is not {bound}", f"{name}{bound}"))
    if not wrong:
        shown = ("numpy", "pandas", "pyarrow", "sentence-transformers", "torch")
        yield Finding("packages", "ok", ", ".join(f"{name} {_installed(name)}" for name in shown))
    for found, wanted in wrong:
        yield Finding("packages", "fail", found, f"pip install '{wanted}'")


def check_built(device: Device) -> Iterator[Finding]:
    """In our image: whether it was built for this code and these GPUs; UserError if not."""
    if place := os.environ.get(IMAGE):
        check_image(device)
        yield Finding("image", "ok", f"built for this version ({place})")


def _bounds(extra: str) -> dict[str, SpecifierSet]:
    """The versions that an extra asks for, on this Python; of no extra: semscore itself.

    None where there is no metadata, as where the code came as a zip.
    """
    try:
        requirements = metadata.requires(NAME) or ()
    except metadata.PackageNotFoundError:
        requirements = ()
    bounds = {}
    for requirement in map(Requirement, requirements):
        marker = requirement.marker
        always = marker is None or marker.evaluate({"extra": ""})
        if always if not extra else not always and marker and marker.evaluate({"extra": extra}):
            bounds[requirement.name] = requirement.specifier
    return bounds


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _version_in(home: Path) -> Version | None:
    """Of the Spark in a folder, by the name of a jar that each has."""
    for jar in home.glob("jars/spark-core_*.jar"):
        return Version(jar.stem.rpartition("_")[2].split("-")[1])
    return None
