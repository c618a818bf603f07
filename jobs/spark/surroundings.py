"""The environment variables of a local run: those it needs, and those it must not see.

Many users have variables for another Spark or another Python in .bashrc or in an image. A local run
needs neither: it starts the Spark that is installed in this Python, with this Python.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from semscore.udfs.processes.child import python_path
from semscore.udfs.stores.cache import VARIABLE, cache_folder, has_home, temporary_home

OTHERS = ("SPARK_", "PYSPARK_", "HADOOP_", "YARN_")  # prefixes of variables about another Spark
OWN = ("SPARK_LOCAL_DIRS", "PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET")
# Spark Connect: with these, Python would build queries for a server, and refuse a local Spark.
CONNECT = ("SPARK_REMOTE", "SPARK_LOCAL_REMOTE", "SPARK_CONNECT_MODE_ENABLED")
# These hold settings that a user may rely on. The others only say where Spark is.
SETTINGS = (
    *("PYSPARK_SUBMIT_ARGS", "SPARK_SUBMIT_OPTS", "SPARK_CONF_DIR", "SPARK_DIST_CLASSPATH"),
    *("HADOOP_CONF_DIR", "YARN_CONF_DIR", "SPARK_REMOTE"),
)
NEWLOCALE_CTYPE = 1  # LC_CTYPE_MASK on Linux

Changes = Mapping[str, str | None]  # None: remove this variable


@contextmanager
def with_variables(changes: Changes) -> Iterator[None]:
    """Change environment variables, and restore them at the end."""
    before = {name: os.environ.get(name) for name in changes}
    _set(changes)
    try:
        yield
    finally:
        _set(before)


def of_a_run() -> Changes:
    """Return the changes for the driver's own Python during a run, on every platform."""
    return dict.fromkeys(CONNECT) | ({} if has_home() else {"HOME": str(temporary_home())})


def of_local_java(java: Path) -> Changes:
    """Return the changes for Java and the Python workers of a local run."""
    changes: dict[str, str | None] = dict.fromkeys(others(os.environ))
    changes |= {
        "JAVA_HOME": str(java),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join(python_path()),
        "PYTHONSAFEPATH": "1",  # Spark starts `python -m`; see udfs/processes/child.py
        "PYTHONSTARTUP": None,
        "PYTHONUTF8": "1",
        VARIABLE: str(cache_folder()),
    }
    if utf8 := utf8_locale():
        changes["LC_ALL"] = utf8  # without it, Java loses non-ASCII characters in file names
    if not user_name():
        changes |= {"LOGNAME": stand_in(), "USER": stand_in()}
    return changes


def others(variables: Mapping[str, str]) -> list[str]:
    """Return the names of variables about another Spark, which a local run ignores; sorted."""
    return sorted(name for name in variables if name.startswith(OTHERS) and name not in OWN)


def unheeded(variables: Mapping[str, str]) -> str:
    """Return a message that names the variables whose settings have no effect; empty if none has.

    Variables that only say where a Spark or a Python is are not mentioned.
    """
    without_settings = {"PYSPARK_SUBMIT_ARGS": "pyspark-shell"}
    ignored = [
        name for name in SETTINGS if variables.get(name, "") not in ("", without_settings.get(name))
    ]
    if not ignored:
        return ""
    are = "is" if len(ignored) == 1 else "are"
    return (
        f"{', '.join(ignored)} {are} ignored: a local run starts its own Spark; pass settings to "
        "it with --conf"
    )


def user_name() -> str | None:
    """Return the name of the user that this process runs as; None if the system has no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return None


def stand_in() -> str:
    """Return a substitute name for a user without one."""
    return f"uid-{os.getuid()}"


def java_options() -> list[str]:
    """Return Java's options for the user's name and home; empty if the system has both."""
    if user_name() and has_home():
        return []
    return [f"-Duser.name={user_name() or stand_in()}", f"-Duser.home={cache_folder()}"]


def utf8_locale() -> str | None:
    """Return a UTF-8 locale that this system has; None if no such locale is known.

    It is the same for all users, because Java uses the locale for more than file names, such as how
    to capitalise an i.
    """
    if sys.platform == "darwin":
        return "en_US.UTF-8"
    library = ctypes.CDLL(None)
    library.newlocale.restype = ctypes.c_void_p
    found = library.newlocale(NEWLOCALE_CTYPE, b"C.UTF-8", None)
    return "C.UTF-8" if found else None


def _set(variables: Changes) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
