"""A model's name to a local folder, and what must be true of that folder before it is loaded."""

from __future__ import annotations

import json
import os
import re
from importlib import metadata
from pathlib import Path
from typing import Any

from filelock import FileLock

from semscore.udfs.architecture import adapter, known_types, obstacle
from semscore.udfs.model_hash import LOADED, OTHER_FORMATS
from semscore.udfs.s3 import is_s3
from semscore.udfs.synced import Unsynced, synced

PICKLED = (".bin", ".ckpt", ".pkl", ".pt", ".pth")
OTHER_KINDS = ("CrossEncoder", "MultiVectorEncoder", "SparseEncoder")
CLASSIFIER = "ForSequenceClassification"  # how a cross-encoder without modules.json is recognised
NEEDED = "a model that gives each text one vector"
COUNT_AFTER_PADDING = (  # positions of these start behind the padding token's id
    "camembert",
    "data2vec-text",
    "longformer",
    "mpnet",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
)


class ModelError(ValueError):
    """The model cannot be used; the message says why and what to do."""


class NotHere(ModelError):
    """This machine does not have the model; the hub may."""


def local_folder(model: str, revision: str | None = None, ask_hub: bool = True) -> Path:
    """The folder of a model: itself, in an installed package, or downloaded from S3 or the hub.

    A download is done once per node, under a file lock, into $SEMSCORE_CACHE (default: the user's
    cache, and the hub's own), safetensors only. Raises ModelError for a model that is not to be
    had; NotHere without `ask_hub`, for one that only the hub could have.
    """
    if is_s3(model):
        try:
            return synced(model, LOADED, revision)
        except Unsynced as error:
            raise ModelError(f"model {error}") from error
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder.resolve()
    packaged = _packaged_model(model)
    if packaged:
        return packaged
    if folder.exists():
        raise ModelError(f"model {model!r} is a file, expected a model's folder")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", model) or model.startswith("."):
        raise ModelError(f"model {model!r}: there is no such folder")
    return _from_hub(model, revision, ask_hub)


def hub_name(model: str) -> str:
    """The repository that a name means on the hub."""
    return model if "/" in model else f"sentence-transformers/{model}"


def check_model(folder: Path, max_seq_length: int | None = None) -> None:
    """Refuse a folder that is no sentence-transformers model, or not one to be trusted.

    Reads configurations and the headers of weights, and imports no deep-learning library. Raises
    ModelError for: no model at all, code of its own, pickled or broken weights, another kind of
    encoder, fewer positions than `max_seq_length`.
    """
    if why := adapter(folder):
        raise ModelError(f"{folder} cannot be used: {why}")
    modules = _modules(folder)
    kind = _json(folder / "config_sentence_transformers.json", dict).get("model_type")
    if kind in OTHER_KINDS:
        raise ModelError(f"{folder} is a {kind}; needed is {NEEDED}")
    for path, module_type in modules:
        if not module_type.startswith("sentence_transformers."):
            raise ModelError(
                f"{folder} needs code of its own ({module_type}), which is never run; "
                "use a model made of sentence-transformers' modules"
            )
        config = _json(path / "config.json", dict)
        if "auto_map" in config and config.get("model_type") not in known_types():
            raise ModelError(
                f"{folder} needs code of its own (model type {config.get('model_type')!r}), which "
                "is never run; use a model whose architecture transformers knows"
            )
        is_transformer = module_type.endswith(".Transformer")
        if why := (adapter(path) or obstacle(config)) if is_transformer else None:
            raise ModelError(f"{folder} cannot be used: {why}")
        if max_seq_length:
            _check_max_seq_length(max_seq_length, folder, module_type, config)
        _check_weights(path, is_root=path == folder, needed=is_transformer)


