"""The answers that a reader gets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from semscore.jobs.gold.curve import curve_of
from semscore.jobs.reporting.facts import Facts
from semscore.jobs.reporting.verdicts import advice, verdicts


def answers(facts: Facts) -> dict[str, tuple[str, str]]:
    return {verdict.question: (verdict.level, verdict.answer) for verdict in verdicts(facts)}


def long_run(facts: Facts, **seconds: float) -> Facts:
    """The same, but of an hour, with these seconds by step."""
    split = dict.fromkeys(facts.spent.seconds, 0.0) | seconds
    return replace(
        facts,
        speed=replace(facts.speed, scoring_s=3600.0),
        spent=replace(facts.spent, seconds=split),
    )


def audited(facts: Facts, **changes: Any) -> Facts:
    return replace(facts, audit=replace(facts.audit, **changes))


def test_all_rows_there_is_right(facts: Facts) -> None:
    level, answer = answers(facts)["Is it complete?"]
    assert level == "good"
    assert answer.startswith("Yes: 200 rows in, 200 rows out, counted in the files")


def test_grades_are_a_question_of_their_own(facts: Facts) -> None:
    assert facts.gold
    question = "Do the scores agree with grade?"
    about = "over 9 labelled pairs, average precision 1.000 (0.556 by chance)."
    assert answers(facts)[question] == ("good", f"Yes: rank correlation 1.000 {about}")
    for rank in (0.0, -0.4):
        answer = answers(replace(facts, gold=replace(facts.gold, spearman=rank)))
        assert answer[question] == ("fair", f"Hardly: rank correlation {rank:.3f} {about}")
        assert answer["Is it complete?"] == answers(facts)["Is it complete?"]
    unknown = replace(facts.gold, spearman=None, reason="all grades are equal")
    assert answers(replace(facts, gold=unknown))[question] == (
        "fair",
        "Unknown: all grades are equal.",
    )
    assert question not in answers(replace(facts, gold=None))


def test_a_threshold_is_named_if_labels_allow_it(facts: Facts) -> None:
    assert facts.gold
    assert facts.gold.curve
    assert answers(facts)["Which threshold?"] == (
        "good",
        "0.4 has the best F1, 1.000: precision 1.000, recall 1.000.",
    )
    labels = np.array([0, 1, 1, 0, 1, 1]) == 1
    scores = np.arange(6) / 10
    curve = curve_of(scores, labels, scores)
    _, answer = answers(replace(facts, gold=replace(facts.gold, curve=curve)))["Which threshold?"]
    assert answer == (
        "0.1 has the best F1, 0.889: precision 0.800, recall 1.000. From 0.4 on, precision is "
        "1.000 and recall 0.500."
    )
    without = replace(facts.gold, curve=None, no_curve="labels are missing")
    found = answers(replace(facts, gold=without))
    assert "Which threshold?" not in found
    assert found["Do the scores agree with grade?"][1].endswith("pairs. Labels are missing.")


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        (
            {"state": "failed", "rows_total": 900, "reason": "no space"},
            "bad",
            "No (failed): 200 of 900 rows scored. Reason: no space",
        ),
        ({"statuses": {"ok": 150, "error": 50}}, "fair", "the model failed on 50 rows"),
        (
            {"statuses": {"ok": 150, "truncated": 50}},
            "fair",
            "in 25.0% of the rows a text was truncated",
        ),
        ({"skipped": [{"path": "f", "reason": "r"}]}, "fair", "1 unreadable file set aside"),
        ({"where": "k > 1", "rows_in": 500}, "good", "500 rows in, 200 rows out (--where k > 1)"),
    ],
)
def test_what_is_not_right_is_said(
    facts: Facts, changes: dict[str, Any], level: str, words: str
) -> None:
    found, answer = answers(audited(facts, **changes))["Is it complete?"]
    assert found == level
    assert words in answer


def test_a_short_run_is_not_judged(facts: Facts) -> None:
    level, answer = answers(facts)["Was it fast?"]
    assert (level, answer[:18]) == ("fair", "Too short to judge")
    assert "Judge the speed by a run with more rows" in " ".join(advice(facts))
    assert "without a task" in " ".join(advice(facts))


@pytest.mark.parametrize(
    ("seconds", "level", "limit", "fix"),
    [
        ({"forward": 90, "idle": 10}, "good", "Running the model: 90%", "--precision auto"),
        ({"forward": 30, "tokenize": 70}, "bad", "Waiting for tokens: 70%", "--workers-per-gpu"),
        ({"forward": 50, "read": 50}, "fair", "", "move INPUT nearer"),
        ({"forward": 60, "idle": 40}, "fair", "", "fewer hosts"),
        ({"forward": 50, "write": 30, "load": 20}, "fair", "", "fewer columns (--keep)"),
    ],
)
def test_what_limits_is_named_and_what_helps(
    facts: Facts, seconds: dict[str, float], level: str, limit: str, fix: str
) -> None:
    found = long_run(facts, **seconds)
    assert answers(found)["Was it fast?"][0] == level
    assert limit in answers(found)["What limited it?"][1]
    assert fix in " ".join(advice(found))


def test_cost(facts: Facts) -> None:
    assert (
        "0.08, or 400.00 per million pairs: 0.022 host-hours at 3.6 each"
        in answers(facts)["What did it cost?"][1]
    )
    free = replace(facts, cost=replace(facts.cost, cost=None, per_million_pairs=None))
    assert "--price" in answers(free)["What did it cost?"][1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"failed": [{"what": "u", "reason": "broken page"}]}, "broken page"),
        ({"state": "stopped"}, "run the same command with --mode resume"),
        (
            {"state": "failed"},
            "Fix the cause that is named above, then continue with --mode resume",
        ),
        ({"statuses": {"ok": 9, "error": 191}}, "raise --max-error-rate"),
        ({"statuses": {"ok": 100, "truncated": 100}}, "--max-seq-length"),
        ({"statuses": {"ok": 100, "null": 100}}, "--text1 and --text2"),
    ],
)
def test_rows_that_want_looking_at_are_advised_on(
    facts: Facts, changes: dict[str, Any], words: str
) -> None:
    assert words in advice(audited(facts, **changes))[0]


def test_memory_and_padding(facts: Facts) -> None:
    texts = replace(facts.texts, oom_retries=1, padded=2 * facts.texts.tokens)
    found = " ".join(advice(replace(facts, texts=texts)))
    assert "--token-budget" in found
    assert "50% of what the model read was padding" in found


def test_a_run_in_work_is_not_to_be_resumed(facts: Facts) -> None:
    assert "resume" not in " ".join(advice(audited(facts, state="running")))


def test_float32_that_was_found_best_is_not_advised_against(facts: Facts) -> None:
    found = long_run(facts, forward=100.0)
    by_probe = replace(found, what=replace(found.what, asked_precision="auto"))
    assert "--precision auto" in " ".join(advice(found))
    assert "--precision auto" not in " ".join(advice(by_probe))


def test_where_nothing_stands_out_that_is_said(facts: Facts) -> None:
    found = long_run(facts, forward=60.0, idle=10.0, write=10.0, read=10.0, load=10.0)
    texts = replace(found.texts, padded=found.texts.tokens)
    assert advice(replace(found, texts=texts)) == ["Nothing stands out. Keep these settings."]
