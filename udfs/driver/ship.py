"""Sending the driver's copy of a model to the executors.

Spark copies it once to each executor, or once to each host if the executors of an application share
their local folders. So the workers of a cluster never ask the hub.
"""

from __future__ import annotations

import logging
import tempfile
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary
from zipfile import ZIP_STORED, ZipFile

from semscore.udfs.driver.session import Active
from semscore.udfs.models.model_hash import content_files
from semscore.udfs.models.shipped import archive_name
from semscore.udfs.recipe import Recipe
from semscore.udfs.stores.registry import is_remote

log = logging.getLogger("semscore")
_sent: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()  # names of archives, by their scope


def ship(recipe: Recipe, folder: Path, session: Active) -> None:
    """Send a model to all executors of a session that do not run on this machine.

    Models on S3 are not sent, because each host fetches them itself.
    If the platform does not allow it, a warning is logged.
    """
    name = archive_name(recipe)
    if session.shares_this_host or is_remote(recipe.model) or name in _sent.get(session.scope, ()):
        return
    archive = Path(_workshop().name, f"{name}.zip")
    with ZipFile(archive, "w", ZIP_STORED) as target:  # weights hardly compress
        for file in content_files(folder):
            target.write(file, file.relative_to(folder))
    try:
        session.add_archive(f"{archive}#{name}")
    except Exception as error:  # what is raised depends on the platform
        why = str(error).strip().partition("\n")[0]
        log.warning("the workers must have the model, because it could not be sent: %s", why)
    _sent.setdefault(session.scope, set()).add(name)


@cache
def _workshop() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that exists as long as this process."""
    return tempfile.TemporaryDirectory(prefix="semscore-models-")
