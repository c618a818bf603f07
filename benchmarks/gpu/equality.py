"""Whether vectors without padding are those of padding in float32, on the device itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROUNDS = 6  # from the fourth batch of a shape on, passes may be replayed


def compare(
    folder: Path, device: str, texts: Sequence[str], precisions: Sequence[Any]
) -> dict[str, Any]:
    """Return for each precision how far both ways are from padding in float32.

    Differences of vectors are relative to their lengths, those of scores are between neighbouring
    texts.
    """
    expected = _vectors(_loaded(folder, device, "torch", "float32")[0], texts)
    found: dict[str, Any] = {}
    for precision in precisions:
        for name in ("flat", "torch"):
            if (name, precision) == ("torch", "float32"):
                continue
            try:
                backend, note = _loaded(folder, device, name, precision)
                vectors = [_vectors(backend, texts) for _ in range(ROUNDS)]
            except Exception as error:  # the other precisions are still worth comparing
                found[f"{name} {precision}"] = {"error": f"{type(error).__name__}: {error}"[:500]}
                continue
            found[f"{name} {precision}"] = {
                "vectors": max(_apart(each, expected) for each in vectors),
                "scores": max(
                    float(np.abs(_cosines(v) - _cosines(expected)).max()) for v in vectors
                ),
                "note": note,
            } | _how(backend)
    return found


def _how(backend: Any) -> dict[str, Any]:
    """Return how a flat backend on a GPU runs its passes."""
    if not hasattr(backend, "_kernel"):
        return {}
    graphs = backend._graphs
    return {
        "kernel_for_varying_lengths": backend._kernel is not None,
        "launch_bound_tokens": backend._bound,
        "graphs": len(graphs._replays) if graphs else 0,
        "graphs_failed": bool(graphs and graphs._failed),
    }


def _loaded(folder: Path, device: str, name: Any, precision: Any) -> tuple[Any, str | None]:
    from semscore.udfs.backends.registry import load_backend
    from semscore.udfs.models.fitted import checked
    from semscore.udfs.recipe import Engine, Recipe

    recipe = checked(Recipe(model=str(folder), precision=precision), folder)
    return load_backend(folder, recipe, Engine(backend=name), device, 4)


def _vectors(backend: Any, texts: Sequence[str]) -> Any:
    from semscore.udfs.texts.encoder import Encoder

    found = Encoder(backend, None, None).encode(texts).vectors[np.arange(len(texts))]
    return found if isinstance(found, np.ndarray) else found.cpu().numpy()


def _apart(found: Any, expected: Any) -> float:
    distances = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    return float(distances.max())


def _cosines(vectors: Any) -> Any:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (unit[1:] * unit[:-1]).sum(axis=1)
