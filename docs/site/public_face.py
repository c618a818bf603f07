"""The pages of the public names. mkdocstrings fills them from signatures and docstrings."""

from __future__ import annotations

import json
import pydoc
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import NamedTuple

import semscore
from semscore.udfs.errors import by_full_name


class Group(NamedTuple):
    """The names on one page."""

    page: str
    title: str
    about: str
    names: tuple[str, ...]
    others: tuple[str, ...] = ()  # classes that the names take or return, by their full names


SLICES = tuple(
    f"semscore.jobs.options.slices.{name}"
    for name in (*("Columns", "Embeddings", "Rows", "Output", "Limits", "Spark", "Report", "Run"),)
)
GROUPS = (
    Group(
        "pairs",
        "Pairs in this process",
        "For tests, thresholds and notebooks. Needs neither Spark nor Java.",
        ("score_pairs",),
    ),
    Group(
        "columns",
        "Columns",
        """Columns for your own Spark code.
[Scores in your own Spark code](../../columns.md) shows how to use them, and how often a row is
scored.""",
        (
            *("similarity", "register", "SimilarityScorer", "choose_precision", "SIMILARITY_TYPE"),
            *("embed", "register_embed", "embedding_ranges", "vector_similarity"),
            *("calibrate", "local_spark"),
        ),
    ),
    Group(
        "jobs",
        "Jobs",
        """What the commands `semscore score`, `plan`, `launch` and `report` do. More about each:
[How a dataset is scored](../../scoring.md), [Predict time and cost](../../plan.md),
[SageMaker](../../sagemaker.md), [The report](../../report.md).""",
        ("score", "plan", "launch", "report"),
        (
            "semscore.jobs.run.result.Result",
            "semscore.jobs.plan.Plan",
            "semscore.jobs.launch.JobFailed",
            "semscore.jobs.report.Page",
        ),
    ),
    Group(
        "options",
        "Options and values",
        """Import `Settings`, `Recipe`, `Engine`, `VectorFormat`, `Ask`, `Launch` from `semscore`,
and the parts of `Settings` from `semscore.jobs.options.slices`. The fields have the names of the
[options of the command](../cli/score.md): `--max-units` is `max_units`.""",
        ("Settings", "Recipe", "Engine", "VectorFormat", "Ask", "Launch", "__version__"),
        SLICES,
    ),
    Group(
        "errors",
        "Errors",
        """`UserError` is for mistakes in options, input or model. `semscore.udfs.errors` has an
error for each other [exit code](../exit-codes.md).""",
        ("UserError",),
        tuple(name for name in by_full_name() if not name.endswith(".UserError")),
    ),
)


def pages() -> dict[str, str]:
    """Return the pages by name. A public name that is on none, or on two, is an error."""
    named = sorted(name for group in GROUPS for name in group.names)
    if named != sorted(semscore.__all__):
        both = set(named) ^ set(semscore.__all__)
        raise ValueError(f"docs/site/public_face.py and semscore.__all__ differ: {sorted(both)}")
    return {f"reference/python/{group.page}.md": "\n".join(_page(group)) for group in GROUPS}


def _page(group: Group) -> Iterator[str]:
    yield f"# {group.title}\n\n{group.about}\n"
    for name in (*(f"semscore.{name}" for name in group.names), *group.others):
        yield f"::: {name}"
        if group.page == "options" and is_dataclass(made := pydoc.locate(name)):
            # Its methods and properties are for the rest of semscore.
            members = json.dumps([field.name for field in fields(made)])  # YAML reads yes as true
            yield f"    options: {{ members: {members} }}"
        yield ""
