"""Keeping a store small, and its files few."""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict

from semscore.udfs.stores.folder import Entry, Folder
from semscore.udfs.vectors.files import as_parquet, joined, read_parquet
from semscore.udfs.vectors.store import ENDING

SMALL = 64 * 2**20  # bytes; files of fewer are merged
MERGED = 512 * 2**20  # bytes in a merged file, at most
FEW = 16  # small files, which are not worth merging

log = logging.getLogger("semscore")


def tidy(root: Folder, most_bytes: int) -> None:
    """Remove the oldest files of a store until it has at most `most_bytes`, and merge small ones.

    Workers that still use a removed file have copies of it. Raises OSError if the storage fails.
    """
    entries = [entry for entry in root.entries() if entry.path.endswith(ENDING)]
    entries = _within(root, entries, most_bytes)
    by_key = defaultdict(list)
    for entry in entries:
        if entry.size < SMALL:
            by_key[entry.path.rpartition("/")[0]].append(entry)
    for key, small in by_key.items():
        if len(small) > FEW:
            _merge(root, key, small)


def _within(root: Folder, entries: list[Entry], most_bytes: int) -> list[Entry]:
    """Remove the oldest files beyond a size, and return the others."""
    size = sum(entry.size for entry in entries)
    if size <= most_bytes:
        return entries
    by_age = sorted(entries, key=lambda entry: root.modified(entry.path))
    removed = []
    while size > most_bytes:
        removed.append(by_age.pop(0))
        size -= removed[-1].size
    root.delete([entry.path for entry in removed])
    log.info("removed the oldest %d files of the vector store %s", len(removed), root.name)
    return by_age


def _merge(root: Folder, key: str, small: list[Entry]) -> None:
    """Write larger files with the rows of small ones, and then remove these."""
    groups: list[list[Entry]] = [[]]
    for entry in small:
        if sum(other.size for other in groups[-1]) + entry.size > MERGED:
            groups.append([])
        groups[-1].append(entry)
    for group in groups:
        parts = []
        for entry in group:
            with root.open(entry) as file:
                parts.append(read_parquet(file))
        root.write(f"{key}/{uuid.uuid4().hex}{ENDING}", as_parquet(joined(parts)))
        root.delete([entry.path for entry in group])
