"""All backends, each entered here once, and which of them runs a model.

That depends on device, precision, what is installed, and what was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from semscore.udfs.backends.openvino.calibration import calibration_folder, require_current
from semscore.udfs.backends.openvino.converted import converted
from semscore.udfs.backends.protocol import Backend, NotConvertible
from semscore.udfs.errors import ModelError
from semscore.udfs.proofs.proof import Proof
from semscore.udfs.recipe import Engine, Recipe


@dataclass(frozen=True)
class Library:
    """A library that can run models."""

    title: str  # for people
    # Why it cannot compute a recipe on a device (as torch names it), with any model; None: it can
    obstacle: Callable[[Recipe, str], str | None]
    # From a model's folder, the recipe, the device, its CPUs and the model's proof; NotConvertible:
    # it cannot run this model
    load: Callable[[Path, Recipe, str, int, Proof | None], Backend]


def load_backend(
    folder: Path,
    recipe: Recipe,
    engine: Engine,
    device: str,
    cpus: int,
    proof: Proof | None = None,
) -> tuple[Backend, str | None]:
    """The model in `folder`, loaded; and a note where a faster backend cannot run it, and why.

    Raises ModelError if the backend that is asked for (OpenVINO by int8 too) cannot run it.
    """
    asked = "openvino" if recipe.precision == "int8" else engine.backend
    is_cpu = device == "cpu"
    reasons: dict[str, str] = {}  # by the title of a backend that cannot run it
    for name in LIBRARIES if asked == "auto" else (asked,):
        kind = LIBRARIES[name]
        try:
            if obstacle := kind.obstacle(recipe, device):
                raise NotConvertible(obstacle)
            backend = kind.load(folder, recipe, device, cpus, proof)
        except NotConvertible as error:
            reasons[kind.title] = str(error)
            continue
        told = "; ".join(f"not in {title}: {why}" for title, why in reasons.items())
        # Nobody expects a CPU's backend on a GPU.
        return backend, f"the model runs in {kind.title}, {told}" if told and is_cpu else None
    wanted = "int8" if recipe.precision == "int8" else f"--backend {asked}"
    title, why = next(iter(reasons.items()))
    raise ModelError(f"{wanted} needs {title}, which cannot run {folder}: {why}")


def may_convert(recipe: Recipe, engine: Engine, device: str) -> bool:
    """Whether a model will be converted for OpenVINO, if it can be; `device` as torch names it."""
    return (
        device == "cpu"
        and engine.backend in ("auto", "openvino")
        and recipe.precision != "float16"
        and recipe.calibration is None
        and find_spec("openvino") is not None
    )


def openvino_obstacle(recipe: Recipe, device: str) -> str | None:
    """Why OpenVINO cannot compute a recipe on a device, whatever the model; None: it can."""
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

    place = calibration_folder(recipe.calibration) if recipe.calibration else converted(folder)
    if not place.is_dir():
        raise ModelError(
            f"calibration {place} is not to be seen from this worker; it must be on storage that "
            "all nodes share"
        )
    if recipe.calibration:
        require_current(place, folder)
    return OpenVinoBackend(place, recipe, cpus)


def _torch(folder: Path, recipe: Recipe, device: str, cpus: int, proof: Proof | None) -> Backend:
    import torch

    from semscore.udfs.backends.torch import TorchBackend

    torch.set_num_threads(cpus)
    return TorchBackend(folder, recipe, device, proof)


# By the name that --backend has, in the order in which `auto` tries them.
LIBRARIES: dict[str, Library] = {
    "openvino": Library("OpenVINO", openvino_obstacle, _openvino),
    "torch": Library("torch", lambda *_: None, _torch),
}
