"""What the driver checks and fixes before a column is made: versions, recipe, model, engine."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from semscore.udfs.driver.session import Active, active_session, warn_of_reloads
from semscore.udfs.driver.ship import ship
from semscore.udfs.errors import ModelError, RecipeError
from semscore.udfs.gpus.device import for_workers, local_device
from semscore.udfs.models.fetch import local_folder, pinned
from semscore.udfs.models.fitted import checked, fitted, require_vectors
from semscore.udfs.models.model_hash import content_sha256
from semscore.udfs.processes.compatible import require_compatible
from semscore.udfs.recipe import Engine, Recipe, as_recipe, resolved
from semscore.udfs.stores.registry import is_remote

LIBRARIES = ("torch", "transformers", "sentence_transformers")  # which a client may lack
REVISION = 24  # hex digits of a content's hash
log = logging.getLogger("semscore")


def settled(
    recipe: Recipe | str | os.PathLike[str], engine: Engine, needs_vectors: bool = False
) -> tuple[Recipe, Engine]:
    """Return the recipe and the engine with which workers load the model.

    If the driver has the model, everything that does not need a row is checked here: that the model
    is complete, is safe to load, and gives the same vectors as sentence-transformers. It takes
    seconds for a model that this machine has not seen before. The model's content is fixed.

    `needs_vectors`: only bi-encoders can be used. Raises RecipeError for a value that cannot be
    used, ModelError for a model that cannot, and UserError if the versions of Python, Spark and
    pandas cannot be used together.
    """
    require_compatible()
    recipe = as_recipe(recipe)
    _require_precision(recipe)
    session = active_session()
    warn_of_reloads(session)
    engine = for_workers(engine, session.master)
    if recipe.calibration and not is_remote(recipe.calibration):
        recipe = replace(recipe, calibration=str(Path(recipe.calibration).expanduser().absolute()))
    try:
        folder = local_folder(recipe.model, recipe.revision)
    except ModelError as error:
        if session.shares_this_host:
            raise
        log.warning(
            "the driver does not have the model, so the hosts of the workers must: %s", error
        )
        return recipe, engine
    recipe, can_prove = pinned(recipe, folder), all(map(find_spec, LIBRARIES))
    recipe = (checked if can_prove else fitted)(recipe, folder)
    if recipe.revision is None:  # another content is another model, which workers must load
        recipe = replace(recipe, revision=content_sha256(folder)[:REVISION])
    if needs_vectors or engine.vector_store:
        require_vectors(recipe, folder)
    if can_prove:
        _prove(recipe, engine, folder, session)
    ship(recipe, folder, session)
    return recipe, engine


def _require_precision(recipe: Recipe) -> None:
    if recipe.precision == "auto":
        raise RecipeError(
            "Recipe.precision 'auto' needs pairs to compare precisions on; use "
            "choose_precision(pairs, recipe), or name a precision"
        )
    if recipe.precision == "int8" and not recipe.calibration:
        raise RecipeError(
            "Recipe.precision 'int8' needs a calibration; make one with "
            "recipe = calibrate(texts, recipe, folder)"
        )


def _prove(recipe: Recipe, engine: Engine, folder: Path, session: Active) -> None:
    """Compare the model with sentence-transformers in another process, unless it was done before.

    In a local session this also converts the model for the workers.
    """
    from semscore.udfs.backends.openvino.calibration import read_calibration
    from semscore.udfs.backends.proving.proved import NotProved, proved
    from semscore.udfs.backends.registry import may_convert, require_library

    device = local_device(engine)
    if session.shares_this_host:
        require_library(recipe, engine, device)
    if recipe.calibration:
        read_calibration(recipe.calibration, content_sha256(folder))
    try:
        convert = session.shares_this_host and may_convert(recipe, engine, device)
        proved(folder, resolved(recipe), recipe.max_seq_length, convert)
    except NotProved as error:
        log.warning("the model could not be checked on the driver: %s", error)
