"""Find the files of INPUT, and the rows in them, that no committed unit contains. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from semscore.jobs.dataset.listing import SourceFile
from semscore.jobs.failures.wording import counted
from semscore.jobs.ledger.committed import UNRECORDED, CommittedUnit
from semscore.jobs.table_logs.snapshot import Snapshot
from semscore.udfs.errors import UserError, some_of


def owed(
    files: Iterable[SourceFile],
    units: Sequence[CommittedUnit],
    table: Snapshot | None = None,
) -> tuple[SourceFile, ...]:
    """Return the files that are not, or only partly, scored yet, in their order.

    `table`: whose files these are. Raises UserError if a scored file has changed since or is
    missing, because its rows in the output are then no longer those of INPUT.
    """
    by_url = {file.url: file for file in files}
    scored = {source["path"]: source for unit in units for source in unit.sources}
    missing = sorted(scored.keys() - by_url.keys())
    changed = [
        path
        for path, source in sorted(scored.items())
        if path in by_url and not same_rows(by_url[path], source)
    ]
    if table and (missing or changed):
        raise UserError(_rewritten(table, [*missing, *changed], len(scored), by_url.keys()))
    if missing:
        raise UserError(
            f"INPUT no longer has {some_of(missing, 5)}, although OUTPUT has the scores. Restore "
            "what is missing, or score everything again into another OUTPUT"
        )
    if changed:
        raise UserError(
            f"{some_of(changed, 5)} changed after being scored into OUTPUT. Restore the original "
            "content, or score everything again into another OUTPUT"
        )
    partly = partly_scored(units)
    return tuple(file for url, file in by_url.items() if url not in scored or url in partly)


def _rewritten(table: Snapshot, lost: Sequence[str], scored: int, now: Collection[str]) -> str:
    """Return why a dataset cannot be resumed on a later snapshot, which lacks scored files."""
    kept = scored - len(lost)
    return (
        f"{counted(len(lost), 'file')} of the {scored:,} that OUTPUT has the scores of are no "
        f"longer in {table.what}, or have other deleted rows, as after compaction, updates and "
        f"deletes (for example {lost[0]}); {counted(len(now) - kept, 'file')} of the snapshot are "
        "not in OUTPUT. To bring OUTPUT up to date, use --follow: it scores the new files, and "
        "withdraws the units of those that are gone"
    )


def outdated(unit: CommittedUnit, files: Mapping[str, SourceFile]) -> bool:
    """Return whether a file of a unit is gone or was rewritten. `files`: those of INPUT by URL."""
    return any(
        source["path"] not in files or not same_rows(files[source["path"]], source)
        for source in unit.sources
    )


def same_rows(file: SourceFile, source: Mapping[str, Any]) -> bool:
    """Return whether a file still has the rows that a unit's record names."""
    then = source["size"], source["tag"], source.get("deletes", "")
    return then == (file.size, file.tag, file.deletes)


def partly_scored(units: Iterable[CommittedUnit]) -> dict[str, list[tuple[int, int]]]:
    """Return the rows that are scored (from, to) of each file of which some rows are not."""
    parts: dict[str, list[tuple[int, int]]] = {}
    left: dict[str, int] = {}
    for unit in units:
        for source in unit.sources:
            if "start" in source:
                url, span = source["path"], (source["start"], source["stop"])
                parts.setdefault(url, []).append(span)
                left[url] = left.get(url, source["file_rows"]) - (span[1] - span[0])
    return {url: spans for url, spans in parts.items() if left[url]}


def outgrown(unit: CommittedUnit, begun_with: int | None, limit: int | None) -> bool:
    """Return whether a unit lacks rows of its sources because the --limit was smaller before.

    `begun_with`: the --limit with which the dataset was started, which is the one of all units
    that do not record it.
    """
    cut_at = begun_with if unit.cut_at == UNRECORDED else unit.cut_at
    return cut_at is not None and (limit is None or limit > cut_at)
