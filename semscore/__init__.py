"""Semantic similarity of text pairs at Spark scale: parquet in, parquet with scores out.

    from semscore import Recipe, local_spark, similarity

Importing this package starts nothing and loads neither Spark nor torch. Each name is loaded on
first use. Only the names in __all__ are public; other names may change between versions.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semscore.jobs.gold.thresholds import thresholds
    from semscore.jobs.launch import Launch, launch
    from semscore.jobs.options.settings import Settings
    from semscore.jobs.plan import Ask, plan
    from semscore.jobs.report import report
    from semscore.jobs.score import score
    from semscore.jobs.spark.local import local_spark
    from semscore.udfs.backends.openvino.calibration import calibrate
    from semscore.udfs.embed import embed, embedding_ranges, register_embed
    from semscore.udfs.errors import UserError
    from semscore.udfs.precision import choose_precision
    from semscore.udfs.recipe import Engine, Recipe
    from semscore.udfs.result_type import SIMILARITY_TYPE
    from semscore.udfs.score_pairs import score_pairs
    from semscore.udfs.similarity import register, similarity
    from semscore.udfs.similarity_scorer import SimilarityScorer
    from semscore.udfs.vector_format import VectorFormat
    from semscore.udfs.vector_similarity import vector_similarity
    from semscore.udfs.version import __version__

__all__ = [
    "SIMILARITY_TYPE",
    "Ask",
    "Engine",
    "Launch",
    "Recipe",
    "Settings",
    "SimilarityScorer",
    "UserError",
    "VectorFormat",
    "__version__",
    "calibrate",
    "choose_precision",
    "embed",
    "embedding_ranges",
    "launch",
    "local_spark",
    "plan",
    "register",
    "register_embed",
    "report",
    "score",
    "score_pairs",
    "similarity",
    "thresholds",
    "vector_similarity",
]

_HOMES = {
    "SIMILARITY_TYPE": "udfs.result_type",
    "Ask": "jobs.planner.plan_options",
    "Engine": "udfs.recipe",
    "Launch": "jobs.processing_job.launch_options",
    "Recipe": "udfs.recipe",
    "Settings": "jobs.options.settings",
    "SimilarityScorer": "udfs.similarity_scorer",
    "UserError": "udfs.errors",
    "VectorFormat": "udfs.vector_format",
    "__version__": "udfs.version",
    "calibrate": "udfs.backends.openvino.calibration",
    "choose_precision": "udfs.precision",
    "embed": "udfs.embed",
    "embedding_ranges": "udfs.embed",
    "launch": "jobs.launch",
    "local_spark": "jobs.spark.local",
    "plan": "jobs.plan",
    "register": "udfs.similarity",
    "register_embed": "udfs.embed",
    "report": "jobs.report",
    "score": "jobs.score",
    "score_pairs": "udfs.score_pairs",
    "similarity": "udfs.similarity",
    "thresholds": "jobs.gold.thresholds",
    "vector_similarity": "udfs.vector_similarity",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        from semscore.udfs.errors import suggestion

        raise AttributeError(f"semscore has no {name!r}{suggestion(name, __all__)}")
    return getattr(import_module(f"semscore.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
