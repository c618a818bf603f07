"""A few known texts that each worker embeds before it is trusted with others.

A GPU, a driver or a library that is at fault often raises no error but gives zeros, not-a-numbers
or noise. So a worker compares the scores of its device with those that torch gives on a CPU in
float32, and checks that different texts have different vectors and equal texts the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.backends.protocol import Vectors
from semscore.udfs.errors import CanaryFailed
from semscore.udfs.pairs.metrics import compare
from semscore.udfs.proofs.proof import Proof

if TYPE_CHECKING:
    from semscore.udfs.recipe import Precision
    from semscore.udfs.texts.encoder import Encoder

# Cosines may differ by this much from float32 on a CPU. Several times what working devices show;
# what does not work is far beyond.
TOLERANCE: dict[Precision, float] = {
    "float32": 0.002,  # with TF32, which GPUs may be told to use
    "float16": 0.02,
    "bfloat16": 0.04,
    "int8": 0.2,
}


def check(encoder: Encoder, proof: Proof, precision: Precision) -> None:
    """Embed the known texts on the worker's device; CanaryFailed beyond the precision's tolerance.

    Leading dimensions are compared, where the encoder gives no more.
    """
    n = len(proof.texts)
    found = encoder.encode([*proof.texts, proof.texts[0]], "").vectors
    expected = _cosines(proof.vectors[:, : encoder.backend.dim], n)
    apart = float(np.max(np.abs(_cosines(found, n) - expected)[np.isfinite(expected)], initial=0))
    allowed = TOLERANCE[precision]
    if not apart <= allowed:  # nor not-a-number
        raise CanaryFailed(
            f"a known pair scores {apart:.3g} away from its score on a CPU in float32, and "
            f"{precision} explains {allowed} at most"
        )
    same = float(compare(found, np.array([0]), found, np.array([n]), "cosine")[0])
    if not same >= 1 - allowed:
        raise CanaryFailed(f"a known text has the score {same:.3g} with itself, expected 1")


def _cosines(vectors: Vectors, n: int) -> NDArray[np.float32]:
    """Of the pairs of n texts: (n/2,)."""
    rows = np.arange(n // 2)
    return np.asarray(compare(vectors, rows, vectors, rows + n // 2, "cosine"))
