"""Options that several commands share."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from cyclopts import Group, Parameter

from semscore.jobs.options.slices import (
    GROUPS,
    Columns,
    Embeddings,
    EmbedRecipe,
    JobEngine,
    JobRecipe,
    KeptColumns,
    Limits,
    Output,
    Report,
    Rows,
    Run,
    with_prompt,
)
from semscore.udfs.recipe import Engine, Recipe

Place: TypeAlias = Annotated[
    str,
    Parameter(name="INPUT... OUTPUT", group=Group("Input and output", sort_key=-2), negative=""),
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Scoring:
    """The options that affect scores and speed."""

    columns: Columns = Columns()
    recipe: Annotated[JobRecipe, Parameter(name="*", group=GROUPS["Model"])] = JobRecipe()
    prompt: Annotated[str | None, Parameter(group=GROUPS["Model"])] = None
    """Prompt for both texts. --prompt1 and --prompt2 take precedence."""
    engine: Annotated[JobEngine, Parameter(name="*", group=GROUPS["Engine"])] = JobEngine()
    run: Run = Run()
    config: Annotated[Path | None, Parameter(group=GROUPS["Run"])] = None
    """TOML file with options, named without the leading dashes. Options in a section
    such as [launch] apply to that command only. Options on the command line take precedence."""

    def slices(self) -> dict[str, Any]:
        """Return the fields of Settings by name, except --config, which was read before parsing."""
        return {
            "columns": self.columns,
            "recipe": with_prompt(Recipe(**asdict(self.recipe)), self.prompt),
            "engine": Engine(**asdict(self.engine)),
            "run": self.run,
        }


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Whole(Scoring):
    """All options of a run, except INPUT, OUTPUT and Spark."""

    rows: Rows = Rows()
    target: Output = Output()
    limits: Limits = Limits()
    report: Report = Report()

    def slices(self) -> dict[str, Any]:
        """Return the fields of Settings by name."""
        others = {name: getattr(self, name) for name in ("rows", "target", "limits", "report")}
        return super().slices() | others


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Embedding(Whole):
    """All options of a run that embeds texts, except INPUT, OUTPUT and Spark."""

    columns: KeptColumns = KeptColumns()
    embeddings: Embeddings = Embeddings()
    recipe: Annotated[EmbedRecipe, Parameter(name="*", group=GROUPS["Model"])] = EmbedRecipe()
    prompt: Annotated[str | None, Parameter(group=GROUPS["Model"])] = None
    """Prompt put before every text. Unset: the model's default prompt. '': no prompt."""

    def slices(self) -> dict[str, Any]:
        """Return the fields of Settings by name."""
        columns = Columns(**asdict(self.columns))
        return super().slices() | {"columns": columns, "embeddings": self.embeddings}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class WholeOrEmbedding(Whole):
    """All options of a run that scores pairs or, with --text, embeds texts."""

    embeddings: Embeddings = Embeddings()

    def slices(self) -> dict[str, Any]:
        """Return the fields of Settings by name."""
        return super().slices() | {"embeddings": self.embeddings}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Planned(Scoring):
    """The options that affect results and speed, also of a run that embeds texts."""

    embeddings: Embeddings = Embeddings()

    def slices(self) -> dict[str, Any]:
        """Return the fields of Settings by name."""
        return super().slices() | {"embeddings": self.embeddings}
