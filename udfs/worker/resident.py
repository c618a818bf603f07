"""The models that this Python worker keeps loaded: the last one used, and one before it."""

from __future__ import annotations

import os
import socket
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pyspark import TaskContext

from semscore.udfs.errors import DeviceFailed
from semscore.udfs.gpus import leases
from semscore.udfs.gpus.device import TaskDevice, hardware_name, task_cpus, task_device
from semscore.udfs.gpus.faults import fault_of
from semscore.udfs.models.fitted import checked
from semscore.udfs.models.layout import weight_bytes
from semscore.udfs.models.shipped import model_folder
from semscore.udfs.recipe import Engine, Recipe, resolved

if TYPE_CHECKING:
    from semscore.udfs.proofs.proof import Proof
    from semscore.udfs.texts.encoder import Encoder


class Resident(NamedTuple):
    """The model in this process, which stays loaded from task to task."""

    encoder: Encoder
    folder: Path
    device: TaskDevice
    hardware: str  # for display
    notes: tuple[str, ...]  # messages for the user about how the model runs

    @property
    def label(self) -> str:
        """Return host, process, device and backend, separated by blanks."""
        return " ".join((_here(), self.device.label, self.encoder.backend.name))


# The fields of a recipe on which a loaded model does not depend. If one is missing here, recipes
# that differ only in it cause a reload, but never a wrong score.
IRRELEVANT: dict[str, Any] = {
    name: Recipe.__dataclass_fields__[name].default
    for name in ("label", "metric", "prompt1", "prompt2", "role1", "role2")
}
WITHOUT_STORE: dict[str, Any] = {
    name: Engine.__dataclass_fields__[name].default
    for name in ("vector_store", "vector_store_size")
}

KEPT = 2  # models, so that comparing two loads none of them again
KEPT_BYTES = 2**30  # of the weights of all on disk; beyond this, only one model is kept

_residents: OrderedDict[tuple[object, ...], Resident] = OrderedDict()  # the last one used is last


def resident(recipe: Recipe, engine: Engine) -> Resident:
    """Return the model of a recipe, loading it only if this worker does not keep it.

    A worker keeps two models if their weights have at most KEPT_BYTES together, else only the last.
    If Spark assigns another GPU to the worker, the model moves there. Raises DeviceFailed if the
    device cannot be used, or gives wrong scores for a few known pairs.
    """
    context = TaskContext.get()
    device, cpus = task_device(engine, context), task_cpus(context)
    kind = device.torch.partition(":")[0]
    key = (replace(recipe, **IRRELEVANT), replace(engine, **WITHOUT_STORE), kind, cpus)
    if key not in _residents:
        folder = model_folder(recipe)
        _make_room(folder)
        with device_faults(device):
            _residents[key] = _load(recipe, folder, engine, device, cpus)
    elif _residents[key].device != device:
        with device_faults(device):
            _residents[key].encoder.move(device.torch)
        _residents[key] = _residents[key]._replace(device=device)
    _residents.move_to_end(key)
    return _residents[key]


def _make_room(folder: Path) -> None:
    """Let go of models, the one that was used least recently first, until another one fits."""
    new = weight_bytes(folder)
    while _residents and (
        len(_residents) >= KEPT
        or new + sum(weight_bytes(model.folder) for model in _residents.values()) > KEPT_BYTES
    ):
        _residents.popitem(last=False)


def _load(recipe: Recipe, folder: Path, engine: Engine, device: TaskDevice, cpus: int) -> Resident:
    recipe = checked(recipe, folder)  # a user's own driver may not have done so
    # Set before the first import of torch and tokenizers, which read these only once.
    os.environ |= {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # the order of nvidia-smi, not the fastest first
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": str(cpus),
        "RAYON_NUM_THREADS": str(cpus),
        "TOKENIZERS_PARALLELISM": "true" if cpus > 1 else "false",
        "TQDM_DISABLE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
    }
    from semscore.udfs.backends.proving.proved import NotProved, proved
    from semscore.udfs.backends.registry import load_backend, may_convert
    from semscore.udfs.texts.encoder import Encoder
    from semscore.udfs.worker import canary

    notes: list[str] = []
    proof: Proof | None = None
    try:
        convert = may_convert(recipe, engine, device.torch)
        proof = proved(folder, resolved(recipe), recipe.max_seq_length, convert)
    except NotProved as error:
        notes.append(f"the model could not be checked on a CPU: {error}")
    backend, note = load_backend(folder, recipe, engine, device.torch, cpus, proof)
    notes += [note] if note else []
    proof = proof or backend.prove(folder)
    encoder = Encoder(backend, engine.token_budget, engine.batch_size)
    if proof:
        canary.check(encoder, proof, recipe.precision)
    return Resident(encoder, folder, device, hardware_name(device, cpus), tuple(notes))


@contextmanager
def device_faults(device: TaskDevice) -> Iterator[None]:
    """Raise device errors with host and device in the message, and set aside a lost device.

    The error ends the task and this process, because Spark does not reuse a worker after an error.
    """
    from semscore.udfs.errors import CanaryFailed

    try:
        yield
    except CanaryFailed as error:
        raise DeviceFailed(f"{_here()} {device.label} gives wrong scores: {error}") from error
    except Exception as error:
        fault = fault_of(error)
        if fault not in ("lost", "poisoned"):
            raise
        message = f"{_here()} {device.label} failed: {error}"
        if fault == "lost" and device.address is not None:
            try:
                leases.quarantine(device.address, f"{type(error).__name__}: {error}")
            except leases.LeaseError as refused:
                message += f" (and could not be set aside: {refused})"
        raise DeviceFailed(message) from error


def _here() -> str:
    return f"{socket.gethostname()} {os.getpid()}"
