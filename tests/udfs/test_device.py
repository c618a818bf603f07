"""The device is what Spark gave the task."""

from types import SimpleNamespace
from typing import Any

import pytest

from semscore.udfs.device import task_cpus, task_device


def task(gpus: list[str] | None = None, cpus: int = 1) -> Any:
    resources = {} if gpus is None else {"gpu": SimpleNamespace(name="gpu", addresses=gpus)}
    return SimpleNamespace(resources=lambda: resources, cpus=lambda: cpus)


@pytest.mark.parametrize(
    ("wish", "context", "expected"),
    [
        ("auto", None, "cpu"),
        ("auto", task(), "cpu"),
        ("auto", task(["3"]), "cuda:3"),
        ("auto", task(["2", "0"]), "cuda:2"),
        ("cpu", task(["3"]), "cpu"),
        ("cpu", None, "cpu"),
    ],
)
def test_a_task_computes_where_spark_put_it(wish: Any, context: Any, expected: str) -> None:
    assert task_device(wish, context) == expected


def test_cores_are_those_of_the_task() -> None:
    assert task_cpus(task(cpus=4)) == 4
    assert task_cpus(None) == 1
