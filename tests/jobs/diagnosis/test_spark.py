"""Settings of Spark that do harm here."""

from __future__ import annotations

import pytest

from semscore.jobs.diagnosis.spark import check_settings

GPUS = {
    "spark.executor.resource.gpu.amount": "1",
    "spark.task.resource.gpu.amount": "1",
    "spark.executor.resource.gpu.discoveryScript": "/x",
    "spark.executor.cores": "4",
    "spark.task.cpus": "4",
}


def levels(conf: dict[str, str], master: str = "yarn", ours: bool = True) -> list[str]:
    return [one.level for one in check_settings(conf | {"spark.master": master}, "auto", ours)]


@pytest.mark.parametrize("master", ["local[*]", "yarn", "spark://h:7077", "k8s://h"])
def test_spark_as_it_comes_is_all_right(master: str) -> None:
    assert levels({}, master) == ["ok"]


@pytest.mark.parametrize(
    ("conf", "says"),
    [
        ({"spark.python.worker.reuse": "false"}, "each task loads the model anew"),
        ({"spark.python.use.daemon": "False"}, "each task loads the model anew"),
        ({"spark.speculation": "true"}, "computed twice"),
        ({"spark.task.maxFailures": "1"}, "one lost worker"),
        (GPUS | {"spark.dynamicAllocation.enabled": "true"}, "give up their GPU"),
        ({"spark.executor.pyspark.memory": "2g"}, "CUDA and OpenVINO reserve"),
        (
            {"spark.excludeOnFailure.enabled": "true", "spark.executor.instances": "1"},
            "with one executor",
        ),
    ],
)
def test_what_does_harm_is_told_with_what_is_better(conf: dict[str, str], says: str) -> None:
    [found] = check_settings(conf | {"spark.master": "yarn"}, "auto", ours=True)
    assert found.level == "warn"
    assert says in found.found
    assert found.fix


def test_what_does_no_harm_there_is_not_told() -> None:
    assert levels({"spark.dynamicAllocation.enabled": "true"}) == ["ok"]  # no GPUs
    assert levels({"spark.speculation": "true", "spark.task.maxFailures": "1"}, "local") == ["ok"]
    several = {"spark.excludeOnFailure.enabled": "true", "spark.executor.instances": "3"}
    assert levels(several) == ["ok"]


def test_gpu_settings_that_do_not_go_together_fail_and_hide_nothing() -> None:
    conf = GPUS | {"spark.task.cpus": "1", "spark.speculation": "true"}
    assert levels(conf) == ["fail", "warn"]
    assert levels(GPUS) == ["ok"]


def test_gpus_of_a_local_master_are_left_out_by_us_and_by_nobody_else() -> None:
    assert levels(GPUS, "local[2]") == ["warn"]
    assert levels(GPUS, "local[2]", ours=False) == ["fail"]
