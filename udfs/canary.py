"""A few fixed pairs that each worker scores before it is trusted with others.

    semscore.udfs.canary MODEL_FOLDER TARGET [MAX_SEQ_LENGTH]

A GPU, a driver or a library that is at fault often raises no error but gives zeros, not-a-numbers
or noise. So a worker compares the scores of its device with those that torch gives on a CPU in
float32: computed once per model, in a process of its own, and kept beside the converted models.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from semscore.udfs import child
from semscore.udfs.cache import cache_folder
from semscore.udfs.metrics import Vectors, compare
from semscore.udfs.model_hash import content_sha256

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from semscore.udfs.encoder import Encoder
    from semscore.udfs.recipe import Precision, Recipe

PAIRS = (
    ("A plane is taking off.", "An air plane is taking off."),
    ("How do I reset my password?", "The harvest was late that year."),
    ("Le chat dort sur le canapé.", "Die Katze schläft auf dem Sofa."),
    ("def add(a, b): return a + b", "add two numbers"),
    ("ok", "A sentence that is a good deal longer than the others, with 12,345 and more in it."),
)
# Cosines may differ by this much from float32 on a CPU. Several times what working devices show;
# what does not work is far beyond.
TOLERANCE: dict[Precision, float] = {
    "float32": 0.002,  # with TF32, which GPUs may be told to use
    "float16": 0.02,
    "bfloat16": 0.04,
    "int8": 0.2,
}


class CanaryFailed(Exception):
    """The scores of the fixed pairs are not what they should be; the message says how far off."""


class NoReference(Exception):
    """There is nothing to compare with; the message says why."""


def check(encoder: Encoder, folder: Path, recipe: Recipe) -> str | None:
    """Score the fixed pairs; gives the reason if they could not be checked.

    Raises CanaryFailed beyond the precision's tolerance. Pairs of which the model makes no vector
    do not count.
    """
    try:
        exact = reference(folder, recipe.max_seq_length)[:, : encoder.backend.dim]
    except NoReference as error:
        return f"the known pairs could not be scored on a CPU: {error}"
    expected, found = _cosines(exact), _cosines(encoder.encode(_texts(), "").vectors)
    apart = float(np.max(np.abs(found - expected)[np.isfinite(expected)], initial=0))
    allowed = TOLERANCE[recipe.precision]
    if not apart <= allowed:  # nor not-a-number
        raise CanaryFailed(
            f"a known pair scores {apart:.3g} away from its score on a CPU in float32, and "
            f"{recipe.precision} explains {allowed} at most"
        )
    return None


def reference(folder: Path, max_seq_length: int | None) -> NDArray[np.float32]:
    """Vectors of the fixed texts in float32 on a CPU: (n, dim). Made if they are not there yet.

    Raises NoReference if they cannot be made.
    """
    place = reference_place(folder, max_seq_length)
    if not place.exists():
        limit = [] if max_seq_length is None else [max_seq_length]
        try:
            child.run("semscore.udfs.canary", folder, place, *limit, CUDA_VISIBLE_DEVICES="")
        except child.ChildFailed as error:
            raise NoReference(str(error)) from error
    return np.array(json.loads(place.read_text("utf-8")), np.float32)


@lru_cache
def reference_place(folder: Path, max_seq_length: int | None) -> Path:
    """Where a model's reference is, or will be: named by what it depends on."""
    key = json.dumps([PAIRS, content_sha256(folder), max_seq_length])
    return cache_folder() / "canary" / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"


def write_reference(model: SentenceTransformer, target: Path) -> None:
    """Embed the fixed texts with a model that is on a CPU, in float32; at once or not at all."""
    with model.truncate_embeddings(None):
        vectors = model.encode(_texts(), prompt="", batch_size=1)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=target.parent, delete=False) as file:
        json.dump(vectors.astype(float).tolist(), file)
    Path(file.name).replace(target)


def _texts() -> list[str]:
    return [text for column in zip(*PAIRS, strict=True) for text in column]


def _cosines(vectors: Vectors) -> NDArray[np.float32]:
    rows = np.arange(len(PAIRS))
    return np.asarray(compare(vectors, rows, vectors, rows + len(PAIRS), "cosine"))


if __name__ == "__main__":
    from semscore.udfs.backends.load import load_model

    loaded = load_model(Path(sys.argv[1]), "float32", "cpu")
    if len(sys.argv) > 3:
        loaded.max_seq_length = int(sys.argv[3])
    write_reference(loaded, Path(sys.argv[2]))
