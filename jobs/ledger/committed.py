"""The committed units of a dataset, and sums over them.

A dataset can have 100,000 units. In memory, each is kept without its measurements, which are summed
up as the records are read.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, islice, zip_longest
from sys import intern
from typing import Any, NamedTuple, overload

from semscore.jobs.ledger import packs
from semscore.udfs.meters import worker_of
from semscore.udfs.stores.folder import Entry, Folder

UNITS = "_semscore/units"
VERSION = 4  # of the records' format
READABLE = (3, 4)  # versions; units of version 3 have whole files, and no `cut_at`
UNRECORDED = -1
AT_ONCE = 1_000  # records that are in memory before they are summed up


@dataclass(frozen=True, slots=True)
class DataFile:
    """A published file."""

    path: str  # from OUTPUT
    rows: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class CommittedUnit:
    """A committed unit. Its files are published, and each row is in them once."""

    id: str  # hash of the blocks of rows that it consists of
    run: str  # id of the run that committed it
    lease: int  # number of the lease that the run held
    # path, size, tag, rows; for a part of a file also start, stop, and file_rows of the whole file
    sources: list[dict[str, Any]]
    files: list[DataFile]  # published files
    rows: int  # rows of the files
    started: str  # UTC, ISO 8601
    ended: str  # UTC, ISO 8601
    # --limit, if it left out rows of the sources; -1 in records of version 3
    cut_at: int | None = UNRECORDED

    @property
    def path(self) -> str:
        """Return the path of the record. No other run writes to the same path."""
        return f"{UNITS}/{self.id}-{self.lease}.json"


@dataclass(frozen=True, kw_only=True)
class UnitRecord(CommittedUnit):
    """The record of a unit, with what was measured while it was scored."""

    fingerprint: str  # as in run.json
    statuses: dict[str, int]  # status -> rows, or texts if texts were embedded
    meters: dict[str, Any]  # what was counted and measured
    workers: dict[str, dict[str, float]]  # "host pid device backend" -> its own meters
    hist: dict[str, dict[int, int]]  # score: bin -> pairs; tokens: bin -> distinct texts
    hardware: dict[str, int] = field(default_factory=dict)  # models of GPU or CPU -> rows
    slots: int = 0  # tasks that could run at once
    v: int = VERSION  # version of the records' format


class Kind(NamedTuple):
    """What the units of a tally have in common."""

    run: str
    hardware: tuple[str, ...]
    backends: tuple[str, ...]


@dataclass
class Tally:
    """Sums over units of one kind."""

    rows: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    meters: Counter[str] = field(default_factory=Counter)
    workers: dict[str, Counter[str]] = field(default_factory=dict)
    hist: dict[str, Counter[int]] = field(default_factory=dict)
    hardware: Counter[str] = field(default_factory=Counter)
    slots: int = 0  # the most
    most_workers: int = 0  # of a unit
    started: str = ""  # of the first unit
    ended: str = ""  # of the last unit

    def add(self, record: UnitRecord) -> None:
        """Add a unit."""
        self.rows += record.rows
        _add(self.statuses, record.statuses)
        _add(self.meters, record.meters)
        _add(self.hardware, record.hardware)
        for kept, found in ((self.workers, record.workers), (self.hist, record.hist)):
            for name, counts in found.items():
                if name not in kept:
                    kept[name] = Counter()
                _add(kept[name], counts)
        self.slots = max(self.slots, record.slots)
        self.most_workers = max(self.most_workers, len(record.workers))
        self.started = min(self.started or record.started, record.started)
        self.ended = max(self.ended, record.ended)


def _add(sums: Counter[Any], counts: Mapping[Any, Any]) -> None:
    """Add counts. Counter.update does the same in more time, which counts for 100,000 units."""
    for key, count in counts.items():
        sums[key] += count


class Committed(Sequence[CommittedUnit]):
    """Committed units, with the sums of their measurements.

    `entries`: the files of the records, as they were listed.
    """

    def __init__(self, records: Iterable[UnitRecord] = (), entries: Sequence[Entry] = ()) -> None:
        self.entries = entries
        self._units: list[CommittedUnit] = []
        self.tallies: dict[Kind, Tally] = {}
        self.rows = 0
        for record in records:
            self.add(record)
        self._units.sort(key=lambda unit: unit.path)

    def add(self, record: UnitRecord) -> None:
        """Add a unit."""
        self._units.append(_without_measurements(record))
        self.rows += record.rows
        backends = {_backend(label) for label in record.workers}
        kind = Kind(record.run, tuple(sorted(record.hardware)), tuple(sorted(backends)))
        self.tallies.setdefault(kind, Tally()).add(record)

    @overload
    def __getitem__(self, place: int) -> CommittedUnit: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[CommittedUnit]: ...
    def __getitem__(self, place: int | slice) -> CommittedUnit | Sequence[CommittedUnit]:
        return self._units[place]

    def __len__(self) -> int:
        return len(self._units)

    def __iter__(self) -> Iterator[CommittedUnit]:
        return iter(self._units)

    @property
    def files(self) -> list[DataFile]:
        """Return the published files of all units."""
        return [file for unit in self._units for file in unit.files]

    @property
    def statuses(self) -> Counter[str]:
        """Return the number of rows with each status."""
        return _sum(tally.statuses for tally in self.tallies.values())

    @property
    def meters(self) -> Counter[str]:
        """Return the sums of the meters. The sums of peaks are meaningless."""
        return _sum(tally.meters for tally in self.tallies.values())

    @property
    def hardware(self) -> Counter[str]:
        """Return the number of rows by the hardware that scored them."""
        return _sum(tally.hardware for tally in self.tallies.values())

    @property
    def workers(self) -> dict[str, Counter[str]]:
        """Return the sums of the meters of each worker ("host pid device backend")."""
        sums: dict[str, Counter[str]] = {}
        for tally in self.tallies.values():
            for label, of_worker in tally.workers.items():
                sums.setdefault(label, Counter()).update(of_worker)
        return sums

    def histogram(self, name: str) -> Counter[int]:
        """Return the sum of a histogram.

        `name`: `score` (bin -> pairs) or `tokens` (bin -> distinct texts).
        """
        return _sum(tally.hist[name] for tally in self.tallies.values() if name in tally.hist)


def read_records(output: Folder, entries: Iterable[Entry]) -> Iterator[UnitRecord]:
    """Yield the records of some units, without those that were deleted meanwhile.

    Their order is not that of the entries.
    """
    sizes = {entry.path: entry.size for entry in entries}
    if len(sizes) >= packs.SIZE:
        for content in packs.packed(output):
            record = _record(json.loads(content))
            if sizes.get(record.path) == len(content):
                del sizes[record.path]
                yield record
    paths, threads = iter(sizes), output.reads_at_once
    found = map(output.read, paths) if threads == 1 else _read_at_once(output, paths, threads)
    for content in filter(None, found):
        yield _record(json.loads(content))


def _read_at_once(output: Folder, paths: Iterator[str], threads: int) -> Iterator[bytes | None]:
    """Yield the contents of files in order."""

    def read(some: Sequence[str]) -> list[bytes | None]:
        return list(map(output.read, some))

    shares = 4 * threads  # a job for each file would cost more
    with ThreadPoolExecutor(threads) as pool:
        while some := list(islice(paths, AT_ONCE)):
            found = pool.map(read, [some[n::shares] for n in range(shares)])
            yield from chain.from_iterable(zip_longest(*found))


def _record(content: dict[str, Any]) -> UnitRecord:
    files = [DataFile(**file) for file in content["files"]]
    hist = {
        name: dict(zip(map(int, bins), bins.values(), strict=True))
        for name, bins in content["hist"].items()
    }
    return UnitRecord(**content | {"files": files, "hist": hist})


def _without_measurements(record: UnitRecord) -> CommittedUnit:
    """Return what is kept of a record in memory. Strings that units share are kept once."""
    return CommittedUnit(
        id=record.id,
        run=intern(record.run),
        lease=record.lease,
        sources=[{intern(name): fact for name, fact in one.items()} for one in record.sources],
        files=record.files,
        rows=record.rows,
        started=record.started,
        ended=record.ended,
        cut_at=record.cut_at,
    )


def _sum(counters: Iterable[Counter[Any]]) -> Counter[Any]:
    total: Counter[Any] = Counter()
    for counter in counters:
        total.update(counter)
    return total


@cache
def _backend(label: str) -> str:
    return worker_of(label).backend
