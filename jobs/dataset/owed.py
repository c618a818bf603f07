"""What a dataset still lacks: the files of INPUT that no committed unit has. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from semscore.jobs.dataset.listing import SourceFile
from semscore.jobs.ledger.ledger import UnitRecord
from semscore.udfs.errors import UserError, some_of


def owed(files: Iterable[SourceFile], records: Iterable[UnitRecord]) -> tuple[SourceFile, ...]:
    """The files that are not scored yet, in their order.

    Raises UserError if one that is scored has changed since, or is gone: its rows in the output are
    no longer those of INPUT.
    """
    given = {file.url: file for file in files}
    scored = {source["path"]: source for record in records for source in record.sources}
    gone = sorted(scored.keys() - given.keys())
    if gone:
        raise UserError(
            f"INPUT has no longer {some_of(gone, 5)}, which OUTPUT has scored. Put back what is "
            "missing, or score anew into another OUTPUT"
        )
    changed = [
        path
        for path, source in sorted(scored.items())
        if (source["size"], source["tag"]) != (given[path].size, given[path].tag)
    ]
    if changed:
        raise UserError(
            f"{some_of(changed, 5)} changed since OUTPUT scored it. Put back what was there, or "
            "score anew into another OUTPUT"
        )
    return tuple(file for url, file in given.items() if url not in scored)
