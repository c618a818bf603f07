"""Check the model: it must be here, and it must load and score well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from semscore.jobs.diagnosis.finding import Finding, findings
from semscore.jobs.failures.root_cause import root_cause
from semscore.udfs.errors import NotHere
from semscore.udfs.gpus.device import has_mps, is_local
from semscore.udfs.gpus.discovery import visible_gpus
from semscore.udfs.models.fetch import hub_name, local_folder
from semscore.udfs.models.fitted import checked, passages
from semscore.udfs.processes.child import ask_once
from semscore.udfs.recipe import Engine, Recipe, described_kind
from semscore.udfs.stores.registry import is_remote

PLACES = "a folder that all hosts see, s3://…, or part of the image"
PATIENCE_S = 10.0


class Loaded(NamedTuple):
    """A model that was loaded in the same way as by a worker."""

    device: str
    backend: str
    notes: tuple[str, ...]  # what a user should know about how it runs


def check_for_model(recipe: Recipe, engine: Engine, master: str) -> Iterator[Finding]:
    """Find the model without the hub, and load it; a model on S3 is downloaded.

    Raises ModelError if the model cannot be used.
    """
    try:
        folder = local_folder(recipe.model, recipe.revision, ask_hub=False)
    except NotHere as error:
        yield _ask_hub(recipe, str(error))
        return
    recipe = checked(recipe, folder)
    kind = described_kind(recipe)
    if warning := passages(recipe, folder):
        yield Finding("model", "warn", warning)
    sent = "" if is_local(master) or is_remote(recipe.model) else "; the run sends it to executors"
    yield Finding("model", "ok", f"{folder} ({kind}), found without the hub{sent}")
    yield from findings({"canary": lambda: _load(folder, recipe, engine, is_local(master))})


def _load(folder: Path, recipe: Recipe, engine: Engine, local: bool) -> Iterator[Finding]:
    """Load the model and score known pairs, as a worker does before it trusts a model.

    This runs in a process of its own, because a worker sets variables and imports torch, neither of
    which can be undone.
    """
    needs_texts = recipe.precision == "auto" or (recipe.precision, recipe.calibration) == (
        "int8",
        None,
    )
    tried = replace(recipe, model=str(folder), revision=None)
    if needs_texts:  # only the dataset's own texts can decide this precision
        tried = replace(tried, precision="float32")
    if not local and not visible_gpus() and not has_mps():
        engine = replace(engine, device="cpu")  # the GPUs are on the executors' hosts
    start = perf_counter()
    try:
        model = ask_once(_loaded, tried, replace(engine, lease_gpus=True))
    except Exception as error:  # any library may raise anything
        yield Finding(
            "canary",
            "fail",
            f"the model does not load, or gives wrong scores: {root_cause(error)}",
            "try --device cpu and --backend torch to find the cause",
        )
        return
    seconds = perf_counter() - start
    where = f"{model.device}, {model.backend}, {tried.precision}"
    yield Finding("canary", "ok", f"known pairs get the right scores on {where} ({seconds:.1f} s)")
    for note in model.notes:
        yield Finding("canary", "warn", note)


def _loaded(recipe: Recipe, engine: Engine) -> Loaded:
    """Load a model as a worker does, and raise the same errors."""
    from semscore.udfs.worker.resident import resident

    model = resident(recipe, engine)
    return Loaded(model.device.label, model.encoder.backend.name, model.notes)


def _ask_hub(recipe: Recipe, here: str) -> Finding:
    """Report whether the hub has a model that this machine lacks; nothing is downloaded.

    `here`: the message that says where this machine looked for it.
    """
    from huggingface_hub import HfApi

    try:
        HfApi().model_info(hub_name(recipe.model), revision=recipe.revision, timeout=PATIENCE_S)
    except Exception as error:  # from HTTP, the network, or the hub itself
        found = f"{here}, and could not be found on the hub: {root_cause(error)}"
        fix = "correct --model, or name a folder, an installed package or s3://…"
        return Finding("model", "fail", found, fix)
    return Finding(
        "model",
        "warn",
        f"{here}; the hub has it, so the run would begin with a download",
        f"download it before, or provide it as {PLACES}",
    )
