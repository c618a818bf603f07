"""What a local run takes from the shell's environment, and what would lead it astray.

Many have variables for another Spark, or another Python, in .bashrc or in an image. A local run
needs neither: it starts the Spark that this Python has installed, with this Python.
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

OTHERS = ("SPARK_", "PYSPARK_", "HADOOP_", "YARN_")  # how names begin that are about another Spark
OWN = ("SPARK_LOCAL_DIRS", "PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET")
# Spark Connect: Python would build queries for a server, and refuse a Spark of its own.
CONNECT = ("SPARK_REMOTE", "SPARK_LOCAL_REMOTE", "SPARK_CONNECT_MODE_ENABLED")
# They hold settings that somebody may have wanted, and not only say where Spark is.
SETTINGS = (
    *("PYSPARK_SUBMIT_ARGS", "SPARK_SUBMIT_OPTS", "SPARK_CONF_DIR", "SPARK_DIST_CLASSPATH"),
    *("HADOOP_CONF_DIR", "YARN_CONF_DIR", "SPARK_REMOTE"),
)
NEWLOCALE_CTYPE = 1  # LC_CTYPE_MASK of Linux

Changes = Mapping[str, str | None]  # None: without this variable


@contextmanager
def with_variables(changes: Changes) -> Iterator[None]:
    """Have variables as they are given as long as this lasts, and then as they were."""
    before = {name: os.environ.get(name) for name in changes}
    _set(changes)
    try:
        yield
    finally:
        _set(before)


def of_a_run() -> Changes:
    """What the driver's own Python must see differently during a run, wherever that runs."""
    return dict.fromkeys(CONNECT) | ({} if has_home() else {"HOME": str(temporary_home())})


def of_local_java(java: Path) -> Changes:
    """What Java and the Python workers of a local run see differently from this process."""
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
        changes["LC_ALL"] = utf8  # else names of files beyond ASCII are lost
    if not user_name():
        changes |= {"LOGNAME": stand_in(), "USER": stand_in()}
    return changes


def others(variables: Mapping[str, str]) -> list[str]:
    """Variables about another Spark, which a local run does not heed."""
    return sorted(name for name in variables if name.startswith(OTHERS) and name not in OWN)


def unheeded(variables: Mapping[str, str]) -> str:
    """Say which settings in variables have no effect; empty: there are none.

    Variables that only say where a Spark or a Python is are passed over in silence.
    """
    plain = {"PYSPARK_SUBMIT_ARGS": "pyspark-shell"}
    given = [name for name in SETTINGS if variables.get(name, "") not in ("", plain.get(name))]
    if not given:
        return ""
    are = "is" if len(given) == 1 else "are"
    return (
        f"{', '.join(given)} {are} ignored: a local run starts its own Spark; settings for it are "
        "given with --conf"
    )


def user_name() -> str | None:
    """The name of the user that this process runs as; None: the system knows none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return None


def stand_in() -> str:
    """A name for a user without one."""
    return f"uid-{os.getuid()}"


def java_options() -> list[str]:
    """Options by which Java has a user's name and home, where the system has none."""
    if user_name() and has_home():
        return []
    return [f"-Duser.name={user_name() or stand_in()}", f"-Duser.home={cache_folder()}"]


def utf8_locale() -> str | None:
    """A locale with UTF-8 that this system has; None: only what is set already may be one.

    The same for all users: Java takes other things from it than file names, such as how to write a
    capital i.
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
