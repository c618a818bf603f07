"""Everything that a run needs to know, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any

from semscore.jobs.options.slices import Columns, Limits, Output, Report, Rows, Run, Spark
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import Engine, Recipe


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a run. They are checked as far as is possible without reading files.

    `inputs` and `output` may be strings or paths, and a single input need not be in a tuple.
    Raises UserError for values that are out of range or contradict each other.
    """

    inputs: tuple[str, ...]
    output: str
    columns: Columns = Columns()
    rows: Rows = Rows()
    recipe: Recipe = Recipe()
    engine: Engine = Engine()
    target: Output = Output()
    limits: Limits = Limits()
    spark: Spark = Spark()
    report: Report = Report()
    run: Run = Run()

    def __post_init__(self) -> None:
        inputs: Any = self.inputs
        several = (inputs,) if isinstance(inputs, str | PathLike) else inputs
        object.__setattr__(self, "inputs", tuple(fspath(place) for place in several))
        object.__setattr__(self, "output", fspath(self.output))
        self._check_places()
        if self.columns.score_column == self.columns.status_column:
            raise UserError(
                f"--score-column and --status-column are both {self.columns.score_column!r}; "
                "choose different names"
            )
        if self.rows.limit is not None and self.rows.limit < 1:
            raise UserError(f"--limit must be at least 1, got {self.rows.limit}")
        if not 0 <= self.limits.max_error_rate <= 1:
            raise UserError(f"--max-error-rate must be 0 to 1, got {self.limits.max_error_rate}")
        for name in ("deadline", "max_units", "unit_rows"):
            value = getattr(self.limits, name)
            if value is not None and value <= 0:
                raise UserError(f"--{name.replace('_', '-')} must be more than 0, got {value}")
        if self.target.target_file_size < 1:
            raise UserError("--target-file-size must be more than 0, for example 256MB")
        if self.spark.instances < 1:
            raise UserError(f"--instances must be at least 1, got {self.spark.instances}")
        bad = [setting for setting in self.spark.conf if setting.find("=") < 1]
        if bad:
            raise UserError(f"--conf takes key=value, got {bad[0]!r}")
        if self.target.mode == "overwrite" and not self.target.yes:
            raise UserError(
                f"--mode overwrite deletes the dataset in {self.output}; add --yes to confirm"
            )

    def _check_places(self) -> None:
        if not self.inputs or not all((*self.inputs, self.output)):
            raise UserError("INPUT and OUTPUT are needed: semscore score INPUT... OUTPUT")
