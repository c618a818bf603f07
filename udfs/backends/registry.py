"""Which backend runs a model: by device, precision, what is installed, and what was asked for."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from semscore.udfs.backends.openvino.calibration import calibration_folder, require_current
from semscore.udfs.backends.openvino.converted import NotConvertible, converted
from semscore.udfs.errors import ModelError
from semscore.udfs.proofs.proof import Proof
from semscore.udfs.recipe import Engine, Recipe

if TYPE_CHECKING:
    from semscore.udfs.backends.protocol import Backend


def load_backend(
    folder: Path,
    recipe: Recipe,
    engine: Engine,
    device: str,
    cpus: int,
    proof: Proof | None = None,
) -> tuple[Backend, str | None]:
    """The model in `folder`, loaded; and why torch runs it, where OpenVINO would be faster.

    Raises ModelError if OpenVINO is asked for (by `backend` or by int8) and cannot run it.
    """
    needed = engine.backend == "openvino" or recipe.precision == "int8"
    reason = None
    if needed or (engine.backend == "auto" and device == "cpu"):
        try:
            return _openvino(folder, recipe, device, cpus), None
        except NotConvertible as error:
            reason = str(error)
    if needed:
        asked = "int8" if recipe.precision == "int8" else "--backend openvino"
        raise ModelError(f"{asked} needs OpenVINO, which cannot run {folder}: {reason}")
    import torch

    from semscore.udfs.backends.torch import TorchBackend

    torch.set_num_threads(cpus)
    return TorchBackend(folder, recipe, device, proof), reason


def may_convert(recipe: Recipe, engine: Engine, device: str) -> bool:
    """Whether a model will be converted for OpenVINO, if it can be; `device` as torch names it."""
    return (
        device == "cpu"
        and engine.backend != "torch"
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


def _openvino(folder: Path, recipe: Recipe, device: str, cpus: int) -> Backend:
    if obstacle := openvino_obstacle(recipe, device):
        raise NotConvertible(obstacle)
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
