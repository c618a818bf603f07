"""Measure one row of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from math import ceil
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

from benchmarks.cells import CORPORA, MODELS, Cell, Key, find
from benchmarks.contenders import BASELINE, is_ours, parts, versions
from benchmarks.files import first_rows, row_count
from benchmarks.flops import Counter, Work
from benchmarks.hardware import cores, moment
from benchmarks.kernels import limits
from benchmarks.pilot import START_UP, Sizes, choose, longer
from benchmarks.prepare import CALIBRATION_TEXTS, prepare
from benchmarks.rows import Row, Rows
from benchmarks.scores import reference
from benchmarks.trial import trial

OURS_FASTER = 4  # at least, than other tools; saves a second pilot
CALIBRATED = 400  # rows with enough distinct texts for a whole calibration, which takes its time
Timing = dict[str, Any]


class Failed(Exception):
    """A run of a contender failed."""


@dataclass(frozen=True)
class Options:
    """How all rows are measured."""

    suite: str = "bookworm"
    target_s: float = 22  # between the times of the two sizes
    sizes: tuple[int, int] | None = None  # without a pilot
    limit_s: float = 900  # of a run
    check_every: int = 8  # rows


class Bench:
    """What the rows of a run of the benchmark share."""

    def __init__(self, rows: Rows, options: Options) -> None:
        self._rows, self._options = rows, options
        self._prepared: set[tuple[str, str, str]] = set()
        self._grounds: dict[tuple[str, str], Ground] = {}

    def measure(self, key: Key) -> Row:
        """Return a row, with `error` in place of its timings if the contender failed."""
        ground = self._ground(key)
        row = key._asdict() | moment() | {"versions": versions(key.contender)}
        try:
            self._prepare(key, ground)
            return row | self._timings(key, ground)
        except (Failed, OSError, RuntimeError, CalledProcessError) as error:
            return row | {"error": str(error)}

    def _ground(self, key: Key) -> Ground:
        cell = key.model, key.corpus
        if cell not in self._grounds:
            self._grounds[cell] = Ground(find(key), self._options.suite)
            self._rows.add_limits(key.model, limits(self._grounds[cell].model))
        return self._grounds[cell]

    def _prepare(self, key: Key, ground: Ground) -> None:
        what = key.contender, key.model, key.corpus
        if what not in self._prepared:
            prepare(key.contender, ground.model, ground.corpus, ground.slice(START_UP))
            self._prepared.add(what)

    def _timings(self, key: Key, ground: Ground) -> dict[str, Any]:
        done: dict[int, Timing] = {}

        def seconds(rows: int) -> float:
            data = ground.slice(rows)
            options = self._options
            expected = reference(data, ground.model, key.model, options.check_every)
            done[rows] = trial(
                key.contender,
                data,
                str(ground.model),
                expected=expected,
                limit_s=options.limit_s,
            )
            if error := done[rows].get("error"):
                raise Failed(f"{rows:,} rows: {error}")
            return float(done[rows]["wall_s"])

        sizes = self._known_sizes(key) or self._pilot(key, ground, seconds)
        for rows in sizes:
            if rows not in done:
                seconds(rows)
        if not self._options.sizes:
            times = [float(done[rows]["wall_s"]) for rows in sizes]
            sizes = longer(sizes, times, self._options.target_s, ground.most)
            if sizes.large not in done:
                seconds(sizes.large)
        work = ground.work(sizes.large) - ground.work(sizes.small)
        found = {"small": done[sizes.small], "large": done[sizes.large], "work": asdict(work)}
        return found | ({"start": done[START_UP]} if START_UP in done else {})

    def _known_sizes(self, key: Key) -> Sizes | None:
        """Return the sizes that are given, or those of another round."""
        if self._options.sizes:
            return Sizes(*self._options.sizes)
        for row in self._rows.all:
            same = (row["model"], row["corpus"], row["contender"]) == key[:3]
            if same and "error" not in row:
                return Sizes(row["small"]["rows"], row["large"]["rows"])
        return None

    def _pilot(self, key: Key, ground: Ground, seconds: Callable[[int], float]) -> Sizes:
        file_rows = ground.cell.file_rows
        first, step = file_rows // 2, 1
        if is_ours(key.contender):
            first *= OURS_FASTER
        if parts(key.contender)[1] == "int8" and is_ours(key.contender):
            first = max(first, CALIBRATED)
        if key.contender == BASELINE:  # which is faster with full files, one for each core
            first = step = file_rows * cores()
        return choose(seconds, first, self._options.target_s, ground.most, step)


class Ground:
    """The model and the pairs of a cell."""

    def __init__(self, cell: Cell, suite: str) -> None:
        self.cell = cell
        self.model = MODELS[cell.model]()
        self.corpus = CORPORA[cell.corpus](suite)
        self.most = row_count(self.corpus) - CALIBRATION_TEXTS
        self._work: dict[int, Work] = {}

    def slice(self, rows: int) -> Path:
        """Return a folder with the first rows, in files of at most `file_rows`.

        Their number is a multiple of that of the cores, so that no worker waits for another.
        """
        files = cores() * ceil(rows / (self.cell.file_rows * cores()))
        return first_rows(self.corpus, rows, files)

    def work(self, rows: int) -> Work:
        """Return the work of the first rows."""
        if rows not in self._work:
            self._work[rows] = self._counter.work(self.slice(rows))
        return self._work[rows]

    @cached_property
    def _counter(self) -> Counter:
        return Counter(self.model)
