"""The folder of a model in a worker: the copy that the driver sent, or one that the host has."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pyspark import TaskContext

from semscore.udfs.errors import ModelError, NotHere
from semscore.udfs.models.fetch import local_folder
from semscore.udfs.recipe import Recipe


def archive_name(recipe: Recipe) -> str:
    """Return the name of the archive in which a model is sent, from its name and revision."""
    identity = f"{recipe.model}\0{recipe.revision}"
    return f"semscore-model-{hashlib.sha256(identity.encode()).hexdigest()[:24]}"


def model_folder(recipe: Recipe) -> Path:
    """Return the local folder of a recipe's model, in a worker without asking the hub.

    Models on S3 are fetched once for each host. Raises ModelError if there is no such model.
    """
    if sent := _sent(archive_name(recipe)):
        return sent
    try:
        return local_folder(recipe.model, recipe.revision, ask_hub=TaskContext.get() is None)
    except NotHere as error:
        raise ModelError(
            f"{error}. Workers do not ask the hub: use a driver that has the model, or a folder on "
            "S3 or on all hosts"
        ) from error


def _sent(archive: str) -> Path | None:
    """Return the folder into which Spark has unpacked an archive for this task, or None."""
    if TaskContext.get() is None:
        return None
    from pyspark import SparkFiles  # which a Connect client lacks

    folder = Path(SparkFiles.get(archive))
    return folder if folder.is_dir() else None
