"""Hosts to executors: what is given out fits the host, and nothing that was paid for idles."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from semscore.jobs.hosts.executors import Executors, Manager
from semscore.jobs.hosts.instances import GIB, Host, find_host, host_types
from semscore.jobs.hosts.scheduling import check_gpu_settings, task_gpu_amount
from semscore.jobs.hosts.sizing import size
from semscore.udfs.errors import UserError

MASTERS: dict[Manager, str] = {
    "standalone": "spark://h:7077",
    "yarn": "yarn",
    "kubernetes": "k8s://https://h",
    "sagemaker": "yarn",
}
MANAGERS = st.sampled_from(sorted(MASTERS))
ON_YARN: list[Manager] = [manager for manager, master in MASTERS.items() if master == "yarn"]
TABLE = sorted(host_types().values(), key=lambda host: host.name)
ODD_HOSTS = st.builds(
    Host,
    cpus=st.integers(1, 256),
    memory=st.integers(1, 2048).map(lambda gib: gib * GIB),
    gpus=st.integers(0, 16),
)
HOSTS = st.sampled_from(TABLE) | ODD_HOSTS


def sized(host: Host, count: int, k: int, manager: Manager) -> Executors:
    """Sized; a host that is too small must be named in the sentence that refuses it."""
    try:
        return size(host, count, k, manager)
    except UserError as error:
        assert host.name in str(error)
        assume(False)
        raise


def spark_tasks_per_gpu(amount: str) -> int:
    """Spark's own arithmetic, of 3.5 (floor of a quotient of doubles) and of 4 (units of 1e-16)."""
    value = float(amount)
    assert 0 < value <= 0.5 or value == 1, "Spark refuses it"
    by_doubles = math.floor(1.0 / value)
    by_units = 10**16 // int(Decimal(value) * 10**16)
    assert by_doubles == by_units
    return by_doubles


def mib(text: str) -> int:
    """Spark's notation: 9g, 384m."""
    return int(text[:-1]) * {"g": 1024, "m": 1}[text[-1]]


@given(HOSTS, st.integers(1, 50), st.integers(1, 64), MANAGERS)
def test_memory_fits_the_host(host: Host, count: int, k: int, manager: Manager) -> None:
    executors = sized(host, count, k, manager)
    conf = executors.spark_conf()
    each = mib(conf["spark.executor.memory"]) + executors.overhead // 2**20
    driver = mib(conf["spark.driver.memory"]) + 1024  # its Python
    master = 1024 if MASTERS[manager] == "yarn" else 0
    assert (executors.per_host * each + driver + master) * 2**20 < host.memory * 15 / 16
    if manager == "standalone":
        assert "spark.executor.memoryOverhead" not in conf
    else:
        assert mib(conf["spark.executor.memoryOverhead"]) * 2**20 == executors.overhead
    assert executors.overhead >= executors.slots_each * (3 if host.gpus else 1.25) * GIB
    assert executors.heap >= GIB


@given(
    HOSTS, st.integers(1, 64), st.sampled_from(ON_YARN), st.sampled_from([1, 32, 256, 512, 1024])
)
def test_yarn_has_nothing_to_round_up(host: Host, k: int, manager: Manager, least: int) -> None:
    """Containers are rounded up to multiples of yarn.scheduler.minimum-allocation-mb."""
    conf = sized(host, 1, k, manager).spark_conf()
    for who in ("spark.executor", "spark.driver", "spark.yarn.am"):
        assert (mib(conf[f"{who}.memory"]) + mib(conf[f"{who}.memoryOverhead"])) % least == 0


@given(HOSTS, st.integers(1, 50), st.integers(1, 64), MANAGERS)
def test_cores_fit_the_host(host: Host, count: int, k: int, manager: Manager) -> None:
    executors = sized(host, count, k, manager)
    conf = executors.spark_conf()
    assert executors.per_host * int(conf["spark.executor.cores"]) + 1 <= host.cpus
    total = count * executors.per_host
    assert executors.count == total
    if manager == "standalone":
        assert int(conf["spark.cores.max"]) == total * executors.cores
    else:
        assert int(conf["spark.executor.instances"]) == total
    assert int(conf["spark.default.parallelism"]) // executors.task_cpus == executors.slots


