"""The thresholds to choose from, as a table with notes, on the terminal and on the page. Pure."""

from __future__ import annotations

from semscore.jobs.failures.wording import counted
from semscore.jobs.gold.agreement import Gold
from semscore.jobs.gold.curve import Choice

HEADERS = ["aim", "threshold", "precision", "interval", "similar", "recall", "F1", "rows kept"]


def cells(choice: Choice) -> list[str]:
    """Return the texts of a row."""
    return [
        choice.aim,
        f"{choice.threshold:.10g}",
        f"{choice.precision:.3f}",
        f"{choice.low:.2f}–{choice.high:.2f}",
        f"{choice.similar:,} of {choice.pairs:,}",
        f"{choice.recall:.3f}",
        f"{choice.f1:.3f}",
        f"{choice.share:.1%}",
    ]


def notes(gold: Gold) -> list[str]:
    """Return what the figures are based on, in sentences."""
    curve = gold.curve
    assert curve is not None
    how = "" if gold.positive is None else f" (label of at least {gold.positive:g})"
    sentences = [
        f"From {counted(gold.used, 'labelled pair')}: {curve.similar:,} similar{how}, "
        f"{curve.different:,} different."
    ]
    if gold.used < gold.pairs:
        sentences.append(f"They are a random sample of {gold.pairs:,}.")
    unlabelled, unscored = gold.rows - gold.labelled, gold.labelled - gold.pairs
    if unlabelled or unscored:
        sentences.append(
            f"Not counted: {counted(unlabelled, 'row')} without a label, and "
            f"{counted(unscored, 'row')} with a label but without a score."
        )
    if curve.missed:
        sentences.append(f"No threshold reaches {' or '.join(curve.missed)}.")
    sentences.append(
        "Precision, with its 95% interval: the share of similar pairs among the labelled pairs at "
        f"or above the threshold. Rows kept: of {curve.scored:,} scored rows that were read, the "
        "share at or above it. For example, precision 0.95 is the threshold with the most recall "
        "among those with at least this precision, and recall 0.95 the one with the most precision "
        "among those with at least this recall."
    )
    return sentences
