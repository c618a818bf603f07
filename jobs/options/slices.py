"""The options of a run and their help texts, one class for each group of the help."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from semscore.jobs.options.types import Bytes, ColumnNames, Flag
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import AskedKind as AskedKind  # cyclopts looks up types here
from semscore.udfs.recipe import BackendName as BackendName
from semscore.udfs.recipe import Device as Device
from semscore.udfs.recipe import Engine, Precision, Recipe
from semscore.udfs.recipe import Metric as Metric
from semscore.udfs.vector_format import EmbeddingType as EmbeddingType

ORDER = (
    "Columns",
    "Embeddings",
    "Rows",
    "Model",
    "Engine",
    "Output",
    "Limits",
    "Spark",
    "Report",
    "Run",
)
GROUPS = {name: Group(name, sort_key=position) for position, name in enumerate(ORDER)}


def _flat(name: str) -> Parameter:
    """Return a parameter whose fields become options, in the group `name` of the help."""
    return Parameter(name="*", group=GROUPS[name])


@_flat("Columns")
@dataclass(frozen=True, kw_only=True)
class Columns:
    """The names of columns in INPUT and OUTPUT."""

    text1: str = "text1"
    """Column with the first text of each pair."""
    text2: str = "text2"
    """Column with the second text of each pair."""
    text2_value: str | None = None
    """Text with which all first texts are compared, in place of a column."""
    vector1: str | None = None
    """Column with a stored vector of each pair's first text: compare vectors, without a model."""
    vector2: str | None = None
    """Column with a stored vector of each pair's second text."""
    score_column: str = "semanticScore"
    """Name of the new column for scores."""
    status_column: str = "semanticStatus"
    """Name of the new column for statuses."""
    keep: ColumnNames = ()
    """Input columns to write to OUTPUT, comma separated. Unset: all. As in CSV, put a name in
    double quotes if it contains a comma, or begins or ends with a space."""

    def __post_init__(self) -> None:
        if (self.vector1 is None) != (self.vector2 is None):
            raise UserError("--vector1 and --vector2 go together; name both columns of vectors")
        if self.vector1 is not None and (self.text1, self.text2) != ("text1", "text2"):
            raise UserError(
                "--vector1 and --vector2 compare stored vectors, so --text1 and --text2 cannot be "
                "used with them"
            )
        if self.text2_value is None:
            return
        if self.vector1 is not None:
            raise UserError("--text2-value is compared with texts, not with --vector1")
        if self.text2 != "text2":
            raise UserError(
                f"--text2 {self.text2} and --text2-value exclude each other; leave one of them out"
            )
        if not self.text2_value.strip():
            raise UserError("--text2-value is empty, so there is nothing to compare texts with")

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """Return the columns of texts, each behind the option that names it."""
        if self.vector1 is not None:
            return ()
        both = (("--text1", self.text1), ("--text2", self.text2))
        return both if self.text2_value is None else both[:1]

    @property
    def vectors(self) -> tuple[tuple[str, str], ...]:
        """Return the columns of vectors, each behind the option that names it."""
        if self.vector1 is None or self.vector2 is None:
            return ()
        return ("--vector1", self.vector1), ("--vector2", self.vector2)

    @property
    def added(self) -> tuple[tuple[str, str], ...]:
        """Return the new columns, each behind the option that names it."""
        return ("--score-column", self.score_column), ("--status-column", self.status_column)


@_flat("Columns")
@dataclass(frozen=True, kw_only=True)
class KeptColumns(Columns):
    """The columns to keep, without those of pairs."""

    text1: Annotated[str, Parameter(parse=False)] = "text1"
    text2: Annotated[str, Parameter(parse=False)] = "text2"
    text2_value: Annotated[str | None, Parameter(parse=False)] = None
    vector1: Annotated[str | None, Parameter(parse=False)] = None
    vector2: Annotated[str | None, Parameter(parse=False)] = None
    score_column: Annotated[str, Parameter(parse=False)] = "semanticScore"
    status_column: Annotated[str, Parameter(parse=False)] = "semanticStatus"


