"""Copies of committed records, a thousand in a file, so that a later run reads few files.

    _semscore/packs/<lease>-<n>.jsonl.gz    a line for each record that this run has committed

On S3, the client takes milliseconds of CPU for each file that it reads. A pack is only a copy: the
files in units/ and the seals decide which units count. A record that is in no pack is read from its
own file.
"""

from __future__ import annotations

import gzip
import logging
import zlib
from collections.abc import Iterator
from threading import Lock

from semscore.jobs.ledger.lease import Lease
from semscore.udfs.stores.folder import Folder

HOME = "_semscore/packs"
SIZE = 1_000  # records in a pack

log = logging.getLogger("semscore")


class Packs:
    """The packs that a run writes. Threads may use it together."""

    def __init__(self, output: Folder, lease: Lease) -> None:
        self._output, self._lease = output, lease
        self._lock = Lock()
        self._waiting: list[bytes] = []
        self._written = 0

    def add(self, record: bytes) -> None:
        """Add a committed record. Writes a pack if there are enough; a failure is ignored."""
        with self._lock:
            self._waiting.append(record)
            if len(self._waiting) < SIZE:
                return
            records, self._waiting = self._waiting, []
            self._written += 1
            path = f"{HOME}/{self._lease.number}-{self._written:06}.jsonl.gz"
        try:
            self._output.write(path, gzip.compress(b"\n".join(records), compresslevel=1))
        except OSError:
            log.debug("pack not written", exc_info=True)


def packed(output: Folder) -> Iterator[bytes]:
    """Yield the records in all packs, among them such as do not count any more."""
    for entry in output.entries(HOME):
        try:
            lines = gzip.decompress(output.read(entry.path) or b"")
        except (OSError, EOFError, zlib.error):  # its records are read one by one
            log.debug("pack not read", exc_info=True)
            continue
        yield from lines.splitlines()
