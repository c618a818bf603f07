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
        return Verdict(question, f"Not finished ({audit.state}): {rows}.", "bad")
    chosen = [f"--{name} {getattr(audit, name)}" for name in ("where", "limit")]
    chosen = [words for words in chosen if not words.endswith(" None")]
    told = f"{audit.rows_in:,} rows in, {audit.rows_out:,} rows out"
    told += f" ({' '.join(chosen)})" if chosen else ", counted in the files"
    errors = audit.statuses.get("error", 0)
    told += f"; the model failed on {errors:,} rows" if errors else "; the model failed on none"
    if audit.skipped:
        told += f"; {len(audit.skipped)} unreadable files left out"
    if facts.gold:
        told += f"; rank correlation with {facts.gold.column}: {facts.gold.spearman:.3f}"
    cut = audit.share("truncated")
    if cut > MUCH_TRUNCATED:
        told += f"; {cut:.1%} are scored on their texts' beginnings only"
    if errors or audit.skipped or cut > MUCH_TRUNCATED:
        return Verdict(question, f"Yes, but see: {told}.", "fair")
    return Verdict(question, f"Yes: {told}.", "good")


def _fast(facts: Facts) -> Verdict:
    speed, busy = facts.speed, facts.spent.share("forward")
    told = (
        f"{speed.pairs_per_s:,.0f} pairs and {speed.tokens_per_s:,.0f} tokens a second on "
        f"{', '.join(facts.what.hardware) or 'unknown hardware'}; workers ran the model {busy:.0%} "
        "of their time"
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
    hours = f"{cost.host_hours:,.2f} host-hours"
    if cost.cost is None or cost.per_million_pairs is None:
        return Verdict(
            question, f"{hours}; --price, of a host per hour, says what that is.", "fair"
        )
    return Verdict(
        question,
        f"{cost.cost:,.3g}, or {cost.per_million_pairs:,.3g} per million pairs ({hours} at "
        f"{cost.price:,.3g}; what a job waits for its hosts is not in it).",
        "good",
    )


def _of_rows(facts: Facts) -> Iterator[str]:
    audit = facts.audit
    if audit.failed:
        yield (
            f"Units were set aside ({audit.failed[0]['reason']}): mend that, then --mode resume "
            "scores them."
        )
    elif audit.state != "complete":
        yield "Go on with the same command and --mode resume; what is scored stays."
    if errors := audit.statuses.get("error", 0):
        yield f"Look at the {errors:,} rows of status error below: the model fails on each alone."
    cut = audit.share("truncated")
    if cut > MUCH_TRUNCATED:
        yield (
            f"In {cut:.1%} of the pairs a text is longer than the model reads: a higher "
            "--max-seq-length, if the model has more positions, or texts split beforehand."
        )
    empty = audit.share("null") + audit.share("blank")
    if empty > MUCH_EMPTY:
        yield f"{empty:.1%} of the rows have no text in a column: are --text1 and --text2 right?"


def _of_time(facts: Facts) -> Iterator[str]:
    time = facts.spent
    if facts.speed.scoring_s < SHORT_S:
        yield (
            "This run was short: starting Spark and loading the model weigh more than they would "
            "in a long one, so its speed says little."
        )
        return
    on_gpu = any(worker.device.startswith("gpu") for worker in time.workers)
    for step, fix in (
        (
            "idle",
            "fewer hosts, or INPUT in more and smaller files, so that each worker always has a "
            "task",
        ),
        ("load", "fewer and longer tasks, and spark.python.worker.reuse left on"),
        (
            "tokenize",
            "hosts with more CPU cores per GPU, or --workers-per-gpu one higher"
            if on_gpu
            else "fewer workers on each core",
        ),
        ("read", "INPUT nearer, in larger files with row groups of 50 to 200 MB and zstd"),
        ("write", "fewer columns with --keep, and OUTPUT on faster storage"),
    ):
        if time.share(step) > WASTED:
            yield f"{time.share(step):.0%} of the workers' time went into {STEPS[step]}: {fix}."
    if time.limit == "forward" and time.share("forward") >= BUSY:
        yield from _of_model(facts, on_gpu)


def _of_model(facts: Facts, on_gpu: bool) -> Iterator[str]:
    if facts.what.recipe["precision"] == "float32":
        yield "Scores within 0.01 of these come faster with --precision auto."
    elif not on_gpu and all(worker.backend == "torch" for worker in facts.spent.workers):
        yield "On CPUs, pip install 'semscore[openvino]' makes the same model about twice as fast."
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
