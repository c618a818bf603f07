"""What records of runs say of hardware."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from semscore.jobs.history.achieved import (
    Calibration,
    calibrations,
    read_calibrations,
)
from semscore.jobs.ledger.committed import Committed, UnitRecord
from semscore.udfs.errors import UserError

MODEL = {"weights": 1000, "layers": 2, "hidden": 16}
RUN = {"model": MODEL, "recipe": {"precision": "bfloat16"}}
MakeRecord = Callable[..., Any]
MakeSums = Callable[..., dict[str, float]]


RECORD = UnitRecord(
    id="0" * 12,
    run="20261101T095900-00000001",
    lease=1,
    fingerprint="f",
    sources=[],
    files=[],
    rows=100,
    statuses={"ok": 100},
    started="2026-11-01T10:00:00.000+00:00",
    ended="2026-11-01T10:00:30.000+00:00",
    meters={},
    workers={},
    hist={"score": {}, "tokens": {3: 100}},
    hardware={"Some CPU, 1 thread": 100},
)


@pytest.fixture
def record() -> Callable[..., UnitRecord]:
    """A unit of 100 rows and 30 seconds, changed as asked; `workers` by label."""

    def make(**changes: Any) -> UnitRecord:
        return replace(RECORD, **changes)

    return make


@pytest.fixture
def worker_sums() -> Callable[..., dict[str, float]]:
    """What a worker counted in a unit: 50 rows, 500 tokens in 50 texts, 20 s."""

    def make(**changes: float) -> dict[str, float]:
        sums = {"rows": 50, "distinct_texts": 50, "tokens": 500, "load_s": 10.0}
        sums |= {"read_s": 0.1, "tokenize_s": 0.2, "wait_input_s": 1.0}
        return sums | {"forward_s": 18.0, "compare_s": 0.5, "emit_s": 0.5} | changes

    return make


def report(folder: Path, calibration: Any) -> str:
    path = folder / "report.json"
    path.write_text(json.dumps({"v": 1, "calibration": calibration}), "utf-8")
    return str(path)


@pytest.fixture
def found(record: MakeRecord, worker_sums: MakeSums) -> Calibration:
    labels = ("host 1 cpu openvino", "host 2 cpu openvino")
    [one] = calibrations(
        RUN, Committed([record(workers={label: worker_sums() for label in labels})]).tallies
    )
    return one


def test_the_rate_is_operations_over_wall_time_without_loading(found: Calibration) -> None:
    flop = 100 * (2 * 1000 * 10 + 4 * 2 * 16 * 10 * 10)  # 100 texts of 10 tokens
    assert (found.rows, found.distinct_texts, found.tokens) == (100, 100, 1000)
    assert found.flop == pytest.approx(flop)
    assert (found.wall_s, found.devices, found.workers) == (20.0, 2, 2)
    assert found.flop_per_s == pytest.approx(flop / 20 / 2)
    assert found.seconds["forward_s"] == 36.0
    assert (found.hardware, found.backend, found.precision) == (
        "Some CPU, 1 thread",
        "openvino",
        "bfloat16",
    )


def test_workers_that_follow_others_are_no_more_devices(
    record: MakeRecord, worker_sums: MakeSums
) -> None:
    """Two at a time over two units; the second minute has new processes."""
    units = [
        record(
            id=f"{k:012}",
            started=f"2026-11-01T10:0{k}:00+00:00",
            ended=f"2026-11-01T10:0{k + 1}:00+00:00",
            workers={f"host {2 * k + n} cpu openvino": worker_sums(forward_s=55) for n in (0, 1)},
        )
        for k in (0, 1)
    ]
    [one] = calibrations(RUN, Committed(units).tallies)
    assert (one.devices, one.workers) == (2, 4)


def test_units_with_one_task_each_at_once_use_two_devices(
    record: MakeRecord, worker_sums: MakeSums
) -> None:
    units = [
        record(workers={f"host {k} cpu openvino": worker_sums(load_s=0, forward_s=28)})
        for k in (0, 1)
    ]
    [one] = calibrations(RUN, Committed(units).tallies)
    assert one.devices == 2


def test_workers_on_one_gpu_are_one_device(record: MakeRecord, worker_sums: MakeSums) -> None:
    labels = ["a 1 gpu:0 torch", "a 2 gpu:0 torch", "a 3 gpu:1 torch", "b 1 gpu:0 torch"]
    workers = {label: worker_sums() for label in labels}
    [one] = calibrations(
        RUN, Committed([record(workers=workers, hardware={"NVIDIA A10G": 200})]).tallies
    )
    assert (one.hardware, one.devices, one.workers) == ("NVIDIA A10G", 3, 4)


def test_the_time_between_two_runs_does_not_count(
    record: MakeRecord, worker_sums: MakeSums
) -> None:
    workers = {"host 1 cpu openvino": worker_sums(load_s=0)}
    later = {"started": "2026-11-09T10:00:00+00:00", "ended": "2026-11-09T10:00:30+00:00"}
    day = record(run="20261102T095900-00000002", workers=workers, **later)
    [one] = calibrations(RUN, Committed([record(workers=workers), day]).tallies)
    assert one.wall_s == 60.0


def test_kinds_of_hardware_are_apart_and_mixed_units_are_left_out(
    record: MakeRecord, worker_sums: MakeSums
) -> None:
    one = record(workers={"a 1 cpu openvino": worker_sums()}, hardware={"X": 50})
    two = record(workers={"b 1 cpu torch": worker_sums()}, hardware={"Y": 50})
    both = record(workers={"a 1 cpu openvino": worker_sums()}, hardware={"X": 25, "Y": 25})
    nothing = record(rows=0, workers={}, hardware={})
    found = calibrations(RUN, Committed([one, both, two, nothing]).tallies)
    assert [(c.hardware, c.backend, c.rows) for c in found] == [
        ("X", "openvino", 50),
        ("Y", "torch", 50),
    ]


def test_a_model_that_multiplies_nothing_is_measured_in_tokens(
    record: MakeRecord, worker_sums: MakeSums
) -> None:
    run = RUN | {"model": {"weights": 0, "layers": 0, "hidden": 0}}
    [one] = calibrations(run, Committed([record(workers={"a 1 cpu torch": worker_sums()})]).tallies)
    assert one.flop == pytest.approx(2 * 500)


def test_a_report_gives_back_what_was_written(found: Calibration, tmp_path: Path) -> None:
    assert read_calibrations(report(tmp_path, [asdict(found)])) == [found]
    output = tmp_path / "scored"
    (output / "_semscore").mkdir(parents=True)
    report(output / "_semscore", [asdict(found)])
    assert read_calibrations(str(output)) == [found]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no json", "is not valid JSON"),
        ("[]", "has no 'calibration'"),
        ('{"rows": 3}', "has no 'calibration'"),
        ('{"calibration": []}', "has no 'calibration' list, or the list is empty"),
        ('{"calibration": [{"v": 7}]}', "has version 7, expected 1"),
        ('{"calibration": [5]}', "has version None, expected 1"),
        ('{"calibration": [{"v": 1, "hardware": "x"}]}', "or unexpected fields: backend"),
    ],
)
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(content, "utf-8")
    with pytest.raises(UserError, match=f"--past-run .*{said}.*semscore report OUTPUT"):
        read_calibrations(str(path))


def test_a_figure_that_cannot_be_is_refused(found: Calibration, tmp_path: Path) -> None:
    broken = asdict(found) | {"flop_per_s": 0}
    with pytest.raises(UserError, match="must all be numbers above 0"):
        read_calibrations(report(tmp_path, [broken]))


def test_a_report_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no no-such\.json in "):
        read_calibrations(str(tmp_path / "no-such.json"))
    with pytest.raises(UserError, match=r"there is no _semscore/report\.json in "):
        read_calibrations(str(tmp_path))
