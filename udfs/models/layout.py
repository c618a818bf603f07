"""The contents of a model's folder: modules, their configurations, the shapes of their weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from semscore.udfs.errors import ModelError

TRANSFORMER = "sentence_transformers.models.Transformer"
ROUTERS = ("Asym", "Router")  # modules that contain modules; Asym is the older name
# Where sentence-transformers looks for its configuration of a transformer, in this order
TRANSFORMER_CONFIGS = tuple(
    f"sentence_{name}_config.json"
    for name in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)


@dataclass(frozen=True)
class Module:
    """One module of a model, described by its files."""

    folder: Path
    type: str  # the class, with its package

    @property
    def name(self) -> str:
        """Return the class without its package."""
        return self.type.rpartition(".")[2]

    @cached_property
    def config(self) -> dict[str, Any]:
        """Return the content of config.json, empty if there is none."""
        return read_dict(self.folder / "config.json")

    @cached_property
    def reading(self) -> dict[str, Any]:
        """Return sentence-transformers' settings for how a transformer reads texts, or empty."""
        settings = (read_dict(self.folder / name) for name in TRANSFORMER_CONFIGS)
        return next(filter(None, settings), {})

    @cached_property
    def tokenizer_config(self) -> dict[str, Any]:
        """Return the content of tokenizer_config.json, empty if there is none."""
        return read_dict(self.folder / "tokenizer_config.json")

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each tensor by name, from the headers of *.safetensors."""
        return {
            name: shape
            for path in sorted(self.folder.glob("*.safetensors"))
            for name, shape in read_shapes(path)
        }


def read_modules(folder: Path) -> list[Module]:
    """Return the modules of a model in order. The modules inside a Router follow it.

    Raises ModelError for a folder that is not a model.
    """
    if not (folder / "modules.json").is_file():
        if "model_type" not in read_dict(folder / "config.json"):
            raise ModelError(
                f"{folder} is not a model: it has neither modules.json (sentence-transformers) nor "
                "a config.json with a model_type (transformers)"
            )
        # sentence-transformers adds mean pooling to a bare transformer
        return [Module(folder, TRANSFORMER)]
    listed = read_json(folder / "modules.json", list)
    if not (listed and all("path" in module and "type" in module for module in listed)):
        raise ModelError(f"{folder}/modules.json must list modules, each with path and type")
    return [
        module
        for entry in listed
        for module in _with_routes(folder, str(entry["path"]), str(entry["type"]))
    ]


def input_module(folder: Path) -> Module:
    """Return the module that reads the texts: the first, or the first of a Router's default route.

    Raises ModelError for a Router whose routes are not defined.
    """
    module = read_modules(folder)[0]
    while module.name in ROUTERS:
        config = _routes(module)
        structure: Any = config.get("structure")
        types = config["types"]
        route = config.get("parameters", {}).get("default_route")
        try:
            first = structure[route if route in structure else next(iter(structure))][0]
            module = Module(module.folder / first, str(types[first]))
        except (KeyError, IndexError, TypeError, StopIteration) as error:
            raise ModelError(
                f"{module.folder} has a Router with a route to a module that does not exist"
            ) from error
    return module


def transformer(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Return the folder and config.json of the model's transformer.

    Without a transformer, returns the model's folder and an empty configuration.
    """
    for module in read_modules(folder):
        if "model_type" in module.config:
            return module.folder, module.config
    return folder, {}


def read_dict(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file, empty if there is no such file."""
    value: dict[str, Any] = read_json(path, dict)
    return value


def read_json(path: Path, kind: type) -> Any:
    """Return the content of a JSON file, which must be a `kind` (dict or list).

    Returns an empty one if there is no such file. Raises ModelError if the file is not JSON or
    holds another kind of value.
    """
    if not path.is_file():
        return kind()
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is not valid JSON: {error}; fetch it again") from error
    if not isinstance(value, kind):
        raise ModelError(f"{path} contains a {type(value).__name__}, expected a {kind.__name__}")
    return value


def read_shapes(path: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield name and shape of each tensor in a safetensors file.

    Raises ModelError for a broken file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118 - not a dict
                yield name, tuple(file.get_slice(name).get_shape())
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{path} is not a complete safetensors file ({error}); fetch it again "
            "(with git, large files need git-lfs)"
        ) from error


def _with_routes(folder: Path, path: str, type_: str) -> Iterator[Module]:
    """Yield a module, and the modules inside it if it is a Router."""
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ModelError(f"{folder} refers to a module outside the folder: {path!r}")
    module = Module(folder / path, type_)
    yield module
    if module.name in ROUTERS and type_.startswith("sentence_transformers."):
        for name, nested in _routes(module)["types"].items():
            yield from _with_routes(folder, f"{path}/{name}" if path else name, str(nested))


def _routes(router: Module) -> dict[str, Any]:
    """Return a Router's configuration. Raises ModelError if it does not name the modules."""
    config = read_dict(router.folder / "router_config.json") or router.config
    types = config.get("types")
    if not isinstance(types, dict) or not types:
        raise ModelError(
            f"{router.folder} has no router_config.json that names the modules of its routes; "
            "copy it again from the model's source"
        )
    return config


def weight_bytes(folder: Path) -> int:
    """Return the size of a model's weights on disk in bytes."""
    return sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
