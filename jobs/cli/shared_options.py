"""Options that several commands take alike, and the settings that they say."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from cyclopts import Group, Parameter

from semscore.jobs.options.slices import (
    GROUPS,
    Columns,
    JobEngine,
    JobRecipe,
    Limits,
    Output,
    Report,
    Rows,
    Run,
    with_prompt,
)
from semscore.udfs.recipe import Engine, Recipe

Place: TypeAlias = Annotated[
    str, Parameter(name="INPUT... OUTPUT", group=Group("Places", sort_key=-2), negative="")
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What decides the scores, and how fast they come."""

    columns: Columns = Columns()
    recipe: Annotated[JobRecipe, Parameter(name="*", group=GROUPS["Model"])] = JobRecipe()
    prompt: Annotated[str | None, Parameter(group=GROUPS["Model"])] = None
    """Both prompts at once."""
    engine: Annotated[JobEngine, Parameter(name="*", group=GROUPS["Engine"])] = JobEngine()
    run: Run = Run()
    config: Annotated[Path | None, Parameter(group=GROUPS["Run"])] = None
    """TOML file with options by their names, without dashes in front. Sections such as [launch]
    hold options of one command. The command line wins."""

    def slices(self) -> dict[str, Any]:
        """Those of Settings, by name; --config was read before parsing."""
        return {
            "columns": self.columns,
            "recipe": with_prompt(Recipe(**asdict(self.recipe)), self.prompt),
            "engine": Engine(**asdict(self.engine)),
            "run": self.run,
        }


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Whole(Scoring):
    """All that a run is told, but for places and Spark."""

    rows: Rows = Rows()
    target: Output = Output()
    limits: Limits = Limits()
    report: Report = Report()

    def slices(self) -> dict[str, Any]:
        """Those of Settings, by name."""
        others = {name: getattr(self, name) for name in ("rows", "target", "limits", "report")}
        return super().slices() | others
