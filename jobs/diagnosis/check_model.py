"""The model: is it here, do executors find it, does it load, and are its scores right?"""

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
from semscore.udfs.models.fetch import check_model, hub_name, local_folder
from semscore.udfs.processes.child import ask_once
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.stores.registry import is_remote

PLACES = "a folder that all hosts see, s3://…, or part of the image"
PATIENCE_S = 10.0


class Loaded(NamedTuple):
    """A model as a worker has it."""

    device: str
    backend: str
    notes: tuple[str, ...]  # what a user should know of how it runs


def check_for_model(recipe: Recipe, engine: Engine, master: str) -> Iterator[Finding]:
    """Find it without the hub, and load it; a model on S3 is fetched. ModelError: it is no good."""
    try:
        folder = local_folder(recipe.model, recipe.revision, ask_hub=False)
    except NotHere as error:
        yield _ask_hub(recipe, str(error))
        return
    check_model(folder, recipe.max_seq_length)
    on_hub = folder.parent.name == "snapshots"  # of the hub's cache
    if is_local(master) or is_remote(recipe.model):
        yield Finding("model", "ok", f"{folder}, without the hub")
    elif on_hub:
        yield Finding(
            "model",
            "warn",
            f"{recipe.model} is in the hub's cache of this host; each other one fetches it itself, "
            "and the hub refuses many at once",
            f"give executors the model as {PLACES}",
        )
    else:
        yield Finding("model", "ok", f"{folder}; executors must find {recipe.model} too")
    yield from findings({"canary": lambda: _load(folder, recipe, engine, is_local(master))})


def _load(folder: Path, recipe: Recipe, engine: Engine, local: bool) -> Iterator[Finding]:
    """As a worker does, which trusts it only after known pairs score as they should.

    In a process of its own: a worker sets variables, and imports torch, for good.
    """
    unsettled = recipe.precision == "auto" or (recipe.precision, recipe.calibration) == (
        "int8",
        None,
    )
    tried = replace(recipe, model=str(folder), revision=None)
    if unsettled:  # by the dataset's own texts
        tried = replace(tried, precision="float32")
    if not local and not visible_gpus() and not has_mps():
        engine = replace(engine, device="cpu")  # executors' GPUs are elsewhere
    start = perf_counter()
    try:
        model = ask_once(_loaded, tried, replace(engine, lease_gpus=True))
    except Exception as error:  # of any library below
        yield Finding(
            "canary",
            "fail",
            f"the model does not load, or scores wrongly: {root_cause(error)}",
            "--device cpu and --backend torch show where that comes from",
        )
        return
    seconds = perf_counter() - start
    where = f"{model.device}, {model.backend}, {tried.precision}"
    yield Finding("canary", "ok", f"known pairs score as they should on {where} ({seconds:.1f} s)")
    for note in model.notes:
        yield Finding("canary", "warn", note)


def _loaded(recipe: Recipe, engine: Engine) -> Loaded:
    """What a worker says of a model that it has loaded; raises what it raises."""
    from semscore.udfs.worker.resident import resident

    found = resident(recipe, engine)
    return Loaded(found.device.label, found.encoder.backend.name, found.notes)


def _ask_hub(recipe: Recipe, here: str) -> Finding:
    """Whether the hub has what this machine has not; nothing is downloaded."""
    from huggingface_hub import HfApi

    try:
        HfApi().model_info(hub_name(recipe.model), revision=recipe.revision, timeout=PATIENCE_S)
    except Exception as error:  # of HTTP, of the network, of the hub's own
        found = f"{here}, and the hub did not show it: {root_cause(error)}"
        fix = "correct --model, or give it as a folder, an installed package or s3://…"
        return Finding("model", "fail", found, fix)
    return Finding(
        "model",
        "warn",
        f"{here}; the hub has it: this host would download it, and so would each executor's, "
        "though the hub refuses many at once",
        f"download it once, and give executors the model as {PLACES}",
    )
