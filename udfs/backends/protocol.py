"""The interface of backends: a loaded model that turns texts into vectors on its device."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.proofs.proof import Proof
from semscore.udfs.recipe import Kind, Prompt

Rows: TypeAlias = NDArray[np.int64]


class NotConvertible(Exception):
    """A backend cannot run this model, or not as exactly as torch. The message says why."""


class Vectors(Protocol):
    """n float32 vectors: a NumPy array, or an array on a GPU."""

    def __getitem__(self, rows: Rows, /) -> Any:
        """Return the vectors in some rows: an array or tensor (len(rows), dim)."""


class Inputs(Protocol):
    """Texts prepared for a backend, in a form that only this backend understands."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Return the number of tokens of each text: (n,)."""

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """Return for each text whether the model reads only its beginning: (n,) bool."""

    @property
    def refused(self) -> NDArray[np.int64]:
        """Return the indices of the texts that the model's tokenizer rejects: (k,)."""


class Backend(Protocol):
    """One loaded model.

    What it takes, and what its vectors are, depends on its kind. A bi-encoder gives each text one
    vector, a model of late interaction one for each token. A cross-encoder takes pairs (see
    PairTexts) and gives each pair one number for each of its labels.
    """

    name: str  # as in Engine.backend
    kind: Kind
    dim: int  # of its vectors
    token_budget: int  # padded tokens in one forward pass at which its device is fastest
    max_texts: int | None  # in one forward pass, so that each vector depends on its text alone
    stretch: float  # maximum factor by which padding may lengthen a text: see batches()
    flat: bool  # whether the texts of a batch lie one after another, so that none is padded

    def prove(self, folder: Path) -> Proof | None:
        """Prove the model on this device if a CPU could not. Returns None if that is not needed."""

    def prepare(self, items: Any, prompt: Prompt) -> Any:
        """Tokenise n texts or pairs, and return Inputs."""

    def widths(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of tokens to which texts are padded in any batch: (n,) -> (n,)."""

    def forward(self, inputs: Any, rows: Rows, prompt: Prompt) -> Any:
        """Run some of the texts or pairs: (k,) indices -> (k, dim) float32, on the device."""

    def vectors(self, n: int) -> Any:
        """Return n zero vectors on the device, as Vectors whose rows can also be set."""

    def wait(self) -> None:
        """Wait until everything that was started has been computed."""

    def move(self, device: str) -> None:
        """Move to another device of the same kind, given by torch's name."""
