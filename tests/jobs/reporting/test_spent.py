"""Seconds by step."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from semscore.jobs.history.records import Records
from semscore.jobs.reporting.spent import STEPS, spent


def test_each_step_is_summed_and_the_rest_is_idle(records: Records) -> None:
    found = spent(records.units.workers, slot_s=40.0, scoring_s=20.0)
    assert found.seconds == pytest.approx(
        {
            "load": 2.0,
            "read": 1.0,  # of 4 s of waiting, as 2 s of reading are to 6 s of tokenising
            "tokenize": 3.0,
            "forward": 11.0,
            "compare": 1.0,
            "write": 1.0,
            "idle": 21.0,  # 2 slots for 20 s
        }
    )
    assert found.total == 40
    assert found.share("forward") == 11 / 40
    assert found.limit == "idle"
    assert found.tokenize_s == 6.0


def test_workers_are_told_apart(records: Records) -> None:
    found = spent(records.units.workers, 40.0, 20.0).workers
    assert {(w.host, w.device, w.process) for w in found} == {
        ("host-a", "cpu", "11"),
        ("host-b", "gpu:0", "12"),
    }
    assert {w.seconds["forward"] for w in found} == {5.0, 6.0}


def test_more_work_than_slots_is_not_negative_idleness(records: Records) -> None:
    assert spent(records.units.workers, slot_s=1.0, scoring_s=1.0).seconds["idle"] == 0


def test_nothing_was_done() -> None:
    found = spent({}, 0.0, 0.0)
    assert found.total == 0
    assert found.share("forward") == 0.0
    assert found.limit in STEPS


def test_waiting_without_any_tokenising_is_for_rows() -> None:
    sums: Any = Counter(wait_input_s=2.0)
    found = spent({"h 1 cpu torch": sums}, 2.0, 2.0)
    assert (found.seconds["read"], found.seconds["tokenize"]) == (2.0, 0.0)


def test_an_idle_device_comes_first() -> None:
    sums: Any = [Counter(rows=rows, forward_s=s) for rows, s in ((9, 6.0), (8, 3.0), (1, 0.5))]
    labels = ("a 1 gpu:0 torch", "a 2 gpu:0 torch", "a 3 gpu:1 torch")
    cpus: Any = {"b 4 cpu openvino": Counter(forward_s=5.0), "b 5 cpu openvino": Counter()}
    found = spent(dict(zip(labels, sums, strict=True)) | cpus, 0.0, 10.0).devices
    assert [(each.host, each.device, each.workers, each.rows, each.busy) for each in found] == [
        ("a", "gpu:1", 1, 1, 0.05),
        ("b", "cpu", 2, 0, 0.25),  # each worker has a core
        ("a", "gpu:0", 2, 17, 0.9),
    ]
