"""The audit at a run's end: what is published, counted again by its footers, against INPUT."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from semscore.jobs.dataset.listing import BadFile
from semscore.jobs.dataset.publish import count_rows
from semscore.jobs.dataset.source import Source
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.run_id import now
from semscore.jobs.run.run import Account, FailedUnit
from semscore.udfs.errors import AuditFailed, TooManyErrors, UnitsSetAside, UserError, some_of
from semscore.udfs.stores.folder import Folder


def audit(
    account: Account,
    records: Sequence[ledger.UnitRecord],
    total: int,
    bad: Sequence[BadFile] = (),
    failed: Sequence[FailedUnit] = (),
) -> dict[str, Any]:
    """Count the output again, by its footers: the manifest, if all is there, each row once.

    `total`: rows that there should be at most, for messages.
    Raises AuditFailed if it is not, UnitsSetAside if units or files are missing that should be
    there, UserError if no file could be read and nothing is published, TooManyErrors.
    """
    require_few_errors(account, ledger.statuses(records)["error"], total)
    source, output = account.source, account.output
    published = _counted(output, records)
    found = sum(file.rows for file in published)
    chosen = account.settings.rows
    _require_nothing_aside(account, records, bad, failed, found, total)
    unread = {file.path for file in bad}
    rows_in = _rows_in(source, records, unread)
    if chosen.limit is None and (left := _in_no_unit(source, records, unread)):
        raise AuditFailed(f"files of INPUT are in no unit: {some_of(left, 5)}")
    if chosen.where is None and chosen.limit is None and found != rows_in:
        raise AuditFailed(f"INPUT has {rows_in:,} rows, but {found:,} are in {output.name}")
    return {
        "v": ledger.VERSION,
        "run": account.id,
        "fingerprint": account.fingerprint,
        "ended": now(),
        "files": [asdict(file) for file in published],
        "rows": found,
        "bytes": sum(file.bytes for file in published),
        "audit": {
            "rows_in": rows_in,
            "rows_out": found,
            "where": chosen.where,
            "limit": chosen.limit,
            "skipped_files": [asdict(file) for file in (*source.skipped, *bad)],
        },
    }


def _counted(output: Folder, records: Sequence[ledger.UnitRecord]) -> list[ledger.DataFile]:
    """The files in OUTPUT with their rows, if these are what is recorded; else AuditFailed."""
    published = count_rows(output, ledger.data_files(output))
    rows, found = sum(record.rows for record in records), sum(file.rows for file in published)
    expected = {file.path for record in records for file in record.files}
    if found != rows or {file.path for file in published} != expected:
        raise AuditFailed(
            f"{rows:,} rows were scored into {len(expected)} files, but {found:,} rows in "
            f"{len(published)} files are in {output.name}. Does something else write there?"
        )
    return published


def _require_nothing_aside(
    account: Account,
    records: Sequence[ledger.UnitRecord],
    bad: Sequence[BadFile],
    failed: Sequence[FailedUnit],
    found: int,
    total: int,
) -> None:
    """Raise UnitsSetAside for units and files that should be there; UserError if nothing is."""
    aside = [f"{unit.what}: {unit.reason}" for unit in failed]
    if bad and not records and not aside:
        raise UserError(_nothing_read(bad))
    if bad and account.settings.rows.bad_files == "fail":
        aside += [f"{file.path}: {file.reason}" for file in bad]
    if aside:
        told = some_of(aside, 5, "; ")
        out = ", --bad-files skip leaves unreadable files out" if bad else ""
        raise UnitsSetAside(
            f"{found:,} of {total:,} rows are scored; set aside are {told}. --mode resume "
            f"tries them again{out}"
        )


def _nothing_read(bad: Sequence[BadFile]) -> str:
    if len(bad) == 1:
        return f"{bad[0].path}: {bad[0].reason}. Replace it: INPUT has no other file"
    such = "; ".join(f"{file.path}: {file.reason}" for file in bad[:3])
    return f"INPUT: none of its {len(bad):,} files could be scored, such as {such}"


def _rows_in(source: Source, records: Sequence[ledger.UnitRecord], unread: Collection[str]) -> int:
    """Rows of INPUT by its footers: read by this run, or by one before of files that are scored."""
    rows = {known["path"]: known["rows"] for record in records for known in record.sources}
    rows |= {url: count for url, (count, _) in source.counts.items()}
    return sum(rows.get(file.url, 0) for file in source.files if file.url not in unread)


def _in_no_unit(
    source: Source, records: Sequence[ledger.UnitRecord], unread: Collection[str]
) -> list[str]:
    """Files that should be scored and are not."""
    taken = {known["path"] for record in records for known in record.sources}.union(unread)
    return [file.url for file in source.files if file.url not in taken]


def require_few_errors(account: Account, errors: int, total: int) -> None:
    """Raise TooManyErrors if the model failed on more of all rows than --max-error-rate allows."""
    rate = account.settings.limits.max_error_rate
    if errors > rate * total:
        raise TooManyErrors(
            f"the model failed on {errors:,} rows (status 'error'), more than --max-error-rate "
            f"{rate} allows of {total:,}; what is scored stays in {account.output.name}"
        )
