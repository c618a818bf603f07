"""Arguments, model and scoring of all peers: one worker with one thread for each core.

On a CPU, fewer workers with more threads each are slower, and so are batches of more than 32 texts.
More rows at a time are faster, because `encode` sorts them by length before it forms batches.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORKERS = len(os.sched_getaffinity(0))
BATCH = 32  # texts in a forward pass
ROWS = 256  # pairs per call of `encode`, if a tool splits its data


def arguments() -> argparse.Namespace:
    """Parse `input`, `output`, `model` (Path) and `precision` (str), and make the output folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parsed = parser.parse_args()
    parsed.input, parsed.output = parsed.input.resolve(), parsed.output.resolve()
    parsed.output.mkdir(parents=True)
    return parsed


def load_model(folder: Path, precision: str, threads: int = 1) -> Any:
    """Load the SentenceTransformer, to run on `threads` threads of this process."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    return SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": precision})


def score(model: Any, text1: Sequence[str], text2: Sequence[str]) -> NDArray[np.float32]:
    """Embed both columns in one call of `encode` and return the cosines: n pairs -> (n,)."""
    vectors = model.encode([*text1, *text2], batch_size=BATCH, show_progress_bar=False)
    return cosine(vectors[: len(text1)], vectors[len(text1) :])


def cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cosine of each pair of rows: (n, dim), (n, dim) -> (n,)."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return ((a * b).sum(axis=1) / lengths).astype(np.float32)
