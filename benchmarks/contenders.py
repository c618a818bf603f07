"""The contenders, by name: `daft_udf`, `semscore:bfloat16`. The default precision is float32."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import semscore.conf
import semscore.jobs
import semscore.udfs
from benchmarks import environments

COMMON = ("numpy", "torch", "transformers", "sentence-transformers")


@dataclass(frozen=True)
class Tool:
    """A tool, in as many precisions as it has."""

    label: str
    module: str  # in benchmarks.peers
    libraries: tuple[str, ...] = ()  # whose versions matter, in addition to COMMON
    environment: str | None = None  # None: that of semscore
    backend: str | None = None  # of sentence-transformers, whose files are exported beforehand


TOOLS = {
    "original": Tool("script, 1 process per core", "original"),
    "alone": Tool("sentence-transformers alone", "alone"),
    "openvino": Tool(
        "sentence-transformers, OpenVINO",
        "exported",
        ("optimum-intel", "openvino", "nncf"),
        "openvino",
        "openvino",
    ),
    "onnx": Tool(
        "sentence-transformers, ONNX",
        "exported",
        ("optimum-onnx", "onnx", "onnxruntime"),
        "onnx",
        "onnx",
    ),
    "predict_batch_udf": Tool("Spark predict_batch_udf", "predict_batch_udf", ("pyspark",)),
    "ray_data": Tool("Ray Data", "ray_data", ("ray",)),
    "daft_udf": Tool("Daft", "daft_udf", ("daft",)),
    "semscore": Tool("semscore", "", ("openvino", "nncf", "pyspark", "semscore")),
}
PEERS = (
    *("original", "alone", "alone:bfloat16"),
    *("openvino", "openvino:bfloat16", "openvino:int8", "onnx", "onnx:int8"),
    *("predict_batch_udf", "ray_data", "daft_udf", "daft_udf:bfloat16"),
)
OURS = ("semscore:float32", "semscore:bfloat16", "semscore:int8")
AUTO = "semscore:auto"
BASELINE = "original"  # the contender that the others are compared with


def parts(contender: str) -> tuple[str, str]:
    """Split a contender into its name and its precision."""
    name, _, precision = contender.partition(":")
    if name not in TOOLS:
        raise ValueError(f"unknown contender {name!r}; choose from: {', '.join(TOOLS)}")
    return name, precision or "float32"


def tool(contender: str) -> Tool:
    """Return the tool of a contender."""
    return TOOLS[parts(contender)[0]]


def is_ours(contender: str) -> bool:
    """Return whether a contender is semscore."""
    return parts(contender)[0] == "semscore"


def label(contender: str) -> str:
    """Return the readable name of a contender."""
    return f"{tool(contender).label}, {parts(contender)[1]}"


def command(
    contender: str, data: Path, output: Path, model: str, options: Sequence[str] = ()
) -> list[str]:
    """Return the command that scores the pairs in `data` into the new folder `output`."""
    chosen, precision = tool(contender), parts(contender)[1]
    python = environments.python(chosen.environment)
    start = [str(python), "-m", f"benchmarks.peers.{chosen.module}"]
    if is_ours(contender):
        start = [str(python.with_name("semscore")), "score"]
    if chosen.backend:
        start += ["--backend", chosen.backend, "--exported", str(exported(contender, model))]
    places = [str(data), str(output)]
    return [*start, *places, "--model", model, "--precision", precision, *options]


def exported(contender: str, model: str) -> Path:
    """Return the folder of a model as exported for a contender's backend."""
    environment = tool(contender).environment
    assert environment
    return environments.home(environment) / "exported" / "-".join(Path(model).parts[-2:])


def score_column(contender: str) -> str:
    """Return the name of the score column in a contender's output."""
    return "semanticScore" if is_ours(contender) else "score"


def versions(contender: str) -> dict[str, str]:
    """Return the versions of all that a contender's speed depends on."""
    chosen = tool(contender)
    found = environments.versions(chosen.environment, (*COMMON, *chosen.libraries))
    return found | ({"sources": _sources()} if is_ours(contender) else {})


def _sources() -> str:
    """Return a hash of semscore's sources, because its version changes only with a release."""
    digest = hashlib.sha256()
    for package in (semscore.conf, semscore.jobs, semscore.udfs):
        folder = Path(next(iter(package.__path__)))
        for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.conf")]):
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:8]
