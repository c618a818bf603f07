"""A run: what its units share, and what is recorded about it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib import metadata
from threading import Event
from typing import TYPE_CHECKING, Any

from semscore.jobs.dataset.blocks import BLOCK_ROWS
from semscore.jobs.dataset.columns import Layout
from semscore.jobs.dataset.parts import Shuffles
from semscore.jobs.dataset.source import Source
from semscore.jobs.dataset.units import fitting, row_flop
from semscore.jobs.failures.causes import sentence
from semscore.jobs.hosts.inside_job import job_facts
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import VERSION
from semscore.jobs.ledger.run_id import now
from semscore.jobs.spark.session import task_rows
from semscore.udfs.gpus.device import for_workers
from semscore.udfs.models.flops import Architecture
from semscore.udfs.recipe import SCORING_VERSION, Engine, Recipe
from semscore.udfs.stores.folder import Folder
from semscore.udfs.stores.registry import Storage
from semscore.udfs.vector_format import Ranges
from semscore.udfs.version import __version__

if TYPE_CHECKING:
    from pyspark.accumulators import Accumulator
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

    from semscore.jobs.ledger.lease import Lease
    from semscore.jobs.ledger.packs import Packs
    from semscore.jobs.options.settings import Settings
    from semscore.jobs.preflight.checks import Model
    from semscore.jobs.preflight.precision import Settled
    from semscore.jobs.run.cost import Cost
    from semscore.jobs.run.progress import Progress, State
    from semscore.jobs.run.stop import Stop
    from semscore.jobs.telemetry.table import Export
    from semscore.udfs.meters import Meters

log = logging.getLogger("semscore")
LIBRARIES = ("pandas", "pyarrow", "sentence-transformers", "torch", "transformers")


@dataclass(frozen=True)
class Account:
    """The facts that a run's records are about."""

    id: str
    settings: Settings
    fingerprint: str
    source: Source
    output: Folder


@dataclass(frozen=True)
class FailedUnit:
    """A unit that could not be scored, with the error."""

    what: str  # its id and files, for messages
    error: Exception

    @property
    def reason(self) -> str:
        """Return the error as a sentence."""
        return sentence(self.error)


@dataclass(frozen=True)
class Run(Account):
    """Everything that the units of a run share."""

    recipe: Recipe  # resolved
    model: Architecture
    ranges: Ranges | None  # of the values of embeddings, if their type needs them
    layout: Layout
    where: str | None  # --where, with the current time written out
    spark: SparkSession
    schema: StructType  # of the input
    storage: Storage
    lease: Lease
    packs: Packs
    stop: Stop
    meters: dict[str, Accumulator[Meters]] = field(default_factory=dict)  # by Unit.what
    shuffles: Shuffles = field(default_factory=Shuffles)  # of row groups that units share
    dropping: Event = field(default_factory=Event)  # set when running units are abandoned
    told: set[str] = field(default_factory=set)  # notes that were logged
    cost: Cost | None = None  # None: no price is known
    export: Export = lambda _: None  # sends the facts of progress.json to other systems

    @property
    def engine(self) -> Engine:
        """Return the engine options for workers of this Spark."""
        return for_workers(self.settings.engine, str(self.spark.sparkContext.master))

    @property
    def task_rows(self) -> int:
        """Return the rows that a task should have, with these texts and this model."""
        sizes = [self.source.row_bytes.get(name, 0) for name in self.settings.passed]
        return fitting(
            task_rows(self.spark), row_flop(self.model, sizes, self.recipe.max_seq_length)
        )

    def tell_progress(self, progress: Progress, state: State) -> None:
        """Write progress.json, and export it. A failure to do so is ignored."""
        with suppress(Exception):  # must not replace the error that ends a run
            facts = progress.facts(state)
            self.export(facts)
            ledger.tell_progress(self.output, self.lease, facts)

    def tell(self, notes: Iterable[str]) -> None:
        """Log what workers note about how they run, each note once."""
        for note in sorted(set(notes) - self.told):
            log.warning(note)
            self.told.add(note)


def run_record(run: Run, model: Model, settled: Settled) -> dict[str, Any]:
    """Return the contents of run.json."""
    settings = run.settings
    slices = ("columns", "embeddings", "rows", "engine", "target", "limits", "report")
    return {
        "v": VERSION,  # version of the records' format
        "run": run.id,  # id of the run that began the dataset
        "started": now(),  # when it began: UTC, ISO 8601
        # versions of semscore, Python, Spark and the libraries that affect scores
        "versions": {"semscore": __version__, "python": sys.version.split()[0]}
        # On a cluster, Spark may not be installed as a package.
        | {"pyspark": run.spark.version}
        | {name: metadata.version(name) for name in LIBRARIES},
        "master": run.spark.sparkContext.master,  # Spark's master URL
        "job": job_facts(),  # name, region and role of a SageMaker job; null elsewhere
        "recipe": asdict(run.recipe),  # what determines the scores, with the precision used
        "precision": settled.record,  # the precision asked for, and why another was chosen
        "model_sha256": model.sha256,  # hash of the model's files; empty without a model
        "model": asdict(run.model),  # the layers and sizes of the model
        "ranges": run.ranges,  # lowest and highest value of each dimension, for int8 and uint8
        "int8_sha256": settled.int8_sha256,  # hash of the int8 calibration; null without one
        "scoring_version": SCORING_VERSION,  # version of the rules that scores follow
        "fingerprint": run.fingerprint,  # equal fingerprints mean comparable scores
        "input": list(settings.inputs),  # INPUT, as given
        "snapshot": run.source.table.record if run.source.table else None,  # null for files
        "block_rows": BLOCK_ROWS,  # rows in a piece of a large row group
        # other options of that run
        "options": {name: asdict(getattr(settings, name)) for name in slices},
        "where": run.where,  # --where, with the current time written out
        "schema": run.schema.jsonValue(),  # columns of INPUT, as Spark reads them
    }
