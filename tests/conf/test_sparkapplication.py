"""conf/kubernetes/sparkapplication.yaml: the operator accepts it, and it runs what the docs run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubeflow_spark_api.models.spark_v1beta2_spark_application import SparkV1beta2SparkApplication

from semscore.jobs.cli.app import app
from semscore.jobs.hosts.conf_file import conf_file
from semscore.jobs.hosts.scheduling import check_gpu_settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "conf/kubernetes/sparkapplication.yaml"
MASTER = "k8s://https://HOST:6443"
# In the file, these are fields of the operator's own.
AS_FIELDS = {
    "spark.kubernetes.container.image": ("image",),
    "spark.kubernetes.authenticate.driver.serviceAccountName": ("driver", "serviceAccount"),
    "spark.kubernetes.authenticate.executor.serviceAccountName": ("executor", "serviceAccount"),
}


@pytest.fixture
def written() -> dict[str, Any]:
    return dict(yaml.safe_load(FILE.read_text("utf-8")))


def command() -> list[str]:
    """The words of the spark-submit command for Kubernetes in the docs."""
    pages = [page.read_text("utf-8") for page in sorted((ROOT / "docs").glob("*.md"))]
    found = [
        block.replace("\\\n", " ")
        for page in pages
        for block in re.findall(r"```bash\n(.*?)```", page, re.S)
        if block.startswith("spark-submit --master k8s://")
    ]
    assert len(found) == 1
    return shlex.split(found[0])


def test_the_operator_knows_every_field(written: dict[str, Any]) -> None:
    """Its models drop unknown fields, so what remains is compared."""
    read = SparkV1beta2SparkApplication.from_dict(written)
    assert read is not None
    assert read.to_dict() == written


def test_a_field_that_the_operator_does_not_know_is_noticed(written: dict[str, Any]) -> None:
    written["spec"]["executor"]["servicAccount"] = "spark"
    read = SparkV1beta2SparkApplication.from_dict(written)
    assert read is not None
    assert read.to_dict() != written


def test_it_is_of_a_version_and_kind_that_the_operator_serves(written: dict[str, Any]) -> None:
    assert (written["apiVersion"], written["kind"]) == (
        "sparkoperator.k8s.io/v1beta2",
        "SparkApplication",
    )
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", written["metadata"]["name"])
    assert written["spec"]["restartPolicy"]["type"] in ("Never", "Always", "OnFailure")


def test_the_settings_are_those_of_the_conf_file_and_of_the_command(
    written: dict[str, Any],
) -> None:
    words, spec = command(), written["spec"]
    given = [words[place + 1] for place, word in enumerate(words) if word == "--conf"]
    expected = conf_file("spark-kubernetes.conf") | dict(each.split("=", 1) for each in given)
    for key, path in AS_FIELDS.items():
        field = spec
        for name in path:
            field = field[name]
        assert field == expected.pop(key), key
    assert spec["sparkConf"] == expected


def test_the_arguments_are_those_of_the_command(written: dict[str, Any]) -> None:
    words, spec = command(), written["spec"]
    script = next(place for place, word in enumerate(words) if word.endswith("score.py"))
    assert spec["mainApplicationFile"] == words[script]
    assert spec["arguments"][: len(words) - script - 1] == words[script + 1 :]
    app.parse_args(["score", *spec["arguments"]], print_error=False, exit_on_error=False)


def test_the_job_accepts_the_settings(written: dict[str, Any]) -> None:
    check_gpu_settings({"spark.master": MASTER, **written["spec"]["sparkConf"]}, "gpu")
