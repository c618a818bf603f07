"""The store of vectors of a run: what is checked before it, and what is tidied after it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from semscore.udfs.errors import UserError
from semscore.udfs.gpus.device import for_workers
from semscore.udfs.stores.registry import Storage, needs_java
from semscore.udfs.vectors.tidy import tidy

if TYPE_CHECKING:
    from semscore.jobs.options.settings import Settings
    from semscore.udfs.recipe import Engine
    from semscore.udfs.stores.folder import Folder

log = logging.getLogger("semscore")


def check_vector_store(settings: Settings, storage: Storage, output: Folder) -> None:
    """Raise UserError for a vector store that workers could not use, or that is in the way."""
    place = settings.engine.vector_store
    if place is None:
        return
    if not settings.needs_model:
        raise UserError("--vector-store is for models, but --vector1 and --vector2 need none")
    if needs_java(place):
        raise UserError(f"--vector-store {place}: workers cannot reach it; use a folder or s3://…")
    store = storage.folder(place)
    inputs = [("INPUT", storage.folder(name)) for name in settings.locations]
    for what, folder in (("OUTPUT", output), *inputs):
        inner, outer = sorted((store.url, folder.url), key=len, reverse=True)
        if inner == outer or inner.startswith(f"{outer}/"):
            raise UserError(
                f"--vector-store {place} and {what} {folder.name} overlap; choose another folder"
            )
    store.require_writable()


def tidy_store(engine: Engine) -> None:
    """Bring the store of a run back to its size. A failure is only a warning."""
    if engine.vector_store is None:
        return
    place = for_workers(engine, "").vector_store
    assert place is not None
    try:
        tidy(Storage().folder(place), engine.vector_store_size)
    except OSError as error:
        log.warning("the vector store %s could not be tidied: %s", place, error)
