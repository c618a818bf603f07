"""Answer the reader's questions in sentences, and advise what to change. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from semscore.jobs.failures.wording import counted
from semscore.jobs.gold.agreement import Gold
from semscore.jobs.gold.curve import BEST, Curve
from semscore.jobs.reporting.facts import Facts
from semscore.jobs.reporting.spent import STEPS

Level = Literal["good", "fair", "bad"]

# Shares of the workers' time.
BUSY, HALF_BUSY = 0.7, 0.4  # spent running the model
WASTED = 0.15  # spent in any other step; above this, the report advises on it
SHORT_S = 120.0  # in a shorter run, the start weighs more than the work
MUCH_TRUNCATED, MUCH_EMPTY, MUCH_PADDED = 0.01, 0.05, 0.25
PRECISE = "precision 0.95"  # the aim that is named besides the best F1
FOLLOWS = 0.2  # smallest rank correlation at which scores count as following labels


@dataclass(frozen=True)
class Verdict:
    """A question about the run, with its answer."""

    question: str
    answer: str
    level: Level


def verdicts(facts: Facts) -> list[Verdict]:
    """Answer: Is it complete? Was it fast? What limited it? What did it cost?

    With labels also: Do the scores agree with them? Which threshold?
    """
    agrees = [_agrees(facts.gold)] if facts.gold else []
    if facts.gold and facts.gold.curve:
        agrees.append(_threshold(facts.gold.curve))
    return [_complete(facts), *agrees, _fast(facts), _limit(facts), _cost(facts)]


def advice(facts: Facts) -> list[str]:
    """Return what to change, the most important first. Never empty."""
    sentences = [sentence for rule in (_of_rows, _of_time, _of_texts) for sentence in rule(facts)]
    return sentences or ["Nothing stands out. Keep these settings."]


def _complete(facts: Facts) -> Verdict:
    audit, question = facts.audit, "Is it complete?"
    if audit.state != "complete":
        rows = (
            f"{audit.rows_out:,} of {counted(audit.rows_total, 'row')}"
            if audit.rows_total
            else counted(audit.rows_out, "row")
        )
        reason = f" Reason: {audit.reason}" if audit.reason else ""
        return Verdict(question, f"No ({audit.state}): {rows} scored.{reason}", "bad")
    assert audit.rows_in is not None  # a complete dataset has been audited
    options = {"--where": audit.where, "--limit": audit.limit}
    chosen = [f"{option} {value}" for option, value in options.items() if value is not None]
    answer = f"{counted(audit.rows_in, 'row')} in, {counted(audit.rows_out, 'row')} out"
    answer += f" ({' '.join(chosen)})" if chosen else ", counted in the files"
    errors, cut = audit.statuses.get("error", 0), audit.share("truncated")
    answer += f"; the model failed on {counted(errors, 'row') if errors else 'no row'}"
    if audit.skipped:
        answer += f"; {counted(len(audit.skipped), 'unreadable file')} set aside"
    if cut > MUCH_TRUNCATED:
        answer += f"; in {cut:.1%} of the rows a text was truncated"
    odd = errors or audit.skipped or cut > MUCH_TRUNCATED
    return Verdict(question, f"Yes: {answer}.", "fair" if odd else "good")


def _agrees(gold: Gold) -> Verdict:
    question, rank = f"Do the scores agree with {gold.column}?", gold.spearman
    if rank is None:
        return Verdict(question, f"Unknown: {gold.reason}.", "fair")
    agree = "Yes" if rank >= FOLLOWS else "Hardly"
    level: Level = "good" if rank >= FOLLOWS else "fair"
    answer = f"{agree}: rank correlation {rank:.3f} over {counted(gold.used, 'labelled pair')}"
    if gold.curve:
        by_chance = gold.curve.similar / gold.curve.pairs
        answer += (
            f", average precision {gold.curve.average_precision:.3f} ({by_chance:.3f} by chance)"
        )
    more = f" {gold.no_curve[:1].upper()}{gold.no_curve[1:]}." if gold.no_curve else ""
    return Verdict(question, f"{answer}.{more}", level)


def _threshold(curve: Curve) -> Verdict:
    best, *_ = (choice for choice in curve.choices if choice.aim == BEST)
    answer = (
        f"{best.threshold:.10g} has the best F1, {best.f1:.3f}: precision {best.precision:.3f}, "
        f"recall {best.recall:.3f}."
    )
    precise = [choice for choice in curve.choices if choice.aim == PRECISE]
    if precise and precise[0].threshold > best.threshold:
        answer += (
            f" From {precise[0].threshold:.10g} on, precision is {precise[0].precision:.3f} and "
            f"recall {precise[0].recall:.3f}."
        )
    return Verdict("Which threshold?", answer, "good")


def _fast(facts: Facts) -> Verdict:
    speed, busy = facts.speed, facts.spent.share("forward")
    each = ", each" if facts.what.slots > 1 else ""
    rates = (
        f"{speed.pairs_per_s:,.0f} {facts.what.rows} and {speed.tokens_per_s:,.0f} tokens per "
        "second with "
        f"{counted(facts.what.slots, 'parallel worker')}{each} on "
        f"{' or '.join(facts.what.hardware) or 'unknown hardware'}; workers spent {busy:.0%} of "
        "their time running the model"
    )
    if speed.scoring_s < SHORT_S:
        return Verdict("Was it fast?", f"Too short to judge: {rates}.", "fair")
    level: Level = "good" if busy >= BUSY else "fair" if busy >= HALF_BUSY else "bad"
    opinion = {"good": "Yes, for this hardware", "fair": "It could be faster", "bad": "No"}[level]
    return Verdict("Was it fast?", f"{opinion}: {rates}.", level)


def _limit(facts: Facts) -> Verdict:
    step = facts.spent.limit
    answer = f"{STEPS[step].capitalize()}: {facts.spent.share(step):.0%} of the workers' time"
    level: Level = "good" if step == "forward" else "fair"
    return Verdict("What limited it?", f"{answer}.", level)


def _cost(facts: Facts) -> Verdict:
    cost, question = facts.cost, "What did it cost?"
    hours = f"{cost.host_hours:,.3f} host-hours"
    if cost.cost is None or cost.per_million_pairs is None:
        answer = f"{hours}. To see the cost, give --price, the price of one host per hour."
        return Verdict(question, answer, "fair")
    return Verdict(
        question,
        f"{money(cost.cost)}, or {money(cost.per_million_pairs)} per million {facts.what.rows}: "
        f"{hours} at {cost.price:,g} each. The time to start hosts, and Spark on them, is not "
        "counted.",
        "good",
    )


def money(amount: float) -> str:
    """Format an amount: two decimals, or three significant digits below 1."""
    return f"{amount:,.2f}" if amount >= 1 else f"{amount:,.3g}"


def _of_rows(facts: Facts) -> Iterator[str]:
    audit = facts.audit
    errors, cut = audit.statuses.get("error", 0), audit.share("truncated")
    if audit.failed:
        yield (
            f"Some units were set aside ({audit.failed[0]['reason']}). Fix the cause, then score "
            "them with --mode resume."
        )
    elif audit.state == "stopped":
        yield "To continue, run the same command with --mode resume. Scored rows are kept."
    elif audit.state == "failed":
        yield (
            "Fix the cause that is named above, then continue with --mode resume. Scored rows are "
            "kept."
        )
    if errors:
        yield (
            f"Look at the rows with status error ({errors:,}): the model failed on each of them "
            "alone. To accept such rows, raise --max-error-rate."
        )
    if cut > MUCH_TRUNCATED:
        yield (
            f"In {cut:.1%} of the {facts.what.rows}, a text is longer than the model reads. Raise "
            "--max-seq-length if the model has more positions, or split the texts beforehand."
        )
    empty = audit.share("null") + audit.share("blank")
    if empty > MUCH_EMPTY:
        yield f"{empty:.1%} of the rows have a column without text. Check --text1 and --text2."


def _of_time(facts: Facts) -> Iterator[str]:
    time, short = facts.spent, facts.speed.scoring_s < SHORT_S
    if short:
        yield (
            "In such a short run, the start and the end, when some workers have no task, weigh "
            "more than in a long run. Judge the speed by a run with more rows."
        )
    on_gpu = any(worker.device.startswith("gpu") for worker in time.workers)
    fewer = "fewer hosts, or " if facts.what.hosts > 1 else ""
    steps = {
        "idle": "there are few tasks, because there are few rows"
        if short
        else f"use {fewer}more and smaller files in INPUT, so that each worker has a task",
        "load": "make tasks fewer and longer, and leave spark.python.worker.reuse on",
        "tokenize": "use hosts with more CPU cores per GPU, or raise --workers-per-gpu by one"
        if on_gpu
        else "run fewer workers on each core",
        "read": "move INPUT nearer; use larger files with row groups of 50 to 200 MB and zstd",
        "write": "write fewer columns (--keep), and put OUTPUT on faster storage",
    }
    for step, fix in steps.items():
        if time.share(step) > WASTED:
            yield f"Workers spent {time.share(step):.0%} of their time {STEPS[step]}: {fix}."
    if time.limit == "forward" and time.share("forward") >= BUSY and not short:
        yield from _of_model(facts, on_gpu)


def _of_model(facts: Facts, on_gpu: bool) -> Iterator[str]:
    if facts.what.asked_precision == "float32":
        yield "With --precision auto, scoring is faster and scores are within 0.01 of these."
    elif not on_gpu and all(worker.backend == "torch" for worker in facts.spent.workers):
        yield (
            "On CPUs, most models run about twice as fast with OpenVINO. Unless you chose torch, "
            "run pip install 'semscore[openvino]'."
        )
    else:
        yield (
            "The model itself is the limit, as it should be. Only other hardware, more of it, or a "
            "smaller model is faster."
        )


def _of_texts(facts: Facts) -> Iterator[str]:
    if facts.texts.oom_retries:
        yield "A device ran out of memory and had to retry. A smaller --token-budget avoids that."
    if facts.texts.padding > MUCH_PADDED:
        yield (
            f"{facts.texts.padding:.0%} of what the model read was padding. With a "
            "larger --window-rows, more texts of similar length are batched together."
        )
