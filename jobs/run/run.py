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
        "v": VERSION,
        "run": run.id,
        "started": now(),
        "versions": {"semscore": __version__, "python": sys.version.split()[0]}
        # On a cluster, Spark may not be installed as a package.
        | {"pyspark": run.spark.version}
        | {name: metadata.version(name) for name in LIBRARIES},
        "master": run.spark.sparkContext.master,
        "job": job_facts(),
        "recipe": asdict(run.recipe),
        "precision": settled.record,
        "model_sha256": model.sha256,
        "model": asdict(run.model),
        "ranges": run.ranges,
        "int8_sha256": settled.int8_sha256,
        "scoring_version": SCORING_VERSION,
        "fingerprint": run.fingerprint,
        "input": list(settings.inputs),
        "snapshot": run.source.table.record if run.source.table else None,
        "block_rows": BLOCK_ROWS,
        "options": {name: asdict(getattr(settings, name)) for name in slices},
        "where": run.where,
        "schema": run.schema.jsonValue(),
    }
