"""Models in an MLflow registry: `models:/NAME@ALIAS` and `models:/NAME/VERSION`."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from types import ModuleType

from filelock import FileLock

from semscore.udfs.errors import ModelError, NotHere
from semscore.udfs.models.model_hash import content_files
from semscore.udfs.stores.cache import cache_folder

SCHEME = "models:/"
PLACE = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))")
BAR = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"


def is_registered(model: str) -> bool:
    """Return whether a model is named as in an MLflow registry."""
    return model.startswith(SCHEME)


def registered_folder(model: str, revision: str | None, ask: bool) -> Path:
    """Return a local copy of a registered model. The folder's name is the version.

    `revision` is a version; without it, an alias is looked up. Fetched once per node, under a file
    lock. Only the files that semscore loads are kept: no pickles, and no code. Raises ModelError if
    mlflow or the model is missing, and NotHere without `ask` if only the registry may have it.
    """
    parts = PLACE.fullmatch(model)
    if parts is None:
        raise ModelError(f"model {model!r}: expected models:/NAME@ALIAS or models:/NAME/VERSION")
    home = cache_folder() / "mlflow" / parts["name"]
    version = revision or parts["version"]
    if version and (home / version).is_dir():
        return home / version
    if not ask:
        raise NotHere(f"model {model!r} was not found in the cache {home}")
    version = version or _version(model, parts["name"], parts["alias"])
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / f"{version}.lock"):
        if not (home / version).is_dir():
            _fetch(model, f"{SCHEME}{parts['name']}/{version}", home / version)
    return home / version


def _version(model: str, name: str, alias: str) -> str:
    """Return the version to which an alias points now."""
    mlflow = _mlflow(model)
    try:
        return str(mlflow.MlflowClient().get_model_version_by_alias(name, alias).version)
    except Exception as error:  # its stores raise errors of many libraries
        raise _unfetched(model, error) from error


def _fetch(model: str, location: str, target: Path) -> None:
    """Download a version, and move its model, without other files, to `target` in one step."""
    mlflow = _mlflow(model)
    os.environ.setdefault(BAR, "false")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="fetching-") as workshop:
        fetched, kept = Path(workshop, "fetched"), Path(workshop, "kept")
        try:
            mlflow.artifacts.download_artifacts(artifact_uri=location, dst_path=str(fetched))
        except Exception as error:
            raise _unfetched(model, error) from error
        root = _root(fetched)
        if root is None:
            raise ModelError(
                f"model {model!r} has neither modules.json nor config.json, so it is not one of "
                "sentence-transformers; register the folder that save_pretrained writes"
            )
        for file in content_files(root):
            copy = kept / file.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            file.rename(copy)
        kept.rename(target)


def _root(fetched: Path) -> Path | None:
    """Return the folder of the model within the files of a version, or None."""
    for name in ("modules.json", "config.json"):
        if found := sorted(fetched.rglob(name), key=lambda path: len(path.parts)):
            return found[0].parent
    return None


def _mlflow(model: str) -> ModuleType:
    try:
        import mlflow
    except ModuleNotFoundError as error:
        raise ModelError(
            f"model {model!r} is in an MLflow registry, which needs mlflow; pip install "
            "'semscore[mlflow]'"
        ) from error
    return mlflow


def _unfetched(model: str, error: Exception) -> ModelError:
    registry = os.environ.get("MLFLOW_REGISTRY_URI") or os.environ.get("MLFLOW_TRACKING_URI")
    where = registry or "no MLFLOW_TRACKING_URI is set, so MLflow looked on this machine"
    first = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return ModelError(
        f"model {model!r} could not be fetched from the MLflow registry ({where}): {first}"
    )
