"""Which table an INPUT names, if any, and at which snapshot it is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from semscore.jobs.options.places import CATALOG, location_of
from semscore.jobs.options.places import DELTA as DELTA_PREFIX
from semscore.jobs.table_logs import delta, iceberg
from semscore.jobs.table_logs.access import deltalake_options, pyiceberg_options
from semscore.jobs.table_logs.extras import needed_for
from semscore.jobs.table_logs.recognised import DELTA, HINT, ICEBERG, METADATA_FILE, Kind, log_in
from semscore.jobs.table_logs.snapshot import OTHER_WAY, Snapshot
from semscore.udfs.errors import UserError, some_of
from semscore.udfs.stores.local_folder import local_path
from semscore.udfs.stores.registry import Storage, is_remote, needs_java

if TYPE_CHECKING:
    from pyiceberg.table import Table

LATEST = "latest"


def open_table(inputs: Sequence[str], storage: Storage, snapshot: str | None) -> Snapshot | None:
    """Return the table that INPUT names, at a snapshot; None if INPUT is files or folders.

    `snapshot`: its number, or `latest`; None is the latest too. Raises UserError if the table
    cannot be read, if there are other inputs beside it, or if a snapshot is asked for without one.
    """
    number = _number(snapshot)
    for given in inputs:
        found = _opened(given, storage, number)
        if found and len(inputs) > 1:
            raise UserError(
                f"INPUT {given} is a table, which must be the only INPUT. Score the others "
                "separately"
            )
        if found:
            return found
    if snapshot is not None:
        raise UserError(
            f"--snapshot {snapshot} is for Delta and Iceberg tables, and INPUT "
            f"{some_of(inputs)} is none"
        )
    return None


def locations(inputs: Iterable[str]) -> list[str]:
    """Return the locations of all inputs. Asks the catalogs of those that only a catalog knows.

    Raises UserError if a table cannot be loaded.
    """
    return [location_of(given) or _in_catalog(given).location() for given in inputs]


def _number(snapshot: str | None) -> int | None:
    if snapshot is None or snapshot == LATEST:
        return None
    if not re.fullmatch(r"\d+", snapshot):
        raise UserError(
            f"--snapshot {snapshot!r} is not the number of a snapshot; give a Delta version, an "
            f"Iceberg snapshot id, or {LATEST}"
        )
    return int(snapshot)


def _opened(given: str, storage: Storage, number: int | None) -> Snapshot | None:
    location = location_of(given)
    if location is None:
        table = _in_catalog(given)
        _require_reachable(given, ICEBERG, table.location())
        return iceberg.read_iceberg(table, given, number)
    is_metadata = METADATA_FILE.search(location) is not None
    try:
        kind = ICEBERG if is_metadata else log_in(storage.folder(location))
    except OSError as error:
        raise UserError(f"INPUT {given} cannot be listed: {error}") from error
    if given.startswith(DELTA_PREFIX) and kind is not DELTA:
        raise UserError(f"INPUT {given}: there is no Delta table in {location}")
    if kind is None:
        return None
    _require_reachable(given, kind, location)
    if kind is DELTA:
        with needed_for("delta", f"INPUT {given}"):
            folder = storage.folder(location)
            return delta.read_delta(folder, number, deltalake_options(location, storage))
    with needed_for("iceberg", f"INPUT {given}"):
        if not (is_metadata or HINT in storage.folder(location).names(f"{ICEBERG.log}/{HINT}")):
            raise UserError(
                f"INPUT {given} is an Iceberg table without {HINT}, so only its catalog knows its "
                "current snapshot. Name it as iceberg:CATALOG.NAMESPACE.TABLE, or name a file of "
                f"its metadata, such as {location.rstrip('/')}/metadata/….metadata.json"
            )
        place = location if is_remote(location) else str(local_path(location))
        table = iceberg.open_files(place, given, pyiceberg_options(location, storage))
        return iceberg.read_iceberg(table, given, number)


def _require_reachable(given: str, kind: Kind, location: str) -> None:
    """Raise UserError for a table on a storage that only Spark's Java reaches."""
    if needs_java(location):
        raise UserError(
            f"INPUT {given} is {kind.what} on a storage from which semscore cannot read its log "
            f"({location}). Copy it to S3 or to a disk, or {OTHER_WAY}"
        )


def _in_catalog(given: str) -> Table:
    with needed_for("iceberg", f"INPUT {given}"):
        return iceberg.open_in_catalog(given.removeprefix(CATALOG))
