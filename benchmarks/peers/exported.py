"""Score with sentence-transformers and its backend for OpenVINO or ONNX Runtime, on all threads.

The files for the backend were made beforehand: see export.py. OpenVINO computes in bfloat16 where
the processor can, unless float32 is asked for.
"""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks.peers.alone import score_all
from benchmarks.peers.common import WORKERS, arguments, loader
from benchmarks.peers.export import FILES

HINTS = {"float32": "f32", "bfloat16": "bf16"}  # for int8: as the documentation has it


def load_exported(args: argparse.Namespace) -> Any:
    """Load the model in its backend."""
    options: dict[str, Any] = {"file_name": FILES[args.backend, args.precision == "int8"]}
    if args.backend == "onnx":
        from onnxruntime import SessionOptions

        options["session_options"] = SessionOptions()
        options["session_options"].intra_op_num_threads = WORKERS
    elif args.precision in HINTS:
        options["ov_config"] = {"INFERENCE_PRECISION_HINT": HINTS[args.precision]}
    return loader(args.model)(
        str(args.exported), device="cpu", backend=args.backend, model_kwargs=options
    )


def main() -> None:
    """Load the model and score."""
    args = arguments()
    score_all(args, load_exported(args))


if __name__ == "__main__":
    main()
