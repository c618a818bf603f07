"""Find the files of INPUT, and the rows in them, that no committed unit contains. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from semscore.jobs.dataset.listing import SourceFile
from semscore.jobs.ledger.committed import UNRECORDED, CommittedUnit
from semscore.udfs.errors import UserError, some_of


def owed(files: Iterable[SourceFile], units: Sequence[CommittedUnit]) -> tuple[SourceFile, ...]:
    """Return the files that are not, or only partly, scored yet, in their order.

    Raises UserError if a scored file has changed since or is missing, because its rows in the
    output are then no longer those of INPUT.
    """
    by_url = {file.url: file for file in files}
    scored = {source["path"]: source for unit in units for source in unit.sources}
    missing = sorted(scored.keys() - by_url.keys())
    if missing:
        raise UserError(
            f"INPUT no longer has {some_of(missing, 5)}, although OUTPUT has the scores. Restore "
            "what is missing, or score everything again into another OUTPUT"
        )
    changed = [
        path
        for path, source in sorted(scored.items())
        if (source["size"], source["tag"]) != (by_url[path].size, by_url[path].tag)
    ]
    if changed:
        raise UserError(
            f"{some_of(changed, 5)} changed after being scored into OUTPUT. Restore the original "
            "content, or score everything again into another OUTPUT"
        )
    partly = partly_scored(units)
    return tuple(file for url, file in by_url.items() if url not in scored or url in partly)


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
