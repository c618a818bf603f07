"""The options of a run and their help, a slice for each concern: functions take what they need."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from semscore.jobs.options.types import Bytes, ColumnNames, Flag
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import BackendName as BackendName  # cyclopts looks for types here
from semscore.udfs.recipe import Device as Device
from semscore.udfs.recipe import Engine, Precision, Recipe
from semscore.udfs.recipe import Metric as Metric

ORDER = ("Columns", "Rows", "Model", "Engine", "Output", "Limits", "Spark", "Report", "Run")
GROUPS = {name: Group(name, sort_key=position) for position, name in enumerate(ORDER)}


def _flat(name: str) -> Parameter:
    """Fields become options of their own, in the help's group `name`."""
    return Parameter(name="*", group=GROUPS[name])


@_flat("Columns")
@dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of columns, in and out."""

    text1: str = "text1"
    """First text column."""
    text2: str = "text2"
    """Second text column."""
    score_column: str = "semanticScore"
    """Column to write the score to."""
    status_column: str = "semanticStatus"
    """Column to write the status to."""
    keep: ColumnNames = ()
    """Input columns to write, comma separated; a name with a comma or blanks in double quotes, as
    in CSV; unset: all."""


@_flat("Rows")
@dataclass(frozen=True, kw_only=True)
class Rows:
    """Which rows are scored."""

    where: str | None = None
    """Spark SQL condition: only rows for which it is true are scored and written."""
    limit: int | None = None
    """Score this many rows, at most, in the order of the files' paths."""
    bad_files: Literal["fail", "skip"] = "fail"
    """What to do about files that cannot be read; skip: set them aside and list them."""


@dataclass(frozen=True, kw_only=True)
class JobRecipe(Recipe):
    """A recipe as the command takes it: unlike a worker, a job can settle what is best."""

    precision: Precision = "auto"
    """Number format of the forward pass. bfloat16 rounds to 3 digits, int8 to fewer; auto: the
    fastest whose scores are within 0.01 of float32's, found out once per dataset."""


@dataclass(frozen=True, kw_only=True)
class JobEngine(Engine):
    """An engine as the command takes it: a job knows its master."""

    lease_gpus: Annotated[bool, Parameter(parse=False)] = False


@_flat("Output")
@dataclass(frozen=True, kw_only=True)
class Output:
    """Where the result goes, and how."""

    partition_by: ColumnNames = ()
    """Columns to write as folders, comma separated, or `none`; unset: those of INPUT."""
    target_file_size: Bytes = 256 * 10**6
    """Size of files to aim at, such as 256MB; those of small tasks are put together."""
    mode: Literal["new", "resume", "overwrite"] = "new"
    """new: OUTPUT must hold nothing; resume: score what a dataset of semscore's lacks, or begin it;
    overwrite: replace it."""
    yes: Flag = False
    """Confirm that overwrite deletes the dataset in OUTPUT."""


@_flat("Limits")
@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a run gives up."""

    max_error_rate: float = 0.0
    """Share of rows that the model may fail on, from 0 to 1."""
    deadline: float | None = None
    """Seconds after its start by which the run has ended, resumable; unset: SageMaker's limit, if
    it runs there, else none."""
    max_units: int | None = None
    """Units to score, at most, for a trial."""


@_flat("Spark")
@dataclass(frozen=True, kw_only=True)
class Spark:
    """Which Spark runs it."""

    master: str | None = None
    """Spark master URL; unset: what spark-submit says, else local[*]."""
    conf: Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False)] = ()
    """Spark setting as key=value; may be given many times."""
    instance_type: str | None = None
    """Size executors for hosts of this type, such as ml.g5.12xlarge; --conf wins over that."""
    instances: int = 1
    """Hosts of that type."""
    explain: Flag = False
    """Show how Spark would be sized and why, as settings too, and end."""

    @property
    def pairs(self) -> dict[str, str]:
        """`conf` as keys and values."""
        return dict(setting.split("=", 1) for setting in self.conf)


@_flat("Report")
@dataclass(frozen=True, kw_only=True)
class Report:
    """What the report of a run shows."""

    gold: str | None = None
    """Column of grades to compare the scores with; it must be among those that are written."""
    price: float | None = None
    """Price of one host per hour, in any currency: what the run has cost."""
    samples: bool = True
    """Show pairs in the report; not for private texts."""
    report: bool = True
    """Write a report into OUTPUT, as `semscore report` does at any time."""

    def __post_init__(self) -> None:
        if self.price is not None and self.price < 0:
            raise UserError(f"--price must be at least 0, got {self.price}")


@_flat("Run")
@dataclass(frozen=True, kw_only=True)
class Run:
    """How the run shows itself."""

    quiet: Flag = False
    """Print errors only."""
    log_format: Literal["text", "json"] = "text"
    """How what happens is written to standard error; json: an object a line, progress too."""
    debug: Flag = False
    """Show Spark's log, and stack traces of errors."""
    preflight: bool = True
    """Look first, in a fraction of a second, for what would end or spoil the run later: versions,
    settings, disks, rights in OUTPUT, clocks, time. `semscore doctor` looks at more."""


def with_prompt(recipe: Recipe, prompt: str | None) -> Recipe:
    """The recipe with `--prompt` for those of its two prompts that are not set."""
    if prompt is None:
        return recipe
    return replace(
        recipe,
        prompt1=prompt if recipe.prompt1 is None else recipe.prompt1,
        prompt2=prompt if recipe.prompt2 is None else recipe.prompt2,
    )
