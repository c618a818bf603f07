"""What Spark is started with on this machine, and on hosts of a named type."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from semscore.jobs.cli.resources_table import show
from semscore.jobs.hosts import resources
from semscore.jobs.hosts.instances import GIB, Host
from semscore.jobs.hosts.resources import Resources, resources_for
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Spark
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import Engine, Recipe


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Resources for a master, on a machine with some cores and GPUs."""
    monkeypatch.setattr(resources, "has_mps", lambda: False)

    def find(
        master: str, gpus: int = 0, spark: Spark = Spark(), recipe: Recipe = Recipe(), **engine: Any
    ) -> Resources:
        host = Host(cpus=16, memory=64 * GIB, gpus=gpus)
        monkeypatch.setattr(resources, "this_host", lambda: host)
        settings = Settings(
            inputs=("in",), output="out", engine=Engine(**engine), spark=spark, recipe=recipe
        )
        return resources_for(master, settings.spark, settings.engine, settings.recipe.precision)

    return find


def test_a_machine_without_gpus_uses_all_cores(found: Any) -> None:
    assert (found("local[*]").master, found("local[*]").conf) == ("local[*]", {})
    assert found("local[*]", gpus=2, device="cpu").conf == {}


@pytest.mark.parametrize(("k", "task_cpus"), [(1, "8"), (2, "4"), (3, "2")])
def test_a_workstation_runs_as_many_workers_as_are_to_share_its_gpus(
    found: Any, k: int, task_cpus: str
) -> None:
    given = found("local[*]", gpus=2, workers_per_gpu=k)
    assert given.conf == {"spark.task.cpus": task_cpus}
    assert given.master == f"local[{2 * k * int(task_cpus)}]"


def test_a_master_that_counts_is_obeyed(found: Any) -> None:
    assert found("local[3]", gpus=2).master == "local[3]"
    assert found("local[3]", gpus=2).conf == {}


def test_a_gpu_where_there_is_none_is_refused(found: Any, monkeypatch: Any) -> None:
    with pytest.raises(UserError, match="no GPU was found on this machine"):
        found("local[*]", device="gpu")
    monkeypatch.setattr(resources, "has_mps", lambda: True)
    assert found("local[*]", device="gpu").master == "local[*]"


@pytest.mark.parametrize("master", ["spark://h:7077", "yarn", "k8s://https://h:6443"])
def test_a_named_type_sizes_the_executors(found: Any, master: str) -> None:
    given = found(master, spark=Spark(instance_type="ml.g5.12xlarge", instances=2))
    assert given.master == master
    assert given.conf["spark.executor.resource.gpu.amount"] == "1"
    assert found(master).conf == {}


def test_a_type_without_the_precision_is_refused(found: Any) -> None:
    spark, recipe = Spark(instance_type="ml.g4dn.xlarge"), Recipe(precision="bfloat16")
    with pytest.raises(UserError, match=r"T4 has 7\.5"):
        found("yarn", spark=spark, recipe=recipe)
    with pytest.raises(UserError, match="not with mesos://h"):
        found("mesos://h", spark=spark)


def test_reasons_are_a_table_and_settings_lines_of_a_properties_file(found: Any) -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    show(console, found("yarn", spark=Spark(instance_type="ml.g4dn.12xlarge")))
    told = console.export_text().splitlines()
    assert any(line.split()[:2] == ["executors", "4"] for line in told)
    assert any(line.split() == ["spark.executor.cores", "11"] for line in told)
