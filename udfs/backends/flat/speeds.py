"""Whether a model is faster without padding than in OpenVINO: measured once per machine.

Measured where it may be: on CPUs with AMX, whose products with laid-out weights are far faster than
those that OpenVINO makes. Elsewhere OpenVINO was at least as fast in batches of one width.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from semscore.udfs.backends.protocol import NotConvertible
from semscore.udfs.gpus.cpu import cpu_flags, cpu_name
from semscore.udfs.models.model_hash import content_sha256
from semscore.udfs.recipe import Kind, Precision, Prompt, Recipe
from semscore.udfs.stores.cache import cache_folder

VERSION = 1  # of the file
LIBRARIES = ("openvino", "torch", "transformers")
FLAG = "amx_bf16"
TEXTS, WORDS = 24, 30  # of the measured batch, and of each of its equal texts
TURNS = 3
GAIN = 0.9  # without padding, a batch must take less than this part of its time in OpenVINO
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


def may_be_faster() -> bool:
    """Return whether this CPU has AMX."""
    return FLAG in cpu_flags()


@lru_cache
def speeds_place(folder: Path) -> Path:
    """Return the path of a model's speeds on this kind of CPU, whether or not they exist."""
    versions = {name: metadata.version(name) for name in LIBRARIES}
    key = json.dumps([VERSION, content_sha256(folder), versions, cpu_name()], sort_keys=True)
    return cache_folder() / "flat" / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"


def is_faster(folder: Path, precision: Precision) -> bool:
    """Return whether the model in a folder was faster without padding. Unmeasured, it is not."""
    try:
        seconds = json.loads(speeds_place(folder).read_text("utf-8"))[precision]
    except (OSError, KeyError, metadata.PackageNotFoundError):
        return False
    return bool(seconds["flat"] < GAIN * seconds["openvino"])


def measure(folder: Path, kind: Kind, converted: Path) -> None:
    """Measure both ways on one thread in each precision that they can compute in, and record it.

    Where one of them cannot run the model, nothing is recorded.
    """
    import torch

    from semscore.udfs.backends.flat.forward import FlatBackend
    from semscore.udfs.backends.openvino.forward import OpenVinoBackend, has_bfloat16

    torch.set_num_threads(1)
    seconds: dict[str, dict[str, float]] = {}
    for precision in PRECISIONS if has_bfloat16() else PRECISIONS[:1]:
        recipe = Recipe(model=str(folder), kind=kind, precision=precision)
        try:
            flat = FlatBackend(folder, recipe)
        except NotConvertible:
            break
        both = {"flat": flat, "openvino": OpenVinoBackend(converted, recipe, 1)}
        seconds[precision] = _seconds(both, flat.probe, kind)
    _keep(seconds, speeds_place(folder))


def _seconds(backends: dict[str, Any], word: str, kind: Kind) -> dict[str, float]:
    """Return the shortest time of each backend for the same batch, measured in turns."""
    from semscore.udfs.backends.pair_texts import PairTexts

    text = word * WORDS
    texts: Any = [text] * TEXTS
    if kind == "cross-encoder":
        texts = PairTexts.of([(text, text)] * TEXTS)
    rows, prompt = np.arange(TEXTS), Prompt("")
    inputs = {name: backend.prepare(texts, prompt) for name, backend in backends.items()}
    best = dict.fromkeys(backends, float("inf"))
    for turn in range(1 + TURNS):
        for name, backend in backends.items():
            start = process_time()
            backend.forward(inputs[name], rows, prompt)
            if turn:  # the first pass compiles
                best[name] = min(best[name], process_time() - start)
    return best


def _keep(seconds: dict[str, dict[str, float]], place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=place.parent, delete=False) as file:
        json.dump(seconds, file)
    Path(file.name).replace(place)
