"""Compute all facts of a report from the records and a sample of the rows. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pandas as pd

from semscore.jobs.gold.agreement import Gold
from semscore.jobs.history.achieved import Calibration, calibrations
from semscore.jobs.history.records import Records, embedded
from semscore.jobs.history.timeline import (
    Rate,
    RunTime,
    Span,
    host_hours,
    rates,
    run_times,
    scoring_seconds,
    spans,
)
from semscore.jobs.reporting.looks import partition_of
from semscore.jobs.reporting.scores import (
    Bin,
    Pair,
    Partition,
    by_partition,
    counted_bins,
    pairs_to_see,
    seen_bins,
)
from semscore.jobs.reporting.spent import Spent, spent
from semscore.jobs.table_logs.snapshot import described
from semscore.udfs.meters import token_range
from semscore.udfs.models.flops import Architecture
from semscore.udfs.statuses import STATUSES

VERSION = 1
COLUMNS = ("text1", "text2", "score_column", "status_column")
SLOWEST = 10
MOST_UNITS = 200
SHOWN_FAILED = 50


@dataclass(frozen=True)
class What:
    """What was run, and on which data and hardware."""

    input: list[str]
    output: str
    columns: dict[str, str]  # text1, text2, score_column, status_column -> names
    recipe: dict[str, Any]
    fingerprint: str
    precision: str  # the reason for the precision that was used
    asked_precision: str
    model_sha256: str
    versions: dict[str, str]
    master: str
    job: dict[str, str]  # name, region and role of a SageMaker job; empty elsewhere
    hardware: list[str]
    hosts: int  # the most in any run
    slots: int  # tasks that can run at the same time: the most in any run
    runs: int  # runs that committed units
    embeds: tuple[str, ...]  # columns whose texts were embedded; empty if pairs were scored

    @property
    def rows(self) -> str:
        """Return what a row is called: "pairs", or "rows" if texts were embedded."""
        return "rows" if self.embeds else "pairs"


@dataclass(frozen=True)
class Audit:
    """Whether the dataset is complete."""

    state: str  # complete, stopped, failed, running
    reason: str | None  # why the run ended without being complete
    rows_in: int | None  # None: not complete
    rows_out: int
    rows_total: int | None  # rows of the complete dataset; None: unknown
    where: str | None
    limit: int | None
    statuses: dict[str, int]  # status -> rows; statuses without rows are left out
    files: int
    bytes: int
    skipped: list[dict[str, str]]  # path, reason: files that could not be read
    failed: list[dict[str, str]]  # what, reason: units set aside

    def share(self, status: str) -> float:
        """Return the share of all rows, or of all texts to embed, with this status, 0 to 1."""
        return self.statuses.get(status, 0) / max(sum(self.statuses.values()), 1)


@dataclass(frozen=True)
class Texts:
    """Lengths and repeats of what the model was run on: texts, or pairs if it takes pairs."""

    texts: int  # in pairs with two texts
    distinct: int  # that the model was run on
    stored: int  # whose vectors were in a store
    tokens: int  # of distinct texts
    padded: int  # tokens that the model read, with padding
    lengths: dict[int, int]  # bin k: 2^k to 2^(k+1) - 1 tokens -> distinct texts
    oom_retries: int

    @property
    def named_lengths(self) -> list[tuple[str, int]]:
        """Return (readable range of tokens, distinct texts). The last range has truncated texts."""
        last = max(self.lengths, default=0)
        return [
            (f"{2**k:,} or more" if k == last else token_range(k), n)
            for k, n in self.lengths.items()
        ]

    @property
    def repeats(self) -> float:
        """Return the share of texts that reused the embedding of an equal text nearby, 0 to 1."""
        return 1 - self.distinct / self.texts if self.texts else 0.0

    @property
    def padding(self) -> float:
        """Return the share of padding in the tokens that the model read, 0 to 1."""
        return 1 - self.tokens / self.padded if self.padded else 0.0


@dataclass(frozen=True)
class Speed:
    """How fast the runs were."""

    run_s: float  # of all runs, each from its start
    scoring_s: float  # from the first unit to the last, without pauses
    pairs_per_s: float  # over scoring_s
    tokens_per_s: float  # over scoring_s
    flop: float  # floating-point operations for distinct texts, without padding
    flop_per_s: float  # all workers together, over scoring_s
    worker_flop_per_s: float  # one worker, while it ran the model
    longest_unit_s: float  # the most work of a slot that an interruption can cost
    saved_s: float  # time that one worker would have run the model for repeats


@dataclass(frozen=True)
class Cost:
    """What the runs cost, if the price of a host is known."""

    host_hours: float
    price: float | None  # of one host, per hour
    cost: float | None
    per_million_pairs: float | None


@dataclass(frozen=True)
class Facts:
    """All facts of a report, as in report.json."""

    v: int
    what: What
    audit: Audit
    speed: Speed
    spent: Spent
    rates: list[Rate]
    slowest: list[Span]
    units: list[Span]  # empty if there are too many to draw
    texts: Texts
    rows_seen: int  # rows that were read from the output: see looks.py
    scores: list[Bin]
    scores_of_all: bool  # whether `scores` counts all rows, not only the rows that were read
    partitions: list[Partition]
    cost: Cost
    gold: Gold | None
    samples: list[Pair] | None  # None: pairs must not be shown
    calibration: list[Calibration]  # achieved speeds, for plans


def gather(
    records: Records,
    rows: pd.DataFrame,
    output: str,
    price: float | None = None,
    gold: Gold | None = None,
    samples: bool = True,
) -> Facts:
    """Compute the facts. `rows`: a sample of the output; `price`: of one host, per hour.

    `gold`: how the scores agree with labels, if there are any.
    """
    units = spans(records.units)
    runs = run_times(records.units.tallies)
    slot_s = sum(run.slots * run.scoring_s for run in runs)
    time = spent(records.units.workers, slot_s, scoring_seconds(units))
    counted = records.units.histogram("score")  # empty if scores may be beyond -1 and 1
    texts = _texts(records)
    return Facts(
        v=VERSION,
        what=_what(records, output, runs),
        audit=_audit(records),
        speed=_speed(records, texts, time.seconds["forward"], units, runs),
        spent=time,
        rates=rates(units),
        slowest=sorted(units, key=lambda unit: unit.rows_per_s)[:SLOWEST],
        units=units if len(units) <= MOST_UNITS else [],
        texts=texts,
        rows_seen=len(rows),
        scores=counted_bins(counted) if counted else seen_bins(rows),
        scores_of_all=bool(counted) or len(rows) == records.units.rows,
        partitions=by_partition(rows, _partition_rows(records)),
        cost=_cost(records, runs, price),
        gold=gold,
        samples=pairs_to_see(rows) if samples else None,
        calibration=calibrations(records.run, records.units.tallies),
    )


def _what(records: Records, output: str, runs: list[RunTime]) -> What:
    run = records.run
    return What(
        input=[described(run["snapshot"])] if run.get("snapshot") else run["input"],
        output=output,
        columns={name: run["options"]["columns"][name] for name in COLUMNS},
        recipe=run["recipe"],
        fingerprint=run["fingerprint"],
        precision=run["precision"].get("why", "as asked for"),
        asked_precision=run["precision"]["asked"],
        model_sha256=run["model_sha256"],
        versions=run["versions"],
        master=run["master"],
        job=run.get("job") or {},
        hardware=[name for name, _ in records.units.hardware.most_common()],
        hosts=max((run.hosts for run in runs), default=0),
        slots=max((run.slots for run in runs), default=0),
        runs=len(runs),
        embeds=embedded(run),
    )


def _audit(records: Records) -> Audit:
    manifest, progress = records.manifest or {}, records.progress or {}
    audit = manifest.get("audit", {})
    chosen = records.run["options"]["rows"]
    files, statuses = records.units.files, records.units.statuses
    return Audit(
        state=records.state,
        reason=progress.get("reason"),
        rows_in=audit.get("rows_in"),
        rows_out=records.units.rows,
        rows_total=progress.get("rows_total"),
        where=chosen["where"],
        limit=audit.get("limit", chosen["limit"]),
        statuses={name: statuses[name] for name in STATUSES if statuses[name]},
        files=len(files),
        bytes=sum(file.bytes for file in files),
        skipped=audit.get("skipped_files", []),
        failed=progress.get("set_aside", [])[:SHOWN_FAILED],
    )


def _texts(records: Records) -> Texts:
    meters = records.units.meters
    return Texts(
        texts=meters["texts"],
        distinct=meters["distinct_texts"],
        stored=meters["stored_texts"],
        tokens=meters["tokens"],
        padded=meters["padded_tokens"],
        lengths=dict(sorted(records.units.histogram("tokens").items())),
        oom_retries=meters["oom_retries"],
    )


def _speed(
    records: Records, texts: Texts, forward_s: float, units: list[Span], runs: list[RunTime]
) -> Speed:
    scoring_s = scoring_seconds(units)
    flop = Architecture(**records.run["model"]).flop_of(texts.lengths, texts.tokens)
    return Speed(
        run_s=sum(run.run_s for run in runs),
        scoring_s=scoring_s,
        pairs_per_s=records.units.rows / scoring_s if scoring_s else 0.0,
        tokens_per_s=texts.tokens / scoring_s if scoring_s else 0.0,
        flop=flop,
        flop_per_s=flop / scoring_s if scoring_s else 0.0,
        worker_flop_per_s=flop / forward_s if forward_s else 0.0,
        longest_unit_s=max((unit.ended_s - unit.began_s for unit in units), default=0.0),
        saved_s=forward_s * (texts.texts / texts.distinct - 1) if texts.distinct else 0.0,
    )


def _cost(records: Records, runs: list[RunTime], price: float | None) -> Cost:
    hours = host_hours(runs)
    cost = None if price is None else hours * price
    per_million = (
        None if cost is None or not records.units.rows else cost / records.units.rows * 1e6
    )
    return Cost(hours, price, cost, per_million)


def _partition_rows(records: Records) -> Counter[str]:
    rows = Counter[str]()
    for unit in records.units:
        for file in unit.files:
            rows[partition_of(file)] += file.rows
    return rows
