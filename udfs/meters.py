"""Counts and timings of a task, and the accumulator that returns them to the driver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from operator import add
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyspark.accumulators import AccumulatorParam

from semscore.udfs.statuses import BLANK, NULL

SCORE_BINS = 40  # of cosine, from -1 to 1
TOKEN_BINS = 16  # bin k: 2^k to 2^(k+1) - 1 tokens
PEAK = "peak_"  # names of figures that are combined by taking the maximum


class Worker(NamedTuple):
    """A Python worker: the parts of its label."""

    host: str
    process: str
    device: str  # cpu, mps, gpu:0
    backend: str


def worker_of(label: str) -> Worker:
    """Return the worker that a label describes."""
    return Worker(*label.split(" "))


def token_range(place: int) -> str:
    """Return the range of lengths that a bin holds, for display: `64 to 127`."""
    return f"{2**place:,} to {2 ** (place + 1) - 1:,}"


@dataclass
class Meters:
    """What some tasks counted. `a + b` adds counts and seconds and takes the maximum of peaks."""

    rows: int = 0  # rows that were scored or embedded
    texts: int = 0  # texts in pairs with two usable texts; these pairs, if the model takes pairs
    distinct_texts: int = 0  # those that the model was run on
    stored_texts: int = 0  # distinct ones whose vectors were in a store
    tokens: int = 0  # of distinct texts
    padded_tokens: int = 0  # tokens that the model read, with padding
    batches: int = 0  # forward passes
    oom_retries: int = 0  # batches that were halved because memory ran out
    load_s: float = 0.0  # loading the model
    read_s: float = 0.0  # reading rows, in a thread of its own
    tokenize_s: float = 0.0  # tokenising, in that thread
    wait_input_s: float = 0.0  # waiting for that thread
    forward_s: float = 0.0  # running the model
    compare_s: float = 0.0  # comparing vectors
    emit_s: float = 0.0  # handing results to Spark
    peak_rss_bytes: int = 0  # most memory of a worker
    peak_device_bytes: int = 0  # most memory of a GPU that a worker used
    statuses: Counter[str] = field(default_factory=Counter)
    workers: dict[str, Counter[str]] = field(default_factory=dict)  # label -> this worker's sums
    hardware: Counter[str] = field(default_factory=Counter)  # name of the hardware -> rows
    score_hist: Counter[int] = field(default_factory=Counter)  # bin -> rows
    token_hist: Counter[int] = field(default_factory=Counter)  # bin -> distinct texts
    notes: Counter[str] = field(default_factory=Counter)  # message for the user -> tasks

    def __add__(self, other: Meters) -> Meters:
        """Return the sum as a new value."""
        return Meters(
            **{
                f.name: _adder(f.name)(getattr(self, f.name), getattr(other, f.name))
                for f in fields(self)
            }
        )

    def figures(self) -> dict[str, float]:
        """Return all plain numbers (counts, seconds, bytes) by name."""
        return {
            f.name: value
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), int | float)
        }

    def assign(self, label: str, hardware: str) -> None:
        """Attribute everything counted so far to one worker and its hardware."""
        sums = {name: value for name, value in self.figures().items() if not _is_peak(name)}
        self.workers, self.hardware = {label: Counter(sums)}, Counter({hardware: self.rows})

    def count(
        self,
        score: NDArray[np.float32],
        status: NDArray[np.object_],
        token_lengths: NDArray[np.int64],
        texts: int,
        bounded: bool = True,
    ) -> None:
        """Add n rows: scores (n,), statuses (n,), token lengths of their distinct texts (m,).

        `texts` is the number of usable texts in these rows, or of usable pairs if the model takes
        pairs. Scores go into the histogram only if they are `bounded`, because its bins run from -1
        to 1.
        """
        self.rows += len(score)
        self.statuses.update(status.tolist())
        self._count_items(texts, token_lengths)
        if bounded:
            scored = score[~np.isnan(score)]
            bins = np.clip((scored + 1) * (SCORE_BINS / 2), 0, SCORE_BINS - 1).astype(int)
            _add(self.score_hist, bins)

    def count_texts(
        self, statuses: Sequence[NDArray[np.object_]], token_lengths: NDArray[np.int64]
    ) -> None:
        """Add n rows with k texts each: k statuses (n,), token lengths of the distinct texts (m,).

        A row counts k times in `statuses`.
        """
        self.rows += len(statuses[0])
        for status in statuses:
            self.statuses.update(status.tolist())
        usable = sum(int(np.isin(status, (NULL, BLANK), invert=True).sum()) for status in statuses)
        self._count_items(usable, token_lengths)

    def _count_items(self, items: int, token_lengths: NDArray[np.int64]) -> None:
        self.texts += items
        self.distinct_texts += len(token_lengths)
        bins = np.log2(np.maximum(token_lengths, 1)).astype(int).clip(max=TOKEN_BINS - 1)
        _add(self.token_hist, bins)


def _is_peak(name: str) -> bool:
    return name.startswith(PEAK)


def _adder(name: str) -> Callable[[Any, Any], Any]:
    return max if _is_peak(name) else _merged if name == "workers" else add


def _merged(a: dict[str, Counter[str]], b: dict[str, Counter[str]]) -> dict[str, Counter[str]]:
    """Add up the sums of each worker, as new values."""
    return {
        label: a.get(label, Counter()) + b.get(label, Counter())
        for label in dict.fromkeys([*a, *b])
    }


def _add(histogram: Counter[int], bins: NDArray[np.int64]) -> None:
    counts = np.bincount(bins)
    histogram.update({place: int(counts[place]) for place in np.flatnonzero(counts).tolist()})


class MetersParam(AccumulatorParam[Meters]):
    """An accumulator type with which Spark adds up meters.

    Use it as `sc.accumulator(Meters(), MetersParam())`.
    """

    def zero(self, value: Meters) -> Meters:  # noqa: ARG002 - Spark's signature
        """Return meters with nothing counted."""
        return Meters()

    def addInPlace(self, value1: Meters, value2: Meters) -> Meters:  # noqa: N802 - Spark's name
        """Return the sum of both."""
        return value1 + value2
