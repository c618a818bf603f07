"""The start of a run: check what needs Spark, then take OUTPUT for this run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from semscore.jobs.dataset import frames
from semscore.jobs.dataset.condition import settled_where
from semscore.jobs.dataset.partitions import check_folders
from semscore.jobs.hosts import inside_job
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import Committed
from semscore.jobs.ledger.packs import Packs
from semscore.jobs.ledger.withdraw import unless_refused
from semscore.jobs.preflight.precision import Settled, settle
from semscore.jobs.preflight.proving import Proving
from semscore.jobs.run.prepare import Prepared
from semscore.jobs.run.reading import read
from semscore.jobs.run.run import Run, run_record
from semscore.jobs.spark.early import Waking
from semscore.jobs.spark.s3a import use_s3a
from semscore.jobs.spark.session import job_session
from semscore.udfs.driver.session import Active
from semscore.udfs.driver.ship import ship
from semscore.udfs.errors import UserError
from semscore.udfs.models.flops import LOOKUPS, architecture
from semscore.udfs.stores.local_folder import as_it_was

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def settle_with(spark: SparkSession, job: Prepared, proving: Proving | None) -> tuple[Run, Settled]:
    """Determine what needs Spark: schema, condition, precision. Check the model and the workers.

    Raises UserError for what would fail later. Nothing is written yet.
    """
    waking = Waking(spark)
    use_s3a(spark, job.s3a)
    settings, source, own = job.settings, job.source, job_session(spark)
    schema = frames.read_schema(own, source)
    frames.bound_batches(own, source, settings.passed)
    looks = frames.lenient(job_session(spark))  # bad files are reported when their unit is scored
    frames.bound_batches(looks, source, settings.passed)
    sample = frames.read_files(looks, schema, source, source.filled_files[:1])
    where = ledger.recorded_where(job.output) if job.settled else None
    where = where or settled_where(sample, settings.rows.where)
    waking.require()
    if proving:
        proving.require()
        _require_dimensions(job, proving.dimensions)
        _send_model(spark, job)
    settled = job.settled or settle(
        looks, settings, source, schema, job.model.recipe, job.model.sha256
    )
    run = Run(
        id=job.id,
        settings=settings,
        recipe=settled.recipe,
        model=architecture(job.model.folder) if job.model.folder else LOOKUPS,
        ranges=settled.ranges,
        fingerprint=job.fingerprint(settled),
        source=source,
        layout=job.layout,
        where=where,
        output=job.output,
        spark=own,
        schema=schema,
        storage=job.storage,
        lease=job.lease,
        packs=Packs(job.output, job.lease),
        stop=job.stop,
    )
    # One file shows whether --where can be evaluated. Folder names depend on the values of all.
    seen = source.files if job.layout.regroups(source) else source.filled_files[:1]
    check_folders(read(run, looks, seen), source, job.layout, job.output)
    return run, settled


def _send_model(spark: SparkSession, job: Prepared) -> None:
    """Send the model to the hosts of a cluster.

    In a processing job, the image and the inputs have put its folder on all hosts already.
    """
    recipe, folder = job.model.recipe, job.model.folder
    assert folder is not None  # it was proved
    if not (inside_job.is_inside() and Path(recipe.model).is_dir()):
        ship(recipe, folder, Active(spark, is_connect=False))


def _require_dimensions(job: Prepared, known: int | None) -> None:
    """Raise UserError if embeddings are to have more dimensions than the model's vectors."""
    asked = job.settings.recipe.truncate_dim
    if job.settings.embeds and asked and known and asked > known:
        raise UserError(
            f"--truncate-dim {asked} is more than {job.model.recipe.model} has: {known}"
        )


@contextmanager
def begun(job: Prepared, run: Run, settled: Settled) -> Iterator[tuple[Run, Committed]]:
    """Hold OUTPUT within the block. Yield the run, and the units that earlier runs committed.

    If this run has started OUTPUT and is then refused, OUTPUT is left as it was. Raises OutputInUse
    if another run holds it.
    """
    output, lease = job.output, job.lease
    replaces = job.settings.target.mode == "overwrite"
    with as_it_was(output), lease, unless_refused(output, lease), job.stop.signals():
        earlier = ledger.take_over(output, lease, job.is_superseded, job.committed, replaces)
        if job.settled:
            job.require_unchanged()
        run = replace(run, recipe=settled.keep(output))
        record = run_record(run, job.model, settled)
        if job.settled is None and not replaces:
            ledger.begin(output, lease, record)
        ledger.reopen(output, lease)
        if replaces:
            ledger.replace_run(output, lease, record)
        job.record_snapshot()
        yield run, earlier
