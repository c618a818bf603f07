"""From a model's name to a local folder, and the checks of this folder before it is loaded."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from filelock import FileLock

from semscore.udfs.errors import ModelError, NotHere
from semscore.udfs.models.architecture import adapter, known_types, obstacle
from semscore.udfs.models.complete import check_complete
from semscore.udfs.models.kinds import ALIASES, model_kind
from semscore.udfs.models.layout import Module, input_module, read_modules
from semscore.udfs.models.layout import transformer as transformer
from semscore.udfs.models.mlflow_registry import is_registered, registered_folder
from semscore.udfs.models.model_hash import LOADED, OTHER_FORMATS
from semscore.udfs.models.token_limit import check_max_seq_length
from semscore.udfs.models.vocabulary import check_vocabulary
from semscore.udfs.recipe import AskedKind, Recipe
from semscore.udfs.stores.registry import is_remote, kind_of
from semscore.udfs.stores.synced import Unsynced


def local_folder(model: str, revision: str | None = None, ask_hub: bool = True) -> Path:
    """Return the local folder of a model.

    `model` is a folder, an installed package, a location on S3, a name on the hub, or one in an
    MLflow registry (`models:/…`), for which `ask_hub` holds too. Downloads take place once per
    node, under a file lock, into $SEMSCORE_CACHE (default: the user's cache, and the hub's own).
    Only weights in safetensors format are downloaded. Raises ModelError if the model cannot be
    found. Raises NotHere without `ask_hub` if only the hub may have it.
    """
    if is_remote(model):
        try:
            return kind_of(model).fetch(model, LOADED, revision)
        except Unsynced as error:
            raise ModelError(f"model {error}") from error
    if is_registered(model):
        return registered_folder(model, revision, ask_hub)
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder.resolve()
    packaged = _packaged_model(model)
    if packaged:
        return packaged
    if folder.exists():
        raise ModelError(f"model {model!r} is a file, expected a model's folder")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", model) or model.startswith("."):
        raise ModelError(f"model {model!r}: this folder does not exist")
    return _from_hub(model, revision, ask_hub)


def pinned(recipe: Recipe, folder: Path) -> Recipe:
    """Return a recipe whose model is fixed to what `local_folder` found, and found from anywhere.

    On the hub, on S3 and in a registry its revision fixes it. A relative folder becomes absolute,
    because workers have other working folders.
    """
    fetched = is_remote(recipe.model) or is_registered(recipe.model)
    if folder.parent.name == "snapshots" or fetched:
        return replace(recipe, revision=folder.name)  # the commit, version, or what was fetched
    if Path(recipe.model).expanduser().is_dir():
        return replace(recipe, model=str(folder))
    return recipe


def hub_name(model: str) -> str:
    """Return the name of the repository on the hub."""
    return model if "/" in model else f"sentence-transformers/{model}"


def check_model(
    folder: Path,
    max_seq_length: int | None = None,
    weights: bool = True,
    kind: AskedKind = "auto",
) -> None:
    """Raise ModelError unless a folder has a complete model that can be used and is safe to load.

    Refuses a folder without a model, a model that needs its own code, missing or broken files,
    pickled weights, a model that does not score pairs or is of another `kind`, and fewer positions
    than `max_seq_length`. Without `weights`, the weights may be missing. Reads configurations,
    vocabularies and the headers of weights. Does not import a deep-learning library.
    """
    _check_adapter(folder)
    modules = read_modules(folder)
    for module in modules:
        _check_code(folder, module)
        if module.name == "Transformer":
            _check_adapter(module.folder)
            if why := obstacle(module.config):
                raise ModelError(f"{folder} cannot be used: {why}")
    for module in modules:
        check_complete(module, is_root=module.folder == folder, weights=weights)
        check_vocabulary(module)
    model_kind(folder, kind)
    if max_seq_length:
        check_max_seq_length(max_seq_length, folder, input_module(folder))


def _check_adapter(folder: Path) -> None:
    if why := adapter(folder):
        raise ModelError(f"{folder} cannot be used: {why}")


def _check_code(folder: Path, module: Module) -> None:
    if not module.type.startswith("sentence_transformers.") and module.type not in ALIASES:
        raise ModelError(
            f"{folder} needs its own code ({module.type}), which is never run; "
            "use a model made of sentence-transformers' modules"
        )
    kind = module.config.get("model_type")
    if "auto_map" in module.config and kind not in known_types():
        raise ModelError(
            f"{folder} needs its own code (model type {kind!r}), which "
            "is never run; use a model whose architecture transformers knows"
        )


def _packaged_model(name: str) -> Path | None:
    """Return the folder of the model in the installed package `name`, or None."""
    try:
        files = metadata.files(name) or []
    except (metadata.PackageNotFoundError, ValueError):
        return None
    listed = sorted(Path(str(file.locate())) for file in files if file.name == "modules.json")
    return listed[0].parent.resolve() if listed else None


def _from_hub(model: str, revision: str | None, ask: bool) -> Path:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    repository = hub_name(model)
    cache = Path(os.environ.get("SEMSCORE_CACHE") or constants.HF_HUB_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{repository.replace('/', '--')}.lock"):
        try:
            folder = snapshot_download(
                repository,
                revision=revision,
                cache_dir=cache,
                allow_patterns=[f"*{suffix}" for suffix in LOADED],
                ignore_patterns=[f"{name}/*" for name in OTHER_FORMATS],
                local_files_only=not ask,
            )
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
            at = f" at revision {revision!r}" if revision else ""
            missing = (
                f"model {model!r}{at} was not found as a folder, an installed package, or in the "
                f"cache {cache}"
            )
            if not ask:
                raise NotHere(missing) from error
            raise ModelError(
                f"{missing}, and it could not be fetched from the hub: "
                f"{str(error).strip().splitlines()[0]}"
            ) from error
    return Path(folder)
