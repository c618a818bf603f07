"""Make semscore importable from a checkout, also where pyspark and obstore are not installed.

Scoring without Spark needs neither of them, but the packages that it uses import both.
"""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
PARTS = ("conf", "jobs", "udfs")  # which are mapped into the package: see setup.py
NOT_NEEDED = ("obstore", "pyspark")


def prepare() -> None:
    """Make `import semscore` work in this process. Does nothing where semscore is installed."""
    if not _is_installed():
        folder = Path(tempfile.mkdtemp(prefix="semscore-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        sys.modules.pop("semscore", None)  # the folder of the checkout, without the other parts
        sys.path.insert(0, str(linked(folder)))
    absent = tuple(name for name in NOT_NEEDED if find_spec(name) is None)
    sys.meta_path.append(StandIns(absent))


def linked(folder: Path) -> Path:
    """Make links in a folder, so that the checkout can be imported from there. Returns it."""
    package = folder / "semscore"
    package.mkdir(parents=True, exist_ok=True)
    for file in (ROOT / "semscore").iterdir():
        if file.is_file():
            (package / file.name).symlink_to(file)
    for part in PARTS:
        (package / part).symlink_to(ROOT / part)
    return folder


def _is_installed() -> bool:
    try:
        return find_spec("semscore.udfs.recipe") is not None
    except ModuleNotFoundError:  # semscore, or its other parts
        return False


class StandIns(MetaPathFinder, Loader):
    """A finder of modules that are not installed: they have any name, each an empty class."""

    def __init__(self, absent: Sequence[str]) -> None:
        self._absent = absent

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        """Return the spec of an absent package or of a module in it."""
        if fullname.partition(".")[0] not in self._absent:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a module whose names are made when they are read."""
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing."""


class _StandIn(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        # Some are base classes with a type in brackets, others are caught.
        return type(name, (Exception,), {"__class_getitem__": classmethod(lambda cls, _: cls)})
