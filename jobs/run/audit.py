"""The audit at the end of a run: count the published rows, and compare them with INPUT."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from semscore.jobs.dataset.listing import BadFile
from semscore.jobs.dataset.publish import count_rows
from semscore.jobs.dataset.source import Source
from semscore.jobs.failures.wording import counted
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
    """Count the output again by its footers. Return the manifest if each row is there once.

    `total`: the rows that there should be at most, for messages.
    Raises AuditFailed if rows are missing or there are too many, UnitsSetAside if units or files
    were set aside that should be there, UserError if no file could be read and nothing is
    published, and TooManyErrors if the model failed on too many rows.
    """
    require_few_errors(account, ledger.statuses(records)["error"], total)
    source, output = account.source, account.output
    published = _published(output, records)
    rows_out = sum(file.rows for file in published)
    chosen = account.settings.rows
    _require_nothing_aside(account, records, bad, failed, rows_out, total)
    unread = {file.path for file in bad}
    rows_in = _rows_in(source, records, unread)
    if chosen.limit is None and (left := _in_no_unit(source, records, unread)):
        raise AuditFailed(f"some files of INPUT are in no unit: {some_of(left, 5)}")
    if chosen.where is None and chosen.limit is None and rows_out != rows_in:
        raise AuditFailed(
            f"INPUT has {counted(rows_in, 'row')}, but {output.name} has {rows_out:,}"
        )
    return {
        "v": ledger.VERSION,
        "run": account.id,
        "fingerprint": account.fingerprint,
        "ended": now(),
        "files": [asdict(file) for file in published],
        "rows": rows_out,
        "bytes": sum(file.bytes for file in published),
        "audit": {
            "rows_in": rows_in,
            "rows_out": rows_out,
            "where": chosen.where,
            "limit": chosen.limit,
            "skipped_files": [asdict(file) for file in (*source.skipped, *bad)],
        },
    }


def _published(output: Folder, records: Sequence[ledger.UnitRecord]) -> list[ledger.DataFile]:
    """Return the files in OUTPUT with their rows. Raises AuditFailed if the records differ."""
    published = count_rows(output, ledger.data_files(output))
    scored = sum(record.rows for record in records)
    rows_out = sum(file.rows for file in published)
    expected = {file.path for record in records for file in record.files}
    if rows_out != scored or {file.path for file in published} != expected:
        raise AuditFailed(
            f"the records list {counted(scored, 'row')} in {counted(len(expected), 'file')}, but "
            f"{output.name} has {counted(rows_out, 'row')} in {counted(len(published), 'file')}. "
            "Does something else write there?"
        )
    return published


def _require_nothing_aside(
    account: Account,
    records: Sequence[ledger.UnitRecord],
    bad: Sequence[BadFile],
    failed: Sequence[FailedUnit],
    rows_out: int,
    total: int,
) -> None:
    """Raise UnitsSetAside if units or files are missing, UserError if no file could be read."""
    aside = [f"{unit.what}: {unit.reason}" for unit in failed]
    if bad and not records and not aside:
        raise UserError(_nothing_read(bad))
    if bad and account.settings.rows.bad_files == "fail":
        aside += [f"{file.path}: {file.reason}" for file in bad]
    if aside:
        leave_out = ", or --bad-files skip to leave out unreadable files" if bad else ""
        raise UnitsSetAside(
            f"{rows_out:,} of {counted(total, 'row')} are scored. Set aside: "
            f"{some_of(aside, 5, '; ')}. Use --mode resume to try them again{leave_out}"
        )


def _nothing_read(bad: Sequence[BadFile]) -> str:
    if len(bad) == 1:
        return f"{bad[0].path}: {bad[0].reason}. Replace the file: INPUT has no other"
    examples = "; ".join(f"{file.path}: {file.reason}" for file in bad[:3])
    return f"INPUT: none of its {len(bad):,} files could be scored. For example: {examples}"


def _rows_in(source: Source, records: Sequence[ledger.UnitRecord], unread: Collection[str]) -> int:
    """Return the rows of INPUT by footers, read by this run or, if scored, by an earlier one."""
    rows = {known["path"]: known["rows"] for record in records for known in record.sources}
    rows |= {url: count for url, (count, _) in source.counts.items()}
    return sum(rows.get(file.url, 0) for file in source.files if file.url not in unread)


def _in_no_unit(
    source: Source, records: Sequence[ledger.UnitRecord], unread: Collection[str]
) -> list[str]:
    """Return the files that should be scored and are not."""
    taken = {known["path"] for record in records for known in record.sources}.union(unread)
    return [file.url for file in source.files if file.url not in taken]


def require_few_errors(account: Account, errors: int, total: int) -> None:
    """Raise TooManyErrors if the model failed on more of `total` rows than --max-error-rate."""
    rate = account.settings.limits.max_error_rate
    if errors > rate * total:
        raise TooManyErrors(
            f"the model failed on {errors:,} of {counted(total, 'row')} (status 'error'), more "
            f"than --max-error-rate {rate} allows. Scored rows stay in {account.output.name}"
        )
