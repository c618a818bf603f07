"""The form in which embeddings are written: normalised, quantised.

The steps, their order (after truncation) and their names are those of sentence-transformers'
`encode` and `quantize_embeddings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.errors import RecipeError

EmbeddingType = Literal["float32", "int8", "uint8", "binary", "ubinary"]
SCALED = ("int8", "uint8")  # need the ranges of values
# Spark's types for the elements. It has no unsigned bytes.
SPARK_TYPES: dict[EmbeddingType, str] = {
    "float32": "float",
    "int8": "tinyint",
    "uint8": "smallint",
    "binary": "tinyint",
    "ubinary": "smallint",
}
BUCKETS = 255

Ranges = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class VectorFormat:
    """How vectors are written.

    Raises:
        UserError: The type is unknown.

    Examples:
        >>> from semscore import VectorFormat
        >>> vectors = VectorFormat(normalize=True, embedding_type="binary")
        >>> vectors.embedding_type
        'binary'
    """

    normalize: bool = False
    """Scale each vector to length 1."""
    embedding_type: EmbeddingType = "float32"
    """Type of the elements. int8 and uint8: 256 steps between the ranges. binary and ubinary: one
    bit for each dimension, 1 for positive values, eight in a number."""
    ranges: Ranges | None = None
    """Lowest and highest value of each dimension, for int8 and uint8. See
    `embedding_ranges`, and give it the same `normalize`."""

    def __post_init__(self) -> None:
        if self.embedding_type not in get_args(EmbeddingType):
            raise RecipeError(
                f"embedding_type must be one of {', '.join(get_args(EmbeddingType))}, "
                f"got {self.embedding_type!r}"
            )

    @property
    def spark_type(self) -> str:
        """Return Spark's type of a vector."""
        return f"array<{SPARK_TYPES[self.embedding_type]}>"

    def require_ranges(self) -> None:
        """Raise RecipeError if ranges are needed, but missing."""
        if self.embedding_type in SCALED and self.ranges is None:
            raise RecipeError(
                f"embedding_type {self.embedding_type} needs the ranges of values; get them with "
                "ranges = embedding_ranges(texts, recipe)"
            )

    def applied(self, vectors: NDArray[np.float32]) -> NDArray[Any]:
        """Return vectors (n, dim) in this format: (n, dim), or (n, dim / 8) if binary.

        A value outside the ranges becomes the nearest one inside.
        """
        if self.normalize:
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors = vectors / np.maximum(lengths, np.float32(1e-12))
        if self.embedding_type == "float32":
            floats: NDArray[Any] = vectors
            return floats
        if self.embedding_type in ("binary", "ubinary"):
            wide: NDArray[Any] = np.packbits(vectors > 0, axis=1).astype(np.int16)
            return wide if self.embedding_type == "ubinary" else (wide - 128).astype(np.int8)
        assert self.ranges is not None
        low, high = (np.asarray(edge, np.float32) for edge in self.ranges)
        steps = (high - low) / BUCKETS
        steps = np.where(steps == 0, np.float32(1), steps)
        places: NDArray[Any] = np.clip(np.floor((vectors - low) / steps), 0, BUCKETS)
        if self.embedding_type == "uint8":
            return places.astype(np.int16)
        return (places - 128).astype(np.int8)


def ranges_of(vectors: NDArray[np.float32]) -> Ranges:
    """Return the lowest and highest value of each dimension of vectors (n, dim)."""
    low, high = vectors.min(axis=0), vectors.max(axis=0)
    return tuple(map(float, low)), tuple(map(float, high))
