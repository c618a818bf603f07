"""A recipe fitted to its model: kind and label resolved, options that do not apply refused."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

from semscore.udfs.errors import ModelError, some_of, suggestion
from semscore.udfs.models.fetch import check_model
from semscore.udfs.models.kinds import model_kind
from semscore.udfs.models.layout import read_dict
from semscore.udfs.models.pair_head import pair_head
from semscore.udfs.recipe import DEFAULT_METRIC, Kind, Recipe

# Fields of a recipe that mean nothing for a kind, with the reason
MEANINGLESS: dict[Kind, dict[str, str]] = {
    "bi-encoder": {"label": "it has no labels"},
    "cross-encoder": {
        "metric": "it compares no vectors",
        "truncate_dim": "it has no vectors",
        "prompt2": "its prompt is put before the first text only",
        "role2": "its prompt is put before the first text only",
    },
    "late-interaction": {
        "label": "it has no labels",
        "metric": "it compares tokens by their largest products",
        "max_seq_length": "it has its own limits for queries and for documents",
        "truncate_dim": "all dimensions are compared",
        "role1": "the first text is always read as a query",
        "role2": "the second text is always read as a document",
    },
}
ROLES = ("query", "document")  # which every model has, with an empty prompt if it names none


def checked(recipe: Recipe, folder: Path, weights: bool = True) -> Recipe:
    """Check the model in a folder, and return the recipe as it applies to it.

    Raises ModelError. See `check_model` and `fitted`.
    """
    check_model(folder, recipe.max_seq_length, weights, recipe.kind)
    return fitted(recipe, folder)


def fitted(recipe: Recipe, folder: Path) -> Recipe:
    """Return a recipe as it applies to the model in `folder`, which has been checked.

    Kind and metric are resolved, a label has the name that the model gives it. Raises ModelError
    for a model of no kind that can be used, and for an option that is wrong or means nothing for
    it.
    """
    kind = model_kind(folder, recipe.kind)
    if kind == "cross-encoder" and recipe.prompt2 == recipe.prompt1:
        recipe = replace(recipe, prompt2=None)  # set together, for both
    for field in fields(recipe):
        why = MEANINGLESS[kind].get(field.name)
        if why and getattr(recipe, field.name) != field.default:
            raise ModelError(
                f"Recipe.{field.name} cannot be used with {folder}, a {kind} model: {why}; leave "
                "it out"
            )
    if kind == "cross-encoder":
        head = pair_head(folder)
        label = head.labels[head.index(recipe.label)]
        recipe = replace(recipe, label=label if len(head.labels) > 1 else None)
    if kind == "bi-encoder":
        recipe = replace(recipe, metric=recipe.metric or DEFAULT_METRIC)
    for role in (recipe.role1, recipe.role2):
        _check_role(role, folder)
    return replace(recipe, kind=kind)


def require_vectors(recipe: Recipe, folder: Path) -> None:
    """Raise ModelError unless a model gives each text one vector. The kind must be resolved."""
    if recipe.kind != "bi-encoder":
        raise ModelError(
            f"{folder} is a {recipe.kind} model, which does not give each text one vector; use a "
            "bi-encoder"
        )


def passages(recipe: Recipe, folder: Path) -> str | None:
    """Return a warning if a role takes no prompt although the model has a similar one, or None."""
    named = _prompts(folder)
    asked = "document" in (recipe.role1, recipe.role2)
    if not asked or named.get("document") or not named.get("passage"):
        return None
    return (
        "the model has a prompt for passages but none for documents, so the role document puts no "
        "prompt before texts; the role passage uses the model's prompt"
    )


def _check_role(role: str | None, folder: Path) -> None:
    known = list(dict.fromkeys([*ROLES, *_prompts(folder)]))
    if role is not None and role not in known:
        raise ModelError(
            f"role {role!r} is not one of those of {folder}: {some_of(known)}"
            f"{suggestion(role, known)}"
        )


def _prompts(folder: Path) -> dict[str, str]:
    """Return the prompts of a model by name."""
    if not (folder / "modules.json").is_file():
        return {}
    prompts = read_dict(folder / "config_sentence_transformers.json").get("prompts")
    return dict(prompts) if isinstance(prompts, dict) else {}
