"""Find the files of INPUT that no committed unit contains. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from semscore.jobs.dataset.listing import SourceFile
from semscore.jobs.ledger.ledger import UnitRecord
from semscore.udfs.errors import UserError, some_of


def owed(files: Iterable[SourceFile], records: Iterable[UnitRecord]) -> tuple[SourceFile, ...]:
    """Return the files that are not scored yet, in their order.

    Raises UserError if a scored file has changed since or is missing, because its rows in the
    output are then no longer those of INPUT.
    """
    by_url = {file.url: file for file in files}
    scored = {source["path"]: source for record in records for source in record.sources}
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
    return tuple(file for url, file in by_url.items() if url not in scored)
