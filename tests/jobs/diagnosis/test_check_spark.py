"""Settings of Spark that do harm here."""

from __future__ import annotations

import pytest

from semscore.jobs.diagnosis.check_spark import check_gpu_conf, check_settings
from semscore.jobs.diagnosis.finding import findings

GPUS = {
    "spark.executor.resource.gpu.amount": "1",
    "spark.task.resource.gpu.amount": "1",
    "spark.executor.resource.gpu.discoveryScript": "/x",
    "spark.executor.cores": "4",
    "spark.task.cpus": "4",
}


def levels(conf: dict[str, str], master: str = "yarn") -> list[str]:
    return [one.level for one in check_settings(conf | {"spark.master": master})]


def gpu_levels(conf: dict[str, str], master: str = "yarn") -> list[str]:
    checks = {"gpu settings": lambda: check_gpu_conf(conf | {"spark.master": master}, "auto")}
    return [one.level for one in findings(checks)]


@pytest.mark.parametrize("master", ["local[*]", "yarn", "spark://h:7077", "k8s://h"])
def test_spark_as_it_comes_is_all_right(master: str) -> None:
    assert levels({}, master) == ["ok"]


@pytest.mark.parametrize(
    ("conf", "says"),
    [
        ({"spark.python.worker.reuse": "false"}, "each task loads the model again"),
        ({"spark.python.use.daemon": "False"}, "each task loads the model again"),
        ({"spark.speculation": "true"}, "computed twice"),
        ({"spark.task.maxFailures": "1"}, "one lost worker"),
        (GPUS | {"spark.dynamicAllocation.enabled": "true"}, "lose their GPU"),
        ({"spark.executor.pyspark.memory": "2g"}, "CUDA and OpenVINO reserve"),
        (
            {"spark.excludeOnFailure.enabled": "true", "spark.executor.instances": "1"},
            "with one executor",
        ),
    ],
)
def test_what_does_harm_is_told_with_what_is_better(conf: dict[str, str], says: str) -> None:
    [found] = check_settings(conf | {"spark.master": "yarn"})
    assert found.level == "warn"
    assert says in found.found
    assert found.fix


def test_what_does_no_harm_there_is_not_told() -> None:
    assert levels({"spark.dynamicAllocation.enabled": "true"}) == ["ok"]  # no GPUs
    assert levels({"spark.speculation": "true", "spark.task.maxFailures": "1"}, "local") == ["ok"]
    several = {"spark.excludeOnFailure.enabled": "true", "spark.executor.instances": "3"}
    assert levels(several) == ["ok"]


def test_gpu_settings_that_do_not_go_together_fail() -> None:
    assert gpu_levels(GPUS | {"spark.task.cpus": "1"}) == ["fail"]
    assert gpu_levels(GPUS) == ["ok"]
    assert gpu_levels({}) == ["ok"]


def test_gpu_settings_of_a_local_master_are_left_out() -> None:
    assert gpu_levels(GPUS, "local[2]") == ["warn"]
    assert gpu_levels({}, "local[2]") == []
