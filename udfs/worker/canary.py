"""The canary: a few known texts that each worker embeds before it scores anything.

A faulty GPU, driver or library often raises no error, but returns zeros, NaNs or noise. So a worker
compares the scores of its device with those of torch on a CPU in float32. It also checks that equal
texts have the same vector.
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

# Cosines may differ by this much from float32 on a CPU. This is several times the difference on
# working devices. Faulty ones differ by far more.
TOLERANCE: dict[Precision, float] = {
    "float32": 0.002,  # allows for TF32, which GPUs can be configured to use
    "float16": 0.02,
    "bfloat16": 0.04,
    "int8": 0.2,
}


def check(encoder: Encoder, proof: Proof, precision: Precision) -> None:
    """Embed the known texts on the worker's device and compare their scores with the proof's.

    If the encoder truncates vectors, only their leading dimensions are compared. Raises
    CanaryFailed if a score differs by more than the precision's tolerance.
    """
    n = len(proof.texts)
    vectors = encoder.encode([*proof.texts, proof.texts[0]], "").vectors
    expected = _cosines(proof.vectors[:, : encoder.backend.dim], n)
    differences = np.abs(_cosines(vectors, n) - expected)[np.isfinite(expected)]
    largest = float(np.max(differences, initial=0))
    allowed = TOLERANCE[precision]
    if not largest <= allowed:  # also true of NaN
        raise CanaryFailed(
            f"the score of a known pair differs by {largest:.3g} from its score on a CPU in "
            f"float32; {precision} explains at most {allowed}"
        )
    same = float(compare(vectors, np.array([0]), vectors, np.array([n]), "cosine")[0])
    if not same >= 1 - allowed:
        raise CanaryFailed(f"the score of a known text with itself is {same:.3g}, expected 1")


def _cosines(vectors: Vectors, n: int) -> NDArray[np.float32]:
    """Return the cosines of the pairs among n texts: (n/2,)."""
    rows = np.arange(n // 2)
    return np.asarray(compare(vectors, rows, vectors, rows + n // 2, "cosine"))
