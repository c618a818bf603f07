"""What decides a score, and what decides only its speed: small frozen values that Spark ships."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from html import escape
from typing import Any, Literal, get_args, get_origin, get_type_hints

from semscore.udfs.errors import RecipeError

DEFAULT_MODEL = "sentence-transformers/distiluse-base-multilingual-cased-v2"
# The fields that count in a fingerprint at their defaults too: those of the first version. A newer
# one counts where it is set, so that older datasets keep their fingerprints.
FIRST = {"metric", "prompt1", "prompt2", "max_seq_length", "truncate_dim", "precision"}
SCORING_VERSION = 1  # raised when the same recipe starts to give other scores

Precision = Literal["auto", "float32", "bfloat16", "float16", "int8"]
Metric = Literal["cosine", "dot", "euclidean", "manhattan"]
Device = Literal["auto", "cpu", "gpu"]
BackendName = Literal["auto", "torch", "openvino"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that the score of a pair depends on, besides the pair.

    Raises ValueError, saying what was found and what is allowed, when a value is out of range.
    """

    model: str = DEFAULT_MODEL
    """Model: a folder, a name on the hub, or an installed package that holds a model."""
    revision: str | None = None
    """Branch, tag or commit of a model on the hub."""
    metric: Metric = "cosine"
    """How two vectors are compared; distances are negative, so that larger is nearer."""
    prompt1: str | None = None
    """Text put before every first text; unset: the model's default prompt, '': none."""
    prompt2: str | None = None
    """Text put before every second text; unset: the model's default prompt, '': none."""
    max_seq_length: int | None = None
    """Tokens of a text that the model reads, at most; unset: the model's own limit."""
    truncate_dim: int | None = None
    """Leading dimensions of the vectors to compare; unset: all."""
    precision: Precision = "float32"
    """Number format of the forward pass; `auto` is for jobs, which settle it."""
    calibration: str | None = None
    """int8: folder of a calibration to use again, as in _semscore/model/ of an output; unset: one
    is made from a sample of the texts."""

    def __post_init__(self) -> None:
        if not self.model:
            raise RecipeError("model must be named, got an empty string")
        _require_fitting(self)
        if self.calibration is not None and self.precision != "int8":
            raise RecipeError(f"calibration belongs to precision int8, got {self.precision!r}")

    def _repr_html_(self) -> str:
        """For notebooks: the model, and what differs from the defaults."""
        rows = "".join(
            f"<tr><th>{field.name}</th><td><code>{escape(repr(value))}</code></td></tr>"
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default or field.name == "model"
        )
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What decides the speed of scoring and its memory, never the score."""

    device: Device = "auto"
    """auto: the GPU that Spark gave the task, else the CPU; gpu: never the CPU."""
    backend: BackendName = "auto"
    """What computes; auto: OpenVINO on CPUs, for models that it can run, else torch."""
    token_budget: int | None = None
    """Padded tokens in one forward pass, at most; unset: what suits the device."""
    batch_size: int | None = None
    """Texts in one forward pass, at most; unset: only the token budget counts."""
    workers_per_gpu: int = 1
    """Python workers that share a GPU, where the job decides it: local runs, --instance-type."""
    window_rows: int = 16_384
    """Rows among which repeated texts are embedded once and lengths are sorted."""
    window_bytes: int = 64 * 2**20
    """Bytes of text that a window holds, give or take one Arrow batch."""
    lease_gpus: bool = False
    """Where Spark schedules no GPUs, workers share those of their host; set for local masters."""

    def __post_init__(self) -> None:
        _require_fitting(self)


def fingerprint(
    recipe: Recipe,
    model_sha256: str,
    text_columns: tuple[str, str],
    int8_sha256: str | None = None,
    corrections: Mapping[str, Any] | None = None,
) -> str:
    """The identity of the scores: equal fingerprints mean comparable scores.

    The model counts by its content, not by where it was found, so that a copy of it in another
    folder or bucket gives the same fingerprint; so does an int8 calibration. `corrections` (see
    token_limit.py) count where there are any: they set the scores of a few models apart from those
    that earlier versions gave.
    """
    parts = {
        field.name: getattr(recipe, field.name)
        for field in fields(recipe)
        if field.name in FIRST or getattr(recipe, field.name) != field.default
    }
    for name in ("model", "revision", "calibration"):
        parts.pop(name, None)
    parts |= {
        "model_sha256": model_sha256,
        "int8_sha256": int8_sha256,
        "text_columns": list(text_columns),
        "scoring_version": SCORING_VERSION,
    }
    if corrections:
        parts["corrections"] = dict(corrections)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _require_fitting(values: Recipe | Engine) -> None:
    """Raise RecipeError for a value that is not among its field's choices, or a number below 1."""
    for name, kind in get_type_hints(type(values)).items():
        value = getattr(values, name)
        if get_origin(kind) is Literal and value not in get_args(kind):
            raise RecipeError(f"{name} must be one of {', '.join(get_args(kind))}, got {value!r}")
        if kind in (int, int | None) and value is not None and value < 1:
            raise RecipeError(f"{name} must be at least 1, got {value}")
