"""Load a model once, prove that its scores can be trusted, and convert it, in a child process.

    semscore.udfs.backends.proving.prove MODEL_FOLDER KIND [--limit N] [--convert] [--outline]

So torch is never imported into the calling process, which saves seconds and memory in driver and
workers. If the model cannot be used, the exit code is REFUSED and the last line is the reason.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

from filelock import FileLock

from semscore.udfs.backends.openvino import no_telemetry  # noqa: F401
from semscore.udfs.backends.openvino.converted import REASON, REFUSED, converted_place
from semscore.udfs.errors import ModelError
from semscore.udfs.proofs.proof import keep_proof, proof_place, read_proof
from semscore.udfs.recipe import Kind


def prove(folder: Path, kind: Kind, limit: int | None, convert: bool) -> None:
    """Make a model's proof, and its conversion if `convert`, unless they exist.

    Other processes that need the same ones wait. Raises ModelError if the model cannot be used.
    """
    from semscore.udfs.backends.flat.speeds import may_be_faster, measure, speeds_place
    from semscore.udfs.backends.openvino.convert import convert as write_converted
    from semscore.udfs.backends.proving.outline import check_head
    from semscore.udfs.backends.proving.proof_of import proof_of

    place = proof_place(folder, limit)
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{place}.lock"):
        model = None
        if not place.exists():
            if kind == "cross-encoder":
                check_head(folder)
            model = load(folder, kind, limit)
            keep_proof(proof_of(model, folder, kind, _embed(model, kind)), place)
        if convert and not converted_place(folder).exists():
            if model is None or limit is not None:  # the conversion has the model's own limit
                model = load(folder, kind)
            batching = read_proof(place).batching
            write_converted(model, folder, kind, converted_place(folder), batching)
            convertible = not (converted_place(folder) / REASON).exists()
            if convertible and may_be_faster() and not speeds_place(folder).exists():
                measure(folder, kind, converted_place(folder))


def load(folder: Path, kind: Kind, limit: int | None = None) -> Any:
    """Load the model in float32 on the CPU. Raises ModelError if a library cannot load it."""
    from semscore.udfs.backends.load import load_model
    from semscore.udfs.backends.proving.proof_of import said

    try:
        return load_model(folder, "float32", "cpu", limit, kind)
    except (ModelError, MemoryError):
        raise
    except Exception as error:  # torch, transformers and sentence-transformers may raise anything
        raise ModelError(f"{folder} cannot be loaded: {said(error)}") from error


def _embed(model: Any, kind: Kind) -> Callable[[Sequence[Any]], Any]:
    import torch

    from semscore.udfs.backends.load import one_vector_each

    def embed(items: Sequence[Any]) -> Any:
        with torch.inference_mode():
            return one_vector_each(model(model.preprocess(list(items))), kind).numpy()

    return embed


def main(words: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    from semscore.udfs.backends.proving.outline import check_outline

    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("kind", choices=get_args(Kind))
    parser.add_argument("--limit", type=int)
    parser.add_argument("--convert", action="store_true")
    parser.add_argument("--outline", action="store_true")
    options = parser.parse_args(words)
    warnings.simplefilter("ignore")  # torch warns about tracing, but the result is compared
    try:
        if options.outline:
            check_outline(options.folder, options.kind)
        else:
            prove(options.folder, options.kind, options.limit, options.convert)
    except ModelError as error:
        sys.stderr.write(f"\n{' '.join(str(error).split())}\n")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
