"""Check a job's model before the job costs anything."""

from __future__ import annotations

import logging
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from semscore.jobs.preflight.checks import pin_model
from semscore.jobs.preflight.proving import prove
from semscore.jobs.processing_job.submission import IN_IMAGE
from semscore.udfs.errors import ModelError, UserError
from semscore.udfs.models.fetch import local_folder
from semscore.udfs.models.fitted import checked, fitted
from semscore.udfs.models.model_hash import LOADED
from semscore.udfs.recipe import described_kind
from semscore.udfs.stores.s3 import is_s3
from semscore.udfs.stores.synced import Unsynced, synced

if TYPE_CHECKING:
    from semscore.jobs.options.settings import Settings
    from semscore.udfs.recipe import Recipe

SMALL = tuple(ending for ending in LOADED if ending != ".safetensors")

log = logging.getLogger("semscore")


def check_model_here(recipe: Recipe) -> None:
    """Check the files of a model that is on this machine. Does not download a missing model.

    Raises UserError if the model cannot be used.
    """
    if is_s3(recipe.model) or _in_image(recipe):
        return
    try:
        folder = local_folder(recipe.model, recipe.revision, ask_hub=False)
    except ModelError:  # find_model reports it, and says where a model can come from
        return
    try:
        checked(recipe, folder)
    except ModelError as error:
        raise UserError(str(error)) from error


def kind_here(recipe: Recipe) -> str:
    """Return how a model on this machine scores, or that only the job can tell."""
    try:
        if not is_s3(recipe.model) and not _in_image(recipe):
            folder = local_folder(recipe.model, recipe.revision, ask_hub=False)
            return described_kind(fitted(recipe, folder))
    except ModelError:  # reported by the check, or the model is not here
        pass
    return recipe.kind if recipe.kind != "auto" else "decided in the job, from the model's files"


def look_at_model(settings: Settings) -> None:
    """Check the model as a run does before it writes; of a model on S3, check only its small files.

    A model that is only on the hub is downloaded, because it is submitted with the job. Raises
    UserError if the model cannot be used. If S3 cannot be read from here, logs a warning and
    leaves the check to the job.
    """
    recipe = settings.recipe
    if _in_image(recipe) or not settings.needs_model:
        return
    if not is_s3(recipe.model):
        prove(pin_model(recipe), settings.engine, local=False)
        return
    try:
        folder = synced(recipe.model, SMALL)
        checked(recipe, folder, weights=False)
    except Unsynced as error:
        if "access is denied" not in str(error) and "credentials" not in str(error):
            raise UserError(f"model {error}") from error
        log.warning("the model cannot be checked from here: %s", error)
    except ModelError as error:
        raise UserError(f"model {recipe.model}: {error}") from error


def _in_image(recipe: Recipe) -> bool:
    return PurePosixPath(recipe.model).is_relative_to(IN_IMAGE)