@given(HOSTS, st.integers(1, 50), st.integers(1, 64), MANAGERS)
def test_cores_and_gpus_suffice_for_the_same_tasks(
    host: Host, count: int, k: int, manager: Manager
) -> None:
    executors = sized(host, count, k, manager)
    conf = executors.spark_conf()
    by_cores = int(conf["spark.executor.cores"]) // int(conf["spark.task.cpus"])
    assert executors.slots == executors.count * by_cores
    if not host.gpus:
        assert not any(".resource." in key for key in conf)
        assert by_cores == executors.cores <= 8
        return
    assert executors.per_host == host.gpus
    assert conf["spark.executor.resource.gpu.amount"] == "1"
    assert by_cores == spark_tasks_per_gpu(conf["spark.task.resource.gpu.amount"]) == k
    files = {f"spark.executor.resource.gpu.{key}": "x" for key in ("discoveryScript", "vendor")}
    check_gpu_settings({"spark.master": MASTERS[manager], **conf, **files}, "gpu")


@given(st.sampled_from([host for host in TABLE if host.gpus]), st.integers(1, 16), MANAGERS)
def test_no_host_has_memory_for_more_executors_than_gpus(
    host: Host, k: int, manager: Manager
) -> None:
    """YARN's default calculator looks at memory alone."""
    executors = sized(host, 2, k, manager)
    assert (host.gpus + 1) * executors.container > host.memory


@given(st.integers(1, 99))
def test_the_amount_gives_as_many_tasks_as_are_meant(workers: int) -> None:
    assert spark_tasks_per_gpu(task_gpu_amount(workers)) == workers


