"""The start of the command, as `semscore` or as `python -m semscore`."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence

LIBRARIES = ("site-packages", "dist-packages")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with the installed Spark, and without modules from the working folder."""
    _leave_working_folder()
    _require_utf8()
    # Without this, Python's last act is to look for garbage among all objects, which takes a
    # quarter of a second. They end with the process anyway.
    atexit.register(gc.freeze)
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not _is_for_a_cluster(arguments):
        _prefer_own_spark()
    from semscore.jobs.cli.app import main as command
    from semscore.jobs.cli.log import hush_others

    if "--debug" not in arguments:
        hush_others()
    return command(arguments)


def _leave_working_folder() -> None:
    """Remove the working folder from the path: it may hold a user's own random.py or tokenizers/.

    `python -m` puts it first, and so does a PYTHONPATH that ends with a colon. This function only
    uses modules that Python has already imported.
    """
    try:
        here = os.path.realpath(".")
    except FileNotFoundError:  # it was deleted
        return
    ours = os.path.realpath(__file__).startswith(os.path.join(here, "semscore", ""))  # noqa: PTH118
    if not ours and not here.endswith(LIBRARIES):
        sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry) != here]


def _require_utf8() -> None:
    """Restart in UTF-8 mode if Python would read file names in another encoding than Java.

    This happens in locales with other encodings. (In C and POSIX, Python uses UTF-8 by itself.)
    """
    if sys.getfilesystemencoding() != "utf-8" and os.environ.get("PYTHONUTF8") != "1":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _is_for_a_cluster(arguments: Sequence[str]) -> bool:
    """Return whether --master names another Spark, or spark-submit started this process."""
    masters = [
        word.partition("=")[2] or "".join(arguments[place + 1 : place + 2])
        for place, word in enumerate(arguments)
        if word.partition("=")[0] == "--master"
    ]
    return "PYSPARK_GATEWAY_PORT" in os.environ or any(
        not master.startswith("local") for master in masters
    )


def _prefer_own_spark() -> None:
    """Import the installed pyspark, even if PYTHONPATH puts another one before it."""
    from importlib import metadata
    from importlib.util import find_spec
    from pathlib import Path

    def is_of(entry: Path, root: Path) -> bool:
        """Return whether an entry of the path belongs to the Spark whose Python is in `root`."""
        return entry == root or root in entry.parents or entry.name.startswith("py4j")

    try:
        own = Path(str(metadata.distribution("pyspark").locate_file("pyspark")))
    except metadata.PackageNotFoundError:
        return
    while own.is_dir() and (found := find_spec("pyspark")) and found.origin:
        root = Path(found.origin).parents[1]
        left = [entry for entry in sys.path if not is_of(Path(entry).absolute(), root)]
        if root == own.parent or left == sys.path:
            return
        sys.path[:] = left


if __name__ == "__main__":
    sys.exit(main())
