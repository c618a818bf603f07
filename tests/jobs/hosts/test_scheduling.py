"""Settings for GPUs that do not go together end with the right figure."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semscore.jobs.hosts.scheduling import check_gpu_settings, missing_gpu_settings
from semscore.udfs.errors import UserError

KEYS = {
    "master": "spark.master",
    "cores": "spark.executor.cores",
    "cpus": "spark.task.cpus",
    "gpus": "spark.executor.resource.gpu.amount",
    "amount": "spark.task.resource.gpu.amount",
    "script": "spark.executor.resource.gpu.discoveryScript",
    "vendor": "spark.executor.resource.gpu.vendor",
}
GOOD = {"master": "yarn", "cores": "4", "cpus": "4", "gpus": "1", "amount": "1", "script": "/x"}


def conf(**changes: str | None) -> dict[str, str]:
    """Good settings with changes; None: not set."""
    return {KEYS[name]: value for name, value in (GOOD | changes).items() if value is not None}


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"cpus": "2", "amount": "0.5"},
        {"cpus": "1", "amount": ".25"},
        {"cores": "3", "cpus": "1", "amount": "0.3333"},
        {"cores": "7", "cpus": "3", "amount": "0.5"},
        {"cores": "8", "cpus": "4", "gpus": "2"},
        {"cores": None, "cpus": None},
        {"cores": None, "master": "spark://h:7077", "script": None},
        {"master": "k8s://https://h", "vendor": "nvidia.com"},
        {"gpus": None, "amount": None, "script": None},
    ],
)
def test_settings_that_go_together_pass(good: dict[str, Any]) -> None:
    check_gpu_settings(conf(**good), "auto")


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"amount": "0.51"}, r"is 0\.51, which Spark refuses; 0\.5 lets two"),
        ({"amount": "0.99"}, r"is 0\.99, which Spark refuses"),
        ({"amount": "1.5"}, r"above 0 and at most 1, because a task .* one GPU; got '1\.5'"),
        ({"amount": "2", "gpus": "2"}, r"a task computes on one GPU; got '2'"),
        ({"amount": "0"}, r"got '0'"),
        ({"amount": "half"}, r"got 'half'"),
        ({"gpus": "1.0"}, r"gpu\.amount must be a whole number of at least 1, got '1\.0'"),
        ({"gpus": "0"}, r"gpu\.amount must be a whole number of at least 1, got '0'"),
        ({"cpus": "0"}, r"spark\.task\.cpus must be a whole number of at least 1, got '0'"),
        ({"cpus": "1"}, r"4 tasks at once \(1 .* 1 GPU can run 1 .* set spark\.task\.cpus to 4"),
        ({"amount": "0.25"}, r"1 task at once \(4 .* can run 4 \(.* set spark\.task\.cpus to 1"),
        ({"cpus": "8"}, r"0 tasks at once \(8 per task\), .* set spark\.task\.cpus to 4"),
        (
            {"cores": "2", "cpus": "1", "amount": "0.25"},
            r"set spark\.executor\.cores to 4, or spark\.task\.resource\.gpu\.amount to 0\.5",
        ),
        (
            {"cores": "5", "cpus": "1", "amount": "0.3333"},
            r"set spark\.executor\.cores to 3, or spark\.task\.resource\.gpu\.amount to 0\.2",
        ),
        ({"amount": None}, r"GPU scheduling .* needs spark\.task\.resource\.gpu\.amount;"),
        ({"gpus": None}, r"needs spark\.executor\.resource\.gpu\.amount;"),
        ({"script": None}, r"needs spark\.executor\.resource\.gpu\.discoveryScript;"),
        ({"master": "k8s://https://h"}, r"needs spark\.executor\.resource\.gpu\.vendor;"),
        ({"master": "local[4]"}, "a local master schedules no GPUs, so every job would wait"),
    ],
)
def test_what_spark_would_refuse_waste_or_wait_for_is_said(bad: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        check_gpu_settings(conf(**bad), "auto")


@given(
    cores=st.integers(1, 64),
    cpus=st.integers(1, 64),
    gpus=st.integers(1, 8),
    amount=st.sampled_from(["1", "0.5", "0.3333", "0.25", "0.2", "0.1"]),
)
def test_every_figure_that_is_advised_is_accepted(
    cores: int, cpus: int, gpus: int, amount: str
) -> None:
    given = conf(cores=str(cores), cpus=str(cpus), gpus=str(gpus), amount=amount)
    try:
        check_gpu_settings(given, "gpu")
    except UserError as error:
        advice = str(error).rpartition("; ")[2]
        fixes = re.findall(r"(spark[\w.]+) to ([\d.]+\d|\d)", advice)
        assert fixes
        for key, value in fixes:
            check_gpu_settings(given | {key: value}, "gpu")


def test_gpus_that_are_asked_for_need_all_settings() -> None:
    nothing = conf(gpus=None, amount=None, script=None)
    needed = [KEYS[name] for name in ("gpus", "amount", "script")]
    assert missing_gpu_settings(nothing) == needed
    with pytest.raises(UserError, match=f"--device gpu on a cluster needs {', '.join(needed)};"):
        check_gpu_settings(nothing, "gpu")
    assert missing_gpu_settings({"spark.master": "spark://h:7077"}) == needed[:2]
    assert missing_gpu_settings({"spark.master": "local[2]"}) == []
    check_gpu_settings({"spark.master": "local[2]"}, "gpu")