@_flat("Embeddings")
@dataclass(frozen=True, kw_only=True)
class Embeddings:
    """The texts to embed, and the form of their vectors."""

    text: ColumnNames = ()
    """Columns of texts to embed, comma separated. OUTPUT gets the columns NAMEEmbedding and
    NAMEStatus for each."""
    text_role: str | None = None
    """Role of the texts: query or document, as in sentence-transformers' encode_query and
    encode_document, or the name of another prompt of the model."""
    normalize: Flag = False
    """Scale each vector to length 1."""
    embedding_type: EmbeddingType = "float32"
    """Type of the vectors' elements. int8 and uint8: 256 steps between the lowest and highest value
    of each dimension, which are measured once per dataset. binary and ubinary: one bit for each
    dimension, eight in a number."""

    def __post_init__(self) -> None:
        if len(set(self.text)) < len(self.text):
            raise UserError(f"--text names a column twice: {', '.join(self.text)}")
        if not self.text and self._is_asked:
            raise UserError("--text-role, --normalize and --embedding-type need --text")

    @property
    def _is_asked(self) -> bool:
        return self.normalize or self.embedding_type != "float32" or self.text_role is not None

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """Return the columns of texts, each behind the option that names it."""
        return tuple(("--text", name) for name in self.text)

    @property
    def added(self) -> tuple[tuple[str, str], ...]:
        """Return the new columns: an embedding and a status for each text."""
        return tuple(
            ("--text", f"{name}{suffix}")
            for name in self.text
            for suffix in ("Embedding", "Status")
        )


@_flat("Rows")
@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows to score."""

    where: str | None = None
    """Spark SQL condition. Only rows for which it is true are scored and written."""
    limit: int | None = None
    """Maximum number of rows to score and write, of those that match --where. Files are taken in
    the order of their paths."""
    snapshot: str | None = None
    """Snapshot of a Delta or Iceberg table to score: a Delta version, an Iceberg snapshot id, or
    latest. Unset: the latest, or the one that a resumed dataset was started with."""
    follow: Flag = False
    """With --mode resume, bring OUTPUT up to date with a table's latest snapshot (or --snapshot):
    score what is new or was rewritten, and remove what is gone. Without it, a run is refused if
    files were rewritten or removed."""
    bad_files: Literal["fail", "skip"] = "fail"
    """What to do if a file cannot be read. fail: end the run. skip: set the file aside, and list it
    at the end."""


@dataclass(frozen=True, kw_only=True)
class JobRecipe(Recipe):
    """A recipe with the command's defaults: unlike a worker, a run can choose the precision."""

    precision: Precision = "auto"
    """Number format of the forward pass. bfloat16 keeps about 3 digits, int8 fewer. auto: the
    fastest format whose scores differ by at most 0.01 from those of float32, measured once per
    dataset."""


@dataclass(frozen=True, kw_only=True)
class EmbedRecipe(JobRecipe):
    """A recipe without the options that compare two texts."""

    label: Annotated[str | None, Parameter(parse=False)] = None
    metric: Annotated[Metric | None, Parameter(parse=False)] = None
    prompt1: Annotated[str | None, Parameter(parse=False)] = None
    prompt2: Annotated[str | None, Parameter(parse=False)] = None
    role1: Annotated[str | None, Parameter(parse=False)] = None
    role2: Annotated[str | None, Parameter(parse=False)] = None


@dataclass(frozen=True, kw_only=True)
class JobEngine(Engine):
    """An engine without the option `lease_gpus`: a run derives it from its Spark master."""

    lease_gpus: Annotated[bool, Parameter(parse=False)] = False


@_flat("Output")
@dataclass(frozen=True, kw_only=True)
class Output:
    """How the result is written."""

    partition_by: ColumnNames = ()
    """Columns of OUTPUT's partition folders, comma separated; 'none' for no partition folders.
    Unset: those of INPUT."""
    target_file_size: Bytes = 256 * 10**6
    """Approximate size of the files in OUTPUT: a number of bytes, or a size with a unit, such as
    256MB. If the files of a unit of work are much smaller, they are merged."""
    output_format: Literal["parquet", "delta", "iceberg"] = "parquet"
    """parquet: plain files. delta: also make OUTPUT a Delta table. iceberg: also make the files an
    Iceberg table in a catalog, see --table. The table is committed when the dataset is complete."""
    table: str | None = None
    """With --output-format iceberg: the table, as CATALOG.NAMESPACE.TABLE. pyiceberg's own
    configuration names the catalog."""
    mode: Literal["new", "resume", "overwrite"] = "new"
    """new: OUTPUT must be empty. resume: score what is missing in OUTPUT; if it is empty, start a
    new dataset. overwrite: delete the dataset in OUTPUT, and start a new one."""
    yes: Flag = False
    """Confirm that --mode overwrite may delete the dataset in OUTPUT. Without it, such a run is
    refused."""

    def __post_init__(self) -> None:
        if (self.output_format == "iceberg") != (self.table is not None):
            raise UserError(
                "--output-format iceberg and --table go together, for example --output-format "
                "iceberg --table prod.search.scored"
            )


