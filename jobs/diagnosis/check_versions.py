"""Check that Python, Java, Spark and the libraries work together.

The bounds are read from semscore's own metadata, so that none is stated twice.
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
# Extras whose packages may be missing; if they are installed, their versions must fit.
IF_INSTALLED = ("openvino", "launch")
SPARKS = ("local", "spark4")  # extras, each with its versions of Spark


def check_python() -> Iterator[Finding]:
    """Check Python's version against the metadata; without metadata, report only the version."""
    version = platform.python_version()
    try:
        allowed = metadata.metadata(NAME)["Requires-Python"]
    except metadata.PackageNotFoundError:
        why = f"{NAME} is not installed here as a package"
        yield Finding("python", "ok", f"{version}; not checked because {why}")
        return
    if SpecifierSet(allowed).contains(version, prereleases=True):
        yield Finding("python", "ok", version)
    else:
        yield Finding(
            "python",
            "fail",
            f"{version}, but semscore needs {allowed}",
            "install semscore in an environment with such a Python",
        )


def check_java() -> Iterator[Finding]:
    """Report the Java that starts Spark here; UserError if there is no Java 17."""
    home = java_home()
    yield Finding("java", "ok", f"{java_version(home)} in {home}")


def check_spark(local: bool) -> Iterator[Finding]:
    """Check pyspark: its version, and whether it works with this Python, pandas and SPARK_HOME.

    SPARK_HOME must have the same version as pyspark. A local run ignores SPARK_HOME, because it
    also takes Spark's Java code from pyspark.
    """
    version = Version(pyspark.__version__)
    allowed = [bound for extra in SPARKS if (bound := _bounds(extra).get("pyspark"))]
    in_conflict = conflict(installed())
    home = None if local else os.environ.get("SPARK_HOME")
    other = _version_in(Path(home)) if home else None
    if in_conflict:
        yield Finding("spark", "fail", *in_conflict)
    elif allowed and not any(version in bound for bound in allowed):
        yield Finding(
            "spark",
            "fail",
            f"pyspark {version} (in {Path(pyspark.__file__).parent}), but semscore needs "
            f"{' or '.join(map(str, allowed))}",
            f"pip install 'pyspark{allowed[-1]}', or use a cluster with such a Spark",
        )
    elif home and not Path(home, "bin/spark-submit").is_file():
        yield Finding(
            "spark",
            "fail",
            f"SPARK_HOME ({home}) does not contain Spark: there is no bin/spark-submit",
            "correct SPARK_HOME, or unset it",
        )
    elif other and other.release[:2] != version.release[:2]:
        yield Finding(
            "spark",
            "fail",
            f"pyspark is {version}, but SPARK_HOME ({home}) has Spark {other}",
            f"unset SPARK_HOME, or pip install 'pyspark=={other}'",
        )
    elif version.major < 4 and sys.version_info >= (3, 12) and not find_spec("setuptools"):
        yield Finding(
            "spark",
            "fail",
            f"pyspark {version} imports distutils, which Python 3.12 no longer has",
            "pip install setuptools",
        )
    else:
        yield Finding("spark", "ok", str(version))


def check_packages() -> Iterator[Finding]:
    """Check the required packages, and the installed packages of extras, against the metadata."""
    needed = _bounds("")
    if not needed:
        why = f"{NAME} is not installed here as a package, so the versions it needs are unknown"
        yield Finding("packages", "ok", f"not checked: {why}")
        return
    optional = {name: bound for extra in IF_INSTALLED for name, bound in _bounds(extra).items()}
    wrong = []
    for name, bound in (optional | needed).items():
        version = _installed(name)
        if version is None and name in needed:
            wrong.append((f"{name} is missing", f"{name}{bound}"))
        elif version is not None and not bound.contains(version, prereleases=True):
            wrong.append((f"{name} {version} does not satisfy {bound}", f"{name}{bound}"))
    if not wrong:
        shown = ("numpy", "pandas", "pyarrow", "sentence-transformers", "torch")
        yield Finding("packages", "ok", ", ".join(f"{name} {_installed(name)}" for name in shown))
    for found, requirement in wrong:
        yield Finding("packages", "fail", found, f"pip install '{requirement}'")


def check_built(device: Device) -> Iterator[Finding]:
    """Check that our image was built for this code and these GPUs; UserError if not.

    Nothing is reported outside our image.
    """
    if place := os.environ.get(IMAGE):
        check_image(device)
        yield Finding("image", "ok", f"built for this version ({place})")


def _bounds(extra: str) -> dict[str, SpecifierSet]:
    """Return the versions that an extra needs on this Python; "": those of semscore itself.

    Empty if there is no metadata, for example where the code came as a zip.
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
    """Return the installed version of a package; None if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _version_in(home: Path) -> Version | None:
    """Return the version of the Spark in a folder, from the name of a jar; None if unknown."""
    for jar in home.glob("jars/spark-core_*.jar"):
        return Version(jar.stem.rpartition("_")[2].split("-")[1])
    return None
