"""The five questions that a reader has, answered in sentences, and what to change. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from semscore.jobs.reporting.facts import Facts
from semscore.jobs.reporting.spent import STEPS

Level = Literal["good", "fair", "bad"]

# Shares of the workers' time.
BUSY, HALF_BUSY = 0.7, 0.4  # of running the model
WASTED = 0.15  # of any other step, worth a sentence
SHORT_S = 120.0  # in less, a run's start weighs more than its work
MUCH_TRUNCATED, MUCH_EMPTY, MUCH_PADDED = 0.01, 0.05, 0.25
FOLLOWS = 0.2  # least rank correlation of scores that follow grades at all


@dataclass(frozen=True)
class Verdict:
    """An answer for people who read nothing else."""

    question: str
    answer: str
    level: Level


def verdicts(facts: Facts) -> list[Verdict]:
    """Was it right, was it fast, what limited it, what did it cost."""
    return [_right(facts), _fast(facts), _limit(facts), _cost(facts)]


def advice(facts: Facts) -> list[str]:
    """What to change, the weightiest first; never empty."""
    found = [sentence for rule in (_of_rows, _of_time, _of_texts) for sentence in rule(facts)]
    return found or ["Nothing stands out: keep these settings."]


def _right(facts: Facts) -> Verdict:
    audit, question = facts.audit, "Was it right?"
    if audit.state != "complete":
        of = f" of {audit.rows_total:,}" if audit.rows_total else ""
        rows = f"{audit.rows_out:,}{of} rows are scored"
        why = f" {audit.reason}" if audit.reason else ""
        return Verdict(question, f"Not finished ({audit.state}): {rows}.{why}", "bad")
    given = {"--where": audit.where, "--limit": audit.limit}
    chosen = [f"{option} {value}" for option, value in given.items() if value is not None]
    told = f"{audit.rows_in:,} rows in, {audit.rows_out:,} rows out"
    told += f" ({' '.join(chosen)})" if chosen else ", counted in the files"
    errors, cut = audit.statuses.get("error", 0), audit.share("truncated")
    told += f"; the model failed on {errors:,} rows" if errors else "; the model failed on none"
    if audit.skipped:
        told += f"; {len(audit.skipped)} unreadable files left out"
    if cut > MUCH_TRUNCATED:
        told += f"; {cut:.1%} are scored on their texts' beginnings only"
    rank = facts.gold.spearman if facts.gold else None
    if facts.gold and rank is not None:
        follow = "the scores" if rank >= FOLLOWS else "the scores hardly"
        told += f"; {follow} follow {facts.gold.column}: rank correlation {rank:.3f}"
    against = rank is not None and rank < FOLLOWS
    odd = errors or audit.skipped or cut > MUCH_TRUNCATED or against
    return Verdict(question, f"Complete: {told}.", "fair" if odd else "good")


def _fast(facts: Facts) -> Verdict:
    speed, busy = facts.speed, facts.spent.share("forward")
    told = (
        f"{speed.pairs_per_s:,.0f} pairs and {speed.tokens_per_s:,.0f} tokens a second, on "
        f"{facts.what.slots:,} workers at once, each on "
        f"{' or '.join(facts.what.hardware) or 'unknown hardware'}; they ran the model "
        f"{busy:.0%} of their time"
    )
    if speed.scoring_s < SHORT_S:
        return Verdict("Was it fast?", f"Too short to judge: {told}.", "fair")
    level: Level = "good" if busy >= BUSY else "fair" if busy >= HALF_BUSY else "bad"
    opinion = {"good": "Yes, for this hardware", "fair": "It could be faster", "bad": "No"}[level]
    return Verdict("Was it fast?", f"{opinion}: {told}.", level)


def _limit(facts: Facts) -> Verdict:
    step = facts.spent.limit
    told = f"{STEPS[step].capitalize()}: {facts.spent.share(step):.0%} of the workers' time"
    level: Level = "good" if step == "forward" else "fair"
    return Verdict("What limited it?", f"{told}.", level)


def _cost(facts: Facts) -> Verdict:
    cost, question = facts.cost, "What did it cost?"
    hours = f"{cost.host_hours:,.3f} host-hours"
    if cost.cost is None or cost.per_million_pairs is None:
        told = f"{hours}; give --price, of a host for an hour, to see what that is."
        return Verdict(question, told, "fair")
    return Verdict(
        question,
        f"{money(cost.cost)}, which is {money(cost.per_million_pairs)} for a million pairs: "
        f"{hours} at {cost.price:,g} each. The start of hosts and of Spark on them is not counted.",
        "good",
    )


def money(amount: float) -> str:
    """Three digits at least, and cents."""
    return f"{amount:,.2f}" if amount >= 1 else f"{amount:,.3g}"


def _of_rows(facts: Facts) -> Iterator[str]:
    audit = facts.audit
    errors, cut = audit.statuses.get("error", 0), audit.share("truncated")
    if audit.failed:
        yield (
            f"Units were set aside ({audit.failed[0]['reason']}): mend that, then --mode resume "
            "scores them."
        )
    elif audit.state == "stopped":
        yield "Go on with the same command and --mode resume; what is scored stays."
    elif audit.state == "failed":
        yield "Mend what is named above, then go on with --mode resume; what is scored stays."
    if errors:
        yield (
            f"Look at the {errors:,} rows of status error: the model fails on each alone. If that "
            "may be, --max-error-rate lets a run pass."
        )
    if cut > MUCH_TRUNCATED:
        yield (
            f"In {cut:.1%} of the pairs a text is longer than the model reads: a higher "
            "--max-seq-length, if the model has more positions, or texts split beforehand."
        )
    empty = audit.share("null") + audit.share("blank")
    if empty > MUCH_EMPTY:
        yield f"{empty:.1%} of the rows have no text in a column: are --text1 and --text2 right?"


def _of_time(facts: Facts) -> Iterator[str]:
    time, short = facts.spent, facts.speed.scoring_s < SHORT_S
    if short:
        yield (
            "In so short a run its beginning and its end, when not every worker has a task, weigh "
            "more than in a long one: judge the speed by more rows."
        )
    on_gpu = any(worker.device.startswith("gpu") for worker in time.workers)
    fewer = "fewer hosts, or " if facts.what.hosts > 1 else ""
    steps = {
        "idle": "few rows make few tasks"
        if short
        else f"{fewer}INPUT in more and smaller files, so that there is a task for each worker",
        "load": "fewer and longer tasks, and spark.python.worker.reuse left on",
        "tokenize": "hosts with more CPU cores for each GPU, or --workers-per-gpu one higher"
        if on_gpu
        else "fewer workers on each core",
        "read": "INPUT nearer, in larger files with row groups of 50 to 200 MB and zstd",
        "write": "fewer columns with --keep, and OUTPUT on faster storage",
    }
    for step, fix in steps.items():
        if time.share(step) > WASTED:
            yield f"Workers spent {time.share(step):.0%} of their time {STEPS[step]}: {fix}."
    if time.limit == "forward" and time.share("forward") >= BUSY and not short:
        yield from _of_model(facts, on_gpu)


def _of_model(facts: Facts, on_gpu: bool) -> Iterator[str]:
    if facts.what.asked_precision == "float32":
        yield "Scores within 0.01 of these come faster with --precision auto."
    elif not on_gpu and all(worker.backend == "torch" for worker in facts.spent.workers):
        yield (
            "On CPUs most models run about twice as fast in OpenVINO: pip install "
            "'semscore[openvino]', unless torch was asked for."
        )
    else:
        yield (
            "The model itself is the limit, as it should be: only other hardware, more of it, or a "
            "smaller model is faster."
        )


def _of_texts(facts: Facts) -> Iterator[str]:
    if facts.texts.oom_retries:
        yield "A device ran out of memory and retried; a smaller --token-budget saves that."
    if facts.texts.padding > MUCH_PADDED:
        yield (
            f"{facts.texts.padding:.0%} of what the model read was padding: a larger "
            "--window-rows lets texts of like length meet."
        )
