"""Versions of Python, Spark, pandas and pyarrow that conflict. See docs/versions.md."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import NamedTuple

import pyspark

from semscore.udfs.errors import UserError


class Versions(NamedTuple):
    """The installed versions, as each library states its own. None if a library is missing."""

    python: str
    spark: str
    pandas: str | None
    pyarrow: str | None


class Conflict(NamedTuple):
    """Two versions that do not work together: what was found and expected, and how to fix it."""

    found: str
    fix: str

    def __str__(self) -> str:
        return f"{self.found}; {self.fix}"


def installed() -> Versions:
    """Return the versions in this Python. Imports neither pandas nor pyarrow."""
    libraries = (_version_of("pandas"), _version_of("pyarrow"))
    return Versions(platform.python_version(), pyspark.__version__, *libraries)


def conflict(versions: Versions) -> Conflict | None:
    """Return a conflict that makes Spark fail or change texts without an error, or None.

    pandas 3 stores texts with 64-bit offsets. If Spark 3.5 or pyarrow before 19 passes them on as
    texts with 32-bit offsets, Spark reads wrong texts.
    """
    python, spark, pandas, pyarrow = versions
    if _parts(spark) < (4,) and _parts(python) >= (3, 13):
        return Conflict(
            f"Python {python} with Spark {spark}, which expects Python 3.10 to 3.12 and NumPy 1, "
            f"and there is no NumPy 1 for Python {'.'.join(python.split('.')[:2])}",
            "use Python 3.10 to 3.12, or Spark 4: pip install 'semscore[spark4]'",
        )
    if pandas is None or _parts(pandas) < (3,):
        return None
    if _parts(spark) < (4,):
        return Conflict(
            f"pandas {pandas} with Spark {spark}, which can change the texts of pandas 3 without "
            "an error; expected pandas<3",
            "pip install 'pandas<3', or use Spark 4: pip install 'semscore[spark4]'",
        )
    if pyarrow is not None and _parts(pyarrow) < (19,):
        return Conflict(
            f"pandas {pandas} with pyarrow {pyarrow}, which can change the texts of pandas 3 "
            "without an error; expected pyarrow>=19",
            "pip install 'pyarrow>=19'",
        )
    return None


def require_compatible() -> None:
    """Raise UserError if the versions in this Python conflict."""
    if problem := conflict(installed()):
        raise UserError(str(problem))


def _parts(version: str) -> tuple[int, ...]:
    """Return major and minor version."""
    return tuple(int(part) for part in version.split(".")[:2])


def _version_of(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