@pytest.mark.parametrize("manager", MASTERS)
def test_every_type_can_be_used_by_every_manager(manager: Manager) -> None:
    for host in TABLE:
        executors = size(host, 1, 1, manager)
        idle = host.cpus - executors.per_host * executors.cores
        assert idle <= max(host.gpus, 5, host.cpus // 16), f"{host.name}: {idle} cores idle"


@pytest.mark.parametrize(
    ("name", "count", "k", "manager", "expected"),
    [
        # 4 CPUs - 1. Memory: 16 - system 2.5 - driver 3 - master 1 = 9.5; a third is heap.
        ("ml.g4dn.xlarge", 1, 1, "sagemaker", (1, 3, 3, 3, 6)),
        # Two workers take 6 of 9.
        ("ml.g4dn.xlarge", 1, 2, "sagemaker", (1, 2, 1, 3, 6)),
        # 47 / 4 = 11 cores, 2 x 5. Memory: (192 - 13.5 - 10 - 1) / 4 = 41.9
        ("ml.g4dn.12xlarge", 2, 2, "sagemaker", (8, 10, 5, 13, 28)),
        # 191 / 8 = 23 cores, 3 x 7. Memory: (768 - 49.5 - 10 - 1) / 8 = 88.4
        ("ml.g5.48xlarge", 4, 3, "yarn", (32, 21, 7, 29, 59)),
        # 15 cores = 3 x 5. Memory: (64 - 5.5 - 5) / 3 = 17.8, with YARN's master 17.5
        ("ml.m5.4xlarge", 3, 1, "standalone", (9, 5, 1, 5, 12)),
        ("ml.m5.4xlarge", 3, 1, "yarn", (9, 5, 1, 5, 12)),
        # Memory for 6 of 7 cores: 16 - 2.5 - 3 - 1 = 9.5; 8 for 6 workers and 1 of heap.
        ("ml.c5.2xlarge", 1, 1, "yarn", (1, 6, 1, 1, 8)),
    ],
)
def test_figures_by_hand(
    name: str, count: int, k: int, manager: Manager, expected: tuple[int, ...]
) -> None:
    found = size(find_host(name), count, k, manager)
    assert (
        *(found.count, found.cores, found.task_cpus),
        *(found.heap // GIB, found.overhead // GIB),
    ) == expected


def test_the_settings_of_one_container() -> None:
    assert size(find_host("ml.g4dn.xlarge"), 1, 1, "sagemaker").spark_conf() == {
        "spark.default.parallelism": "3",
        "spark.driver.cores": "1",
        "spark.driver.memory": "2g",
        "spark.driver.memoryOverhead": "1g",
        "spark.dynamicAllocation.enabled": "false",
        "spark.excludeOnFailure.enabled": "false",
        "spark.executor.cores": "3",
        "spark.executor.instances": "1",
        "spark.executor.memory": "3g",
        "spark.executor.memoryOverhead": "6g",
        "spark.executor.resource.gpu.amount": "1",
        "spark.task.cpus": "3",
        "spark.task.resource.gpu.amount": "1",
        "spark.yarn.am.cores": "1",
        "spark.yarn.am.memory": "640m",
        "spark.yarn.am.memoryOverhead": "384m",
    }


def test_a_task_takes_about_a_minute_at_most() -> None:
    g5 = find_host("g5.4xlarge")
    assert size(g5).task_rows == 2000 * 45
    assert size(g5, workers_per_gpu=3).task_rows == 2000 * 15
    assert size(g5, workers_per_gpu=2, rows_per_second=100).task_rows == 2250
    assert size(find_host("m5.xlarge"), rows_per_second=0.001).task_rows == 1


def test_too_many_workers_are_refused_with_the_number_that_fits() -> None:
    said = r"1 GPU: that leaves 3 cores and 9\.5 GiB .* 3 .* 10 GiB; use --workers-per-gpu 2"
    with pytest.raises(UserError, match=said):
        size(find_host("g4dn.xlarge"), workers_per_gpu=3)
    with pytest.raises(UserError, match=r"7 cores .* 8 workers .* need .* --workers-per-gpu 7"):
        size(find_host("g6e.2xlarge"), workers_per_gpu=8)


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (Host(cpus=4, memory=8 * GIB, gpus=1), r"3 cores and 2 GiB per GPU, .* 4 GiB; use larger"),
        (Host(cpus=4, memory=64 * GIB, gpus=4), r"4 GPUs: that leaves 0 cores .* larger"),
        (Host(cpus=4, memory=4 * GIB), r"3 and 0 GiB are for ex.* 1 CPU and 3 GiB\. Use larger"),
        (Host(cpus=1, memory=64 * GIB), r"this host has 1 CPU .* of which 0 and"),
    ],
)
def test_hosts_that_are_too_small_are_refused(host: Host, said: str) -> None:
    with pytest.raises(UserError, match=said):
        size(host)


def test_no_hosts_or_workers_are_refused() -> None:
    for count, k in ((0, 1), (1, 0)):
        with pytest.raises(UserError, match=f"must be at least 1, got {count} and {k}"):
            size(find_host("g5.xlarge"), count, k)


def test_the_reasons_name_every_figure() -> None:
    told = {what: rest for what, *rest in size(find_host("g5.12xlarge"), 2, 2, "yarn").explain()}
    assert told["hosts"] == ["2 x g5.12xlarge", "48 CPUs, 192 GiB, 4 GPUs (A10G, 24 GiB each)"]
    left = "system 13.5 GiB, driver 10 GiB, YARN's application master 1 GiB"
    assert told["left free per host"] == ["8 cores, 28 GiB", left]
    assert told["executors"] == ["8", "one per GPU"]
    assert told["GPU per task"] == ["0.5", "1 / workers"]
    assert told["tasks at once"][0] == "16"
    on_cpus = {what: rest for what, *rest in size(find_host("m7i.4xlarge"), 1).explain()}
    assert on_cpus["hosts"][1].endswith("bfloat16 and int8 are fast on these CPUs")
    assert "GPU per task" not in on_cpus
