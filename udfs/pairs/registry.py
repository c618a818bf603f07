"""The scorer for each kind of model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from semscore.udfs.models.pair_head import pair_head
from semscore.udfs.pairs.bi_encoder import BiEncoder
from semscore.udfs.pairs.cross_encoder import CrossEncoder
from semscore.udfs.pairs.late_interaction import LateInteraction
from semscore.udfs.pairs.scorer import Scorer
from semscore.udfs.recipe import DEFAULT_METRIC, Kind, Recipe
from semscore.udfs.texts.encoder import Encoder


def scorer_of(encoder: Encoder, recipe: Recipe, folder: Path) -> Scorer:
    """Return the scorer for a loaded model. `recipe` is fitted to the model in `folder`."""
    return SCORERS[encoder.backend.kind](encoder, recipe, folder)


def _bi_encoder(encoder: Encoder, recipe: Recipe, _: Path) -> Scorer:
    return BiEncoder(encoder, recipe.metric or DEFAULT_METRIC, recipe.prompts)


def _cross_encoder(encoder: Encoder, recipe: Recipe, folder: Path) -> Scorer:
    return CrossEncoder(encoder, pair_head(folder), recipe.label, recipe.prompts[0])


def _late_interaction(encoder: Encoder, recipe: Recipe, _: Path) -> Scorer:
    query, document = (
        prompt._replace(role=role)
        for prompt, role in zip(recipe.prompts, ("query", "document"), strict=True)
    )
    return LateInteraction(encoder, (query, document))


SCORERS: dict[Kind, Callable[[Encoder, Recipe, Path], Scorer]] = {
    "bi-encoder": _bi_encoder,
    "cross-encoder": _cross_encoder,
    "late-interaction": _late_interaction,
}