@_flat("Limits")
@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a run stops before it is complete."""

    max_error_rate: float = 0.0
    """Share of rows on which the model may fail, from 0 (none) to 1. If more fail, the run ends
    with exit code 4, and committed rows stay."""
    deadline: float | None = None
    """Stop the run cleanly within this number of seconds, even if it is not complete. It can be
    resumed. Unset: SageMaker's limit in a SageMaker job, otherwise no limit."""
    partial_ok: Flag = False
    """End with exit code 0, not 75, if the deadline or --max-cost stops a run that has committed
    units."""
    max_cost: float | None = None
    """Stop the run cleanly before the runs of this dataset have cost this much together, in the
    currency of --price, which it needs. It can be resumed with a higher limit."""
    max_units: int | None = None
    """Maximum number of units of work to score in this run, for a trial. A unit is a group of rows
    that are committed together. The run then ends with exit code 0 and can be resumed."""
    unit_rows: int | None = None
    """Approximate number of rows in a unit of work; at least 2,000 within a row group of a file.
    Unset: about five minutes of work. If a run is killed, the units that it was scoring, at most
    two, are scored again."""


@_flat("Spark")
@dataclass(frozen=True, kw_only=True)
class Spark:
    """The Spark that runs the job."""

    master: str | None = None
    """Spark master URL. Unset: the one given to spark-submit, otherwise local[*]."""
    conf: Annotated[
        tuple[str, ...], Parameter(negative="", consume_multiple=False, show_default=False)
    ] = ()
    """Spark setting, as key=value. Can be given several times."""
    instance_type: Annotated[str | None, Parameter(name=("--instance-type", "--host"))] = None
    """Size the executors for hosts of this instance type, such as ml.g5.12xlarge, or of this shape:
    CPUs x GiB, x GPUs and their model, such as 96x1152x8:A100-80. --conf takes precedence."""
    instances: int = 1
    """Number of these hosts."""
    explain: Flag = False
    """Print the Spark settings that the run would use, and the reasons, and exit."""

    @property
    def pairs(self) -> dict[str, str]:
        """Return `conf` as a dictionary."""
        return dict(setting.split("=", 1) for setting in self.conf)


@_flat("Report")
@dataclass(frozen=True, kw_only=True)
class Report:
    """The report of a run, and what it shows."""

    gold: str | None = None
    """Column of INPUT with labels that people gave: similar or not (true and false, 1 and 0), or
    grades. The report shows how well the scores agree with them, and precision and recall by
    threshold. With --keep, name it there too."""
    gold_positive: float | None = None
    """Lowest grade in the column --gold that counts as similar. Unset: labels are true and false,
    or 1 and 0."""
    price: float | None = None
    """Price of one host per hour, in any currency. The report computes the cost of the run from
    it."""
    samples: bool = True
    """Show examples of pairs in the report. Use --no-samples if the texts are private."""
    report: bool = True
    """Write a report to OUTPUT when the run ends. `semscore report` can write it later."""

    def __post_init__(self) -> None:
        if self.price is not None and self.price < 0:
            raise UserError(f"--price must be at least 0, got {self.price}")
        if self.gold_positive is not None and self.gold is None:
            raise UserError("--gold-positive needs a column of labels; name it with --gold")
        if self.gold_positive is not None and not isfinite(self.gold_positive):
            raise UserError(f"--gold-positive must be a finite number, got {self.gold_positive}")


@_flat("Run")
@dataclass(frozen=True, kw_only=True)
class Run:
    """What the run prints, and what it checks first."""

    quiet: Flag = False
    """Print only errors."""
    log_format: Literal["text", "json"] = "text"
    """Format of messages on standard error. json: one object per line, progress
    included."""
    debug: Flag = False
    """Show Spark's log, and the stack traces of errors."""
    preflight: bool = True
    """Before the run, check versions, settings, disks, permissions on OUTPUT, clock skew and the
    time limit. This takes less than a second. `semscore doctor` checks more."""


def with_prompt(recipe: Recipe, prompt: str | None) -> Recipe:
    """Return the recipe, with `prompt` in place of each of its two prompts that is not set.

    A text with a role has the prompt of that role.
    """
    if prompt is None:
        return recipe
    first, second = (
        prompt if own.text is None and own.role is None else own.text for own in recipe.prompts
    )
    return replace(recipe, prompt1=first, prompt2=second)
