"""What every backend gives: one loaded model, from texts to vectors where its device is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.proofs.proof import Proof

Rows: TypeAlias = NDArray[np.int64]


class NotConvertible(Exception):
    """A backend cannot run this model, or not as exactly as torch; the message says why."""


class Vectors(Protocol):
    """n vectors of float32: a NumPy array, or one that lives on a GPU."""

    def __getitem__(self, rows: Rows, /) -> Any:
        """Some of them: an array or tensor (len(rows), dim)."""


class Inputs(Protocol):
    """Texts made ready for a backend; only it knows how."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text: (n,)."""

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """Whether the model reads only the text's beginning: (n,) bool."""

    @property
    def refused(self) -> NDArray[np.int64]:
        """Places of the texts that the model's tokenizer refuses: (k,)."""


class Backend(Protocol):
    """One loaded model."""

    name: str  # as --backend has it
    dim: int  # of its vectors
    token_budget: int  # padded tokens in one forward pass, where its device is fastest
    max_texts: int | None  # in one forward pass, so that vectors are those of the texts alone
    stretch: float  # how far it pays to pad a text beyond its width: see batches()

    def prove(self, folder: Path) -> Proof | None:
        """Prove the model on this device, where a CPU could not; None: there is no need."""

    def prepare(self, texts: Sequence[str], prompt: str | None) -> Any:
        """Tokenise n texts (`prompt`: None is the model's default one): -> Inputs."""

    def widths(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Tokens to which texts of some lengths are padded in any case: (n,) -> (n,)."""

    def forward(self, inputs: Any, rows: Rows, prompt: str | None) -> Any:
        """Run some of the texts: (k,) indices -> (k, dim) float32, where the device is."""

    def vectors(self, n: int) -> Any:
        """Room for n vectors where the device is: Vectors, all zero, that rows can be set in."""

    def wait(self) -> None:
        """Return when all that was asked for is computed."""

    def move(self, device: str) -> None:
        """Go to another device of the same kind, as torch names it."""
