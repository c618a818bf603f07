"""Check INPUT and OUTPUT: try everything that a run needs, in OUTPUT with a small test object."""

from __future__ import annotations

from collections.abc import Iterator
from time import time
from uuid import uuid4

from rich.filesize import decimal

from semscore.jobs.dataset.columns import plan_columns
from semscore.jobs.dataset.reading import read_source
from semscore.jobs.dataset.reads import columns_read
from semscore.jobs.dataset.source import Source
from semscore.jobs.diagnosis.check_disk import free_bytes
from semscore.jobs.diagnosis.finding import Check, Finding, findings
from semscore.jobs.failures.wording import counted
from semscore.jobs.ledger.ledger import HOME
from semscore.jobs.options.settings import Settings
from semscore.jobs.preflight.checks import check_output
from semscore.udfs.errors import some_of
from semscore.udfs.stores.folder import Folder, StorageError
from semscore.udfs.stores.local_folder import LocalFolder, as_it_was
from semscore.udfs.stores.registry import Storage

SKEW_S = 300  # difference between two clocks that is worth a warning; S3 refuses requests from 900
SHOWN = 3


def check_input(settings: Settings, storage: Storage) -> Iterator[Finding]:
    """List INPUT and read its footers, as a run does; UserError if a run would refuse it.

    Then check its columns, and whether a local OUTPUT has enough space for them.
    """
    skip = settings.rows.bad_files == "skip"
    reads = columns_read(settings)
    source = read_source(settings.inputs, skip, storage, reads, settings.rows.snapshot)
    size = sum(file.size for file in source.files)
    footers = f"{counted(source.rows, 'row')} in {counted(len(source.counts), 'footer')}"
    yield Finding(
        "input", "ok", f"{counted(len(source.files), 'file')}, {decimal(size)}; {footers}"
    )
    for files, what, fix in (
        ([bad.path for bad in source.skipped], "unreadable, left out", "replace them"),
        (source.ignored, "without a parquet suffix, ignored", "rename or remove them"),
    ):
        if files:
            found = f"{counted(len(files), 'file')} {what}: {some_of(files, SHOWN)}"
            yield Finding("input", "warn", found, fix)
    checks: dict[str, Check] = {"columns": lambda: _check_columns(source, settings)}
    if settings.output:
        checks["room"] = lambda: check_room(settings, source, storage.folder(settings.output))
    yield from findings(checks)


def check_target(settings: Settings, storage: Storage) -> Iterator[Finding]:
    """Check that a run may write OUTPUT, and can; UserError if a run would refuse it."""
    yield from check_rights(check_output(settings, storage))


def check_rights(output: Folder) -> Iterator[Finding]:
    """Create, read, list and delete a small object in OUTPUT, and compare its clock with ours.

    Nothing is left behind. Raises OSError if one of these is refused.
    """
    with as_it_was(output):
        ahead = _probe(output)
    yield Finding(
        "output", "ok", f"a test object was created, read, listed and deleted in {output.name}"
    )
    side = "ahead of" if ahead > 0 else "behind"
    found = f"the clock of OUTPUT's storage is {abs(ahead):,.0f} s {side} this machine's"
    if abs(ahead) < SKEW_S:
        yield Finding("clock", "ok", found)
    else:
        yield Finding(
            "clock",
            "warn",
            f"{found}: times in records are wrong, and from 15 minutes S3 refuses requests",
            "synchronise both clocks (chrony, systemd-timesyncd)",
        )


def check_room(settings: Settings, source: Source, output: Folder) -> Iterator[Finding]:
    """Check that a local OUTPUT has as much space as all columns of INPUT take.

    Nothing is checked for a resumed run, or with a limit, because these write only some rows.
    """
    if not isinstance(output, LocalFolder) or settings.target.mode != "new" or settings.rows.limit:
        return
    size, free = sum(file.size for file in source.files), free_bytes(output.local)
    found = f"{decimal(free)} free for OUTPUT, and INPUT takes {decimal(size)}"
    if free < size:
        fix = "free some space, choose another OUTPUT, or write fewer columns with --keep"
        yield Finding("room", "warn", found, fix)
    else:
        yield Finding("room", "ok", found)


def _check_columns(source: Source, settings: Settings) -> Iterator[Finding]:
    """Check the columns that a run reads and writes; UserError if a run would refuse them."""
    layout = plan_columns(source, settings)
    by = f", in folders by {', '.join(layout.partition_by)}" if layout.partition_by else ""
    found = f"{' and '.join(settings.passed)} can be used; {some_of(layout.kept)} are kept{by}"
    yield Finding("columns", "ok", found)
    for name in source.nanoseconds:
        found = f"{name}: timestamps are truncated from nanoseconds to microseconds"
        yield Finding("columns", "warn", found, "leave it out with --keep if that is too coarse")


def _probe(output: Folder) -> float:
    """Try a test object; return the seconds that the storage's clock is ahead of this machine's."""
    folder = f"{HOME}/probe-{uuid4().hex}"
    path, content = f"{folder}/object", folder.encode()
    before = time()
    output.create_if_absent(path, content)
    after = time()
    try:
        if output.read(path) != content:
            raise StorageError(
                f"{output.full(path)} was written, but its content reads differently"
            )
        if path not in [entry.path for entry in output.entries(folder)]:
            raise StorageError(f"{output.full(path)} was written, but is not listed")
        written = output.modified(path)
    finally:
        output.delete([path])
    return max(written - after, 0) or min(written - before, 0)
