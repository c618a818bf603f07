"""The audit at the end of a run: count the published rows, and compare them with INPUT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict
from typing import Any

from semscore.jobs.dataset.listing import BadFile
from semscore.jobs.dataset.owed import partly_scored
from semscore.jobs.dataset.publish import count_rows
from semscore.jobs.dataset.source import Source
from semscore.jobs.failures.wording import counted
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import VERSION, Committed, CommittedUnit, DataFile
from semscore.jobs.ledger.run_id import now
from semscore.jobs.run.run import Account, FailedUnit
from semscore.jobs.table_logs.snapshot import count_between
from semscore.udfs.errors import AuditFailed, TooManyErrors, UnitsSetAside, UserError, some_of


def audit(
    account: Account,
    units: Committed,
    total: int,
    bad: Sequence[BadFile] = (),
    failed: Sequence[FailedUnit] = (),
) -> dict[str, Any]:
    """Count the rows of the output again. Return the manifest if each row of INPUT is there once.

    `total`: the rows that there should be at most, for messages.
    Raises AuditFailed if rows are missing or there are too many, UnitsSetAside if units or files
    were set aside that should be there, UserError if no file could be read and nothing is
    published, and TooManyErrors if the model failed on too many rows.
    """
    require_few_errors(account, units.statuses["error"], total)
    source, output = account.source, account.output
    published = _published(account, units)
    rows_out = sum(file.rows for file in published)
    chosen = account.settings.rows
    _require_nothing_aside(account, units, bad, failed, rows_out, total)
    unread = {file.path for file in bad}
    rows_in = _rows_in(source, units, unread)
    if chosen.limit is None and (left := _in_no_unit(source, units, unread)):
        raise AuditFailed(f"some files of INPUT are in no unit: {some_of(left, 5)}")
    if chosen.limit is None and not unread:
        _require_logged(source, rows_in)
    if chosen.where is None and chosen.limit is None and rows_out != rows_in:
        raise AuditFailed(
            f"INPUT has {counted(rows_in, 'row')}, but {output.name} has {rows_out:,}"
        )
    return {
        "v": VERSION,  # version of the records' format
        "run": account.id,  # id of the run that completed the dataset
        "fingerprint": account.fingerprint,  # as in run.json
        "ended": now(),  # when it was completed: UTC, ISO 8601
        # published files: path, rows, bytes
        "files": [
            {"path": file.path, "rows": file.rows, "bytes": file.bytes} for file in published
        ],
        "rows": rows_out,  # rows of all files
        "bytes": sum(file.bytes for file in published),  # bytes of all files
        # rows in and out, --where, --limit, and the files that could not be read
        "audit": {
            "rows_in": rows_in,
            "rows_out": rows_out,
            "where": chosen.where,
            "limit": chosen.limit,
            "skipped_files": [asdict(file) for file in (*source.skipped, *bad)],
        },
    }


def _require_logged(source: Source, rows: int) -> None:
    """Raise AuditFailed if a table's log names another number of live rows than its files have."""
    logged = source.table.rows if source.table else None
    if source.table and logged not in (None, rows) and not source.skipped:
        raise AuditFailed(
            f"the log of {source.table.what} names {counted(logged or 0, 'row')}, but its files "
            f"have {rows:,}"
        )


def _published(account: Account, units: Committed) -> list[DataFile]:
    """Return the files in OUTPUT with their rows. Raises AuditFailed if the records differ.

    Rows are read from footers, except in files of earlier runs that still have the recorded size:
    their footers were read before they were published, and a dataset may have 100,000 of them.
    """
    output = account.output
    counted_before = {
        (file.path, file.bytes): file
        for unit in units
        if unit.run != account.id
        for file in unit.files
    }
    entries = ledger.data_files(output)
    known = [counted_before.get((entry.path, entry.size)) for entry in entries]
    unknown = [entry for entry, file in zip(entries, known, strict=True) if file is None]
    read = iter(count_rows(output, unknown))
    published = [file or next(read) for file in known]
    rows_out = sum(file.rows for file in published)
    expected = {file.path for unit in units for file in unit.files}
    if rows_out != units.rows or {file.path for file in published} != expected:
        raise AuditFailed(
            f"the records list {counted(units.rows, 'row')} in {counted(len(expected), 'file')}, "
            f"but {output.name} has {counted(rows_out, 'row')} in "
            f"{counted(len(published), 'file')}. Does something else write there?"
        )
    return published


def _require_nothing_aside(
    account: Account,
    units: Sequence[CommittedUnit],
    bad: Sequence[BadFile],
    failed: Sequence[FailedUnit],
    rows_out: int,
    total: int,
) -> None:
    """Raise UnitsSetAside if units or files are missing, UserError if no file could be read."""
    aside = [f"{unit.what}: {unit.reason}" for unit in failed]
    if bad and not units and not aside:
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


def _rows_in(source: Source, units: Sequence[CommittedUnit], unread: AbstractSet[str]) -> int:
    """Return the rows of INPUT by footers, read by this run or, if scored, by an earlier one."""
    scored, rows = Counter[str](), dict[str, int]()
    for known in (known for unit in units for known in unit.sources):
        url, start = known["path"], known.get("start", 0)
        stop = start + known["rows"]
        scored[url] += known["rows"] - count_between(source.deleted(url), start, stop)
        all_rows = known.get("file_rows", known["rows"])
        rows[url] = all_rows - count_between(source.deleted(url), 0, all_rows)
    rows |= {url: source.live_rows(url) for url in source.counts}
    rows |= {url: scored[url] for url in unread}  # a part may have been scored before
    return sum(rows.get(file.url, 0) for file in source.files)


def _in_no_unit(
    source: Source, units: Sequence[CommittedUnit], unread: AbstractSet[str]
) -> list[str]:
    """Return the files that should be scored and are not, or only partly."""
    taken = {known["path"] for unit in units for known in unit.sources}.union(unread)
    partly = partly_scored(units).keys() - unread
    return [file.url for file in source.files if file.url not in taken or file.url in partly]


def require_few_errors(account: Account, errors: int, total: int) -> None:
    """Raise TooManyErrors if the model failed on more of `total` rows than --max-error-rate."""
    rate = account.settings.limits.max_error_rate
    statuses = total * account.settings.statuses_per_row
    if errors > rate * statuses:
        what = "text" if account.settings.embeds else "row"
        raise TooManyErrors(
            f"the model failed on {errors:,} of {counted(statuses, what)} (status 'error'), more "
            f"than --max-error-rate {rate} allows. Scored rows stay in {account.output.name}"
        )
