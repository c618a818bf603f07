"""Arguments, model and scoring of all peers: one worker with one thread for each core.

On a CPU, fewer workers with more threads each are slower, and so are batches of more than 32 texts.
More rows at a time are faster, because `encode` sorts them by length before it forms batches.
"""

from __future__ import annotations

import argparse
import json
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
    parser.add_argument("--precision", choices=("float32", "bfloat16", "int8"), default="float32")
    parser.add_argument("--backend", choices=("openvino", "onnx"), help="for exported.py")
    parser.add_argument("--exported", type=Path, help="folder with the files for the backend")
    parsed = parser.parse_args()
    parsed.input, parsed.output = parsed.input.resolve(), parsed.output.resolve()
    parsed.output.mkdir(parents=True)
    return parsed


def load_model(folder: Path, precision: str, threads: int = 1) -> Any:
    """Load a SentenceTransformer or CrossEncoder, to run on `threads` threads of this process."""
    import torch

    torch.set_num_threads(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    return loader(folder)(str(folder), device="cpu", model_kwargs={"dtype": precision})


def loader(folder: Path) -> Any:
    """Return the class of the model in a folder."""
    from sentence_transformers import CrossEncoder, SentenceTransformer

    return CrossEncoder if is_cross_encoder(folder) else SentenceTransformer


def is_cross_encoder(folder: Path) -> bool:
    """Return whether a folder has a model that reads both texts of a pair together."""
    path = folder / "config_sentence_transformers.json"
    config = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return bool(config.get("model_type") == "CrossEncoder")


def score(model: Any, text1: Sequence[str], text2: Sequence[str]) -> NDArray[np.float32]:
    """Score n pairs in one call: -> (n,), of cosines or of what a cross-encoder predicts."""
    if hasattr(model, "predict"):
        return predict(model, text1, text2, BATCH)
    vectors = model.encode([*text1, *text2], batch_size=BATCH, show_progress_bar=False)
    return cosine(vectors[: len(text1)], vectors[len(text1) :])


def predict(
    model: Any, text1: Sequence[str], text2: Sequence[str], batch: int
) -> NDArray[np.float32]:
    """Score n pairs with a cross-encoder: -> (n,)."""
    pairs = list(zip(text1, text2, strict=True))
    scores: NDArray[np.float32] = model.predict(pairs, batch_size=batch, show_progress_bar=False)
    return scores


def cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cosine of each pair of rows: (n, dim), (n, dim) -> (n,)."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return ((a * b).sum(axis=1) / lengths).astype(np.float32)
