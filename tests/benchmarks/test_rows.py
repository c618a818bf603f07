"""Rows that are kept, so that a run that was stopped continues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.cells import Key
from benchmarks.rows import Mixed, Rows

MACHINE = {"cpu": "a cpu", "cores": 2, "flags": ["avx2"], "memory_gb": 8.0}
KEY = Key("minilm", "en", "daft_udf", 0)


def row(key: Key, **more: Any) -> dict[str, Any]:
    return key._asdict() | {"versions": {"torch": "2.13.0"}} | more


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.json"


def test_rows_are_there_after_a_restart(path: Path) -> None:
    before = Rows(path, MACHINE)
    before.limits["minilm"] = {"float32": {"kernel": "a kernel", "gflops": 100}}
    before.add(row(KEY, large={"wall_s": 1.5}))
    after = Rows(path, MACHINE)
    found = after.get(KEY)
    assert found and found["large"] == {"wall_s": 1.5}
    assert after.get(KEY._replace(round=1)) is None
    assert after.get(KEY._replace(contender="daft_udf:bfloat16")) is None
    assert after.limits == before.limits


def test_a_row_that_failed_is_measured_again(path: Path) -> None:
    rows = Rows(path, MACHINE)
    rows.add(row(KEY, error="exit code 1"))
    assert rows.get(KEY) is None
    rows.add(row(KEY, large={}))
    assert [found for found in rows.all if "error" in found] == []
    assert rows.get(KEY)


def test_limits_are_the_best_of_all_runs(path: Path) -> None:
    slow, fast = {"kernel": "a", "gflops": 75.0}, {"kernel": "b", "gflops": 200.0}
    rows = Rows(path, MACHINE)
    rows.add_limits("minilm", {"float32": slow, "int8": fast})
    rows.add_limits("minilm", {"float32": fast, "int8": slow})
    assert Rows(path, MACHINE).limits == {"minilm": {"float32": fast, "int8": fast}}


def test_dropped_rows_are_measured_again(path: Path) -> None:
    rows = Rows(path, MACHINE)
    other = KEY._replace(round=1)
    rows.add(row(KEY))
    rows.add(row(other))
    rows.drop([KEY])
    assert rows.get(KEY) is None
    assert rows.get(other)


def test_another_processor_is_refused(path: Path) -> None:
    Rows(path, MACHINE).add(row(KEY))
    with pytest.raises(Mixed, match=r"another machine \(flags was \['avx2'\], now \[\]\)"):
        Rows(path, MACHINE | {"flags": []})
    Rows(path, MACHINE | {"memory_gb": 16.0})


def test_other_versions_are_refused(path: Path) -> None:
    rows = Rows(path, MACHINE)
    rows.add(row(KEY))
    rows.add(row(KEY._replace(contender="semscore:int8")))
    rows.check_versions(lambda _: {"torch": "2.13.0"})
    expected = (
        "torch was 2.13.0, now 2.14.0, daft was absent, now 0.7. Measure these rows again with "
        "--again --only daft_udf, or"
    )
    now = {"daft_udf": {"torch": "2.14.0", "daft": "0.7"}, "semscore:int8": {"torch": "2.13.0"}}
    with pytest.raises(Mixed, match=expected):
        rows.check_versions(now.__getitem__)


def test_rows_that_are_measured_again_may_have_other_versions(path: Path) -> None:
    rows = Rows(path, MACHINE)
    rows.add(row(KEY))
    rows.drop([KEY])
    rows.check_versions(lambda _: {"torch": "2.14.0"})