def transformer(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The folder and config.json of the model's transformer; of one that has none, an empty one."""
    for path, _ in _modules(folder):
        if "model_type" in (config := _json(path / "config.json", dict)):
            return path, config
    return folder, {}


def _packaged_model(name: str) -> Path | None:
    """The model's folder inside the installed distribution `name`, if there is such a thing."""
    try:
        files = metadata.files(name) or []
    except (metadata.PackageNotFoundError, ValueError):
        return None
    found = sorted(Path(str(file.locate())) for file in files if file.name == "modules.json")
    return found[0].parent.resolve() if found else None


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
            searched = f"model {model!r}{at} is no folder, no installed package, not in the cache"
            if not ask:
                raise NotHere(f"{searched} {cache}") from error
            raise ModelError(
                f"{searched} {cache}, and the hub did not give it: "
                f"{str(error).strip().splitlines()[0]}"
            ) from error
    return Path(folder)


def _modules(folder: Path) -> list[tuple[Path, str]]:
    """Folder and type of each module of the model."""
    config = _json(folder / "config.json", dict)
    if (folder / "modules.json").is_file():
        listed = _json(folder / "modules.json", list)
        if not (listed and all("path" in module and "type" in module for module in listed)):
            raise ModelError(f"{folder}/modules.json must list modules, each with path and type")
        return [(folder / module["path"], module["type"]) for module in listed]
    if "model_type" not in config:
        raise ModelError(
            f"{folder} is no model: it has neither modules.json (sentence-transformers) nor a "
            "config.json with a model_type (transformers)"
        )
    for architecture in config.get("architectures") or ():
        if architecture.endswith(CLASSIFIER):
            raise ModelError(f"{folder} is a classifier ({architecture}); needed is {NEEDED}")
    # sentence-transformers adds mean pooling to a bare transformer
    return [(folder, "sentence_transformers.models.Transformer")]


def _json(path: Path, kind: type) -> Any:
    """What a file holds, which must be of a kind: dict or list; empty if there is no such file."""
    if not path.is_file():
        return kind()
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(value, kind):
        raise ModelError(f"{path} holds a {type(value).__name__}, expected a {kind.__name__}")
    return value


def _check_max_seq_length(
    limit: int, folder: Path, module_type: str, config: dict[str, Any]
) -> None:
    """A model must be able to read `limit` tokens, and to be told to."""
    if module_type.endswith(".StaticEmbedding"):
        raise ModelError(f"--max-seq-length means nothing to {folder}: it reads all of every text")
    positions = config.get("max_position_embeddings")
    if positions and config.get("model_type") in COUNT_AFTER_PADDING:
        positions -= (config.get("pad_token_id", 1) or 0) + 1
    if positions and limit > positions:
        raise ModelError(f"--max-seq-length {limit} is more than {folder} can read: {positions}")


def _check_weights(module: Path, is_root: bool, needed: bool) -> None:
    """Weights, where there are any, must be whole safetensors files."""
    from safetensors import SafetensorError, safe_open

    files = [path for path in module.glob("*" if is_root else "**/*") if path.is_file()]
    weights = [path for path in files if path.suffix == ".safetensors"]
    pickled = sorted(path.name for path in files if path.suffix in PICKLED)
    if not weights and pickled:
        raise ModelError(
            f"{module} has only pickled weights ({pickled[0]}), which are never loaded since they "
            "can run code; save the model with safetensors"
        )
    if not weights and needed:
        raise ModelError(f"{module} has no weights: there is no *.safetensors in it")
    for index in module.glob("*.safetensors.index.json"):
        listed = set(_json(index, dict).get("weight_map", {}).values())
        if missing := listed - {path.name for path in weights}:
            raise ModelError(
                f"{module} lacks {min(missing)}, listed in {index.name}; fetch it again"
            )
    for path in weights:
        try:
            with safe_open(path, framework="numpy"):
                pass
        except (SafetensorError, OSError) as error:
            raise ModelError(
                f"{path} is no whole safetensors file ({error}); fetch it again "
                "(with git, large files need git-lfs)"
            ) from error
