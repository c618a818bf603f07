"""The contenders, by name: `daft_udf`, `semscore:bfloat16`. The default precision is float32."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

LABELS = {
    "original": "script, 1 process per core",
    "alone": "sentence-transformers alone",
    "predict_batch_udf": "Spark predict_batch_udf",
    "ray_data": "Ray Data",
    "daft_udf": "Daft",
    "semscore": "semscore",
}
PEERS = (
    "original",
    "alone",
    "alone:bfloat16",
    "predict_batch_udf",
    "ray_data",
    "daft_udf",
    "daft_udf:bfloat16",
)
OURS = ("semscore:float32", "semscore:bfloat16", "semscore:int8", "semscore:auto")
BASELINE = "original"  # the contender that the others are compared with


def parts(contender: str) -> tuple[str, str]:
    """Split a contender into its name and its precision."""
    name, _, precision = contender.partition(":")
    if name not in LABELS:
        raise ValueError(f"unknown contender {name!r}; choose from: {', '.join(LABELS)}")
    return name, precision or "float32"


def label(contender: str) -> str:
    """Return the readable name of a contender."""
    name, precision = parts(contender)
    return f"{LABELS[name]}, {precision}"


def command(
    contender: str, data: Path, output: Path, model: str, options: Sequence[str] = ()
) -> list[str]:
    """Return the command that scores the pairs in `data` into the new folder `output`."""
    name, precision = parts(contender)
    python = Path(sys.executable)
    if name == "semscore":
        start = [str(python.with_name("semscore")), "score"]
    else:
        start = [str(python), "-m", f"benchmarks.peers.{name}"]
    places = [str(data), str(output)]
    return [*start, *places, "--model", model, "--precision", precision, *options]


def score_column(contender: str) -> str:
    """Return the name of the score column in a contender's output."""
    return "semanticScore" if parts(contender)[0] == "semscore" else "score"
