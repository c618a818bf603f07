"""The canary: a few known texts or pairs that each worker runs before it scores anything.

A faulty GPU, driver or library often raises no error, but returns zeros, NaNs or noise. So a worker
compares the scores of its device with those of torch on a CPU in float32. It also checks that equal
texts have the same vector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.backends.pair_texts import PairTexts
from semscore.udfs.backends.protocol import Vectors
from semscore.udfs.errors import CanaryFailed
from semscore.udfs.pairs.metrics import compare
from semscore.udfs.proofs.proof import Proof
from semscore.udfs.recipe import Prompt

if TYPE_CHECKING:
    from semscore.udfs.recipe import Precision
    from semscore.udfs.texts.encoder import Encoder

EMPTY = Prompt("")

# Cosines may differ by this much from float32 on a CPU. This is several times the difference on
# working devices. Faulty ones differ by far more.
TOLERANCE: dict[Precision, float] = {
    "float32": 0.002,  # allows for TF32, which GPUs can be configured to use
    "float16": 0.02,
    "bfloat16": 0.04,
    "int8": 0.2,
}


# Logits may differ by this much more than cosines, for each unit of the largest known logit.
LOGITS = 2.0


def check(encoder: Encoder, proof: Proof, precision: Precision) -> None:
    """Run the known texts on the worker's device and compare their scores with the proof's.

    If the encoder truncates vectors, only their leading dimensions are compared. Raises
    CanaryFailed if a score differs by more than the precision's tolerance.
    """
    if encoder.backend.kind == "bi-encoder":
        _check_vectors(encoder, proof, precision)
    elif encoder.backend.kind == "cross-encoder":
        _check_logits(encoder, proof, precision)
    else:
        _check_tokens(encoder, proof, precision)


def _check_vectors(encoder: Encoder, proof: Proof, precision: Precision) -> None:
    n = len(proof.texts)
    vectors = encoder.encode([*proof.texts, proof.texts[0]], EMPTY).vectors
    expected = _cosines(proof.vectors[:, : encoder.backend.dim], n)
    differences = np.abs(_cosines(vectors, n) - expected)[np.isfinite(expected)]
    allowed = TOLERANCE[precision]
    _require_near(float(np.max(differences, initial=0)), allowed, precision)
    same = float(compare(vectors, np.array([0]), vectors, np.array([n]), "cosine")[0])
    if not same >= 1 - allowed:
        raise CanaryFailed(f"the score of a known text with itself is {same:.3g}, expected 1")


def _check_logits(encoder: Encoder, proof: Proof, precision: Precision) -> None:
    n = len(proof.texts) // 2
    pairs = [*zip(proof.texts[:n], proof.texts[n:], strict=True)]
    logits = encoder.encode(PairTexts.of([*pairs, pairs[0]]), EMPTY).vectors
    found = _on_cpu(logits[np.arange(n + 1)])
    size = max(float(np.abs(proof.vectors).max()), 1.0)
    allowed = LOGITS * size * TOLERANCE[precision]
    _require_near(float(np.abs(found[:n] - proof.vectors).max()), allowed, precision)
    _require_near(float(np.abs(found[n] - found[0]).max()), allowed, precision)


def _check_tokens(encoder: Encoder, proof: Proof, precision: Precision) -> None:
    """Compare the means of token vectors, which are what the proof has of such a model."""
    embedded = encoder.encode(list(proof.texts), EMPTY).vectors[np.arange(len(proof.texts))]
    found = np.stack([_on_cpu(tokens).mean(axis=0) for tokens in embedded])
    size = float(np.linalg.norm(proof.vectors, axis=1).max())
    apart = float(np.linalg.norm(found - proof.vectors, axis=1).max()) / size
    _require_near(apart, TOLERANCE[precision], precision)


def _require_near(apart: float, allowed: float, precision: Precision) -> None:
    if not apart <= allowed:  # also true of NaN
        raise CanaryFailed(
            f"the score of a known pair differs by {apart:.3g} from its score on a CPU in "
            f"float32; {precision} explains at most {allowed:.3g}"
        )


def _on_cpu(values: Any) -> NDArray[np.float32]:
    return np.asarray(values if isinstance(values, np.ndarray) else values.cpu().numpy())


def _cosines(vectors: Vectors, n: int) -> NDArray[np.float32]:
    """Return the cosines of the pairs among n texts: (n/2,)."""
    rows = np.arange(n // 2)
    return np.asarray(compare(vectors, rows, vectors, rows + n // 2, "cosine"))
