"""All backends, and the choice of the backend that runs a model.

It depends on the device, the precision, the installed packages and Engine.backend.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from semscore.udfs.backends.flat.speeds import is_faster
from semscore.udfs.backends.openvino.calibration import calibration_folder, require_current
from semscore.udfs.backends.openvino.converted import converted
from semscore.udfs.backends.protocol import Backend, NotConvertible
from semscore.udfs.backends.torch_memory import hold_memory
from semscore.udfs.errors import ModelError
from semscore.udfs.gpus.cpu import has_bfloat16_products
from semscore.udfs.models.kinds import model_kind
from semscore.udfs.proofs.proof import Proof
from semscore.udfs.recipe import Engine, Recipe


@dataclass(frozen=True)
class Library:
    """A library that can run models."""

    title: str  # for display
    # Returns why it cannot compute a recipe on a device (torch's name) with any model, or None
    obstacle: Callable[[Recipe, str], str | None]
    # Takes a model's folder, the recipe, the device, the number of CPUs and the model's proof.
    # Raises NotConvertible if it cannot run this model.
    load: Callable[[Path, Recipe, str, int, Proof | None], Backend]


def load_backend(
    folder: Path,
    recipe: Recipe,
    engine: Engine,
    device: str,
    cpus: int,
    proof: Proof | None = None,
) -> tuple[Backend, str | None]:
    """Load the model in `folder`. Returns its backend, and a note for the user or None.

    The note says why a faster backend cannot run the model. Raises ModelError if the requested
    backend cannot run it. int8 always requires OpenVINO.
    """
    asked = _asked(recipe, engine)
    is_cpu = device == "cpu"
    reasons: dict[str, str] = {}  # by the title of a backend that cannot run it
    for name in _order(folder, recipe, is_cpu) if asked == "auto" else (asked,):
        kind = LIBRARIES[name]
        try:
            if obstacle := kind.obstacle(recipe, device):
                raise NotConvertible(obstacle)
            if not is_cpu:
                gc.collect()  # a model that was let go of may still hold memory
            backend = kind.load(folder, recipe, device, cpus, proof)
        except NotConvertible as error:
            # On a GPU, no note is needed that a backend for CPUs was not used.
            worth_saying = is_cpu or not obstacle or asked != "auto"
            if worth_saying and str(error) not in reasons.values():
                reasons[kind.title] = str(error)
            continue
        skipped = "; ".join(f"not in {title}: {why}" for title, why in reasons.items())
        return backend, f"the model runs in {kind.title}, {skipped}" if skipped else None
    title, why = next(iter(reasons.items()))
    raise ModelError(f"{_option(recipe, engine)} needs {title}, which cannot run {folder}: {why}")


def require_library(recipe: Recipe, engine: Engine, device: str) -> None:
    """Raise ModelError if an option requires a library that cannot compute a recipe on a device."""
    library = LIBRARIES.get(_asked(recipe, engine))
    if library and (why := library.obstacle(recipe, device)):
        option = _option(recipe, engine)
        raise ModelError(f"{option} needs {library.title}, which cannot run here: {why}")


def _asked(recipe: Recipe, engine: Engine) -> str:
    """Return the name of the backend that the options require, or `auto`."""
    return "openvino" if recipe.precision == "int8" else engine.backend


def _option(recipe: Recipe, engine: Engine) -> str:
    """Return the option that requires a backend, for messages."""
    int8 = recipe.precision == "int8"
    return "Recipe.precision int8" if int8 else f"Engine.backend {engine.backend}"


def _order(folder: Path, recipe: Recipe, is_cpu: bool) -> list[str]:
    """Return the names of the backends, the one that should run the model first."""
    first = ["flat"] if is_cpu and is_faster(folder, recipe.precision) else []
    return list(dict.fromkeys([*first, *LIBRARIES]))


def may_convert(recipe: Recipe, engine: Engine, device: str) -> bool:
    """Return whether a model is to be converted for OpenVINO. `device` is torch's name."""
    return (
        device == "cpu"
        and engine.backend in ("auto", "openvino")
        and recipe.precision != "float16"
        and recipe.calibration is None
        and find_spec("openvino") is not None
    )


def openvino_obstacle(recipe: Recipe, device: str) -> str | None:
    """Return why OpenVINO cannot compute a recipe on a device with any model, or None if it can."""
    if device != "cpu":
        return f"it runs on CPUs only, and the device is {device}"
    if not find_spec("openvino"):
        return "it is not installed; pip install 'semscore[openvino]'"
    from semscore.udfs.backends.openvino.forward import HINTS, has_bfloat16

    if recipe.precision == "auto":
        return None
    if recipe.precision not in HINTS:
        return f"it does not compute in {recipe.precision} on CPUs"
    if recipe.precision == "bfloat16" and not has_bfloat16():
        return "this CPU does not compute in bfloat16"
    return None


def _openvino(folder: Path, recipe: Recipe, _: str, cpus: int, __: Proof | None) -> Backend:
    from semscore.udfs.backends.openvino.forward import OpenVinoBackend

    kind = model_kind(folder, recipe.kind)
    place = (
        calibration_folder(recipe.calibration) if recipe.calibration else converted(folder, kind)
    )
    if not place.is_dir():
        raise ModelError(
            f"calibration {place} was not found on this worker; it must be on storage that all "
            "nodes share"
        )
    if recipe.calibration:
        require_current(place, folder)
    return OpenVinoBackend(place, recipe, cpus)


def flat_obstacle(recipe: Recipe, device: str) -> str | None:
    """Return why no model can compute a recipe on a device without padding, or None if one can."""
    if device.startswith("cuda"):
        return None
    if device != "cpu":
        return f"it runs on CPUs and NVIDIA GPUs only, and the device is {device}"
    if recipe.precision not in ("auto", "float32", "bfloat16"):
        return f"it does not compute in {recipe.precision} on CPUs"
    if recipe.precision == "bfloat16" and not has_bfloat16_products():
        return "this CPU does not compute in bfloat16"
    return None


def _flat(folder: Path, recipe: Recipe, device: str, cpus: int, proof: Proof | None) -> Backend:
    import torch

    from semscore.udfs.backends.flat.forward import FlatBackend
    from semscore.udfs.backends.flat.gpu import GpuFlatBackend

    if model_kind(folder, recipe.kind) == "late-interaction":
        raise NotConvertible("it gives each token a vector")
    torch.set_num_threads(cpus)
    if device == "cpu":
        hold_memory()
        return FlatBackend(folder, recipe, proof)
    return GpuFlatBackend(folder, recipe, device, proof)


def _torch(folder: Path, recipe: Recipe, device: str, cpus: int, proof: Proof | None) -> Backend:
    import torch

    from semscore.udfs.backends.late_interaction import LateInteractionBackend
    from semscore.udfs.backends.torch import TorchBackend

    torch.set_num_threads(cpus)
    if device == "cpu":
        hold_memory()
    late = model_kind(folder, recipe.kind) == "late-interaction"
    return (LateInteractionBackend if late else TorchBackend)(folder, recipe, device, proof)


# By the name used in Engine.backend, in the order in which `auto` tries them: see `_order`.
LIBRARIES: dict[str, Library] = {
    "openvino": Library("OpenVINO", openvino_obstacle, _openvino),
    "flat": Library("torch without padding", flat_obstacle, _flat),
    "torch": Library("torch", lambda *_: None, _torch),
}
