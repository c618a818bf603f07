"""The pages on clusters: options, files and settings that they name exist. Uses no platform.

docs/elsewhere.md has what all of them need.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyspark
import pytest

from semscore.jobs.hosts.scheduling import check_gpu_settings

ROOT = Path(__file__).parents[1]
PAGES = {
    name: (ROOT / f"docs/{name}.md").read_text("utf-8")
    for name in ("elsewhere", "standalone", "kubernetes", "emr", "databricks")
}
TEXT = "\n".join(PAGES.values())
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.M | re.S)
_, EMR, SERVERLESS = re.split(r"^## .*$", PAGES["emr"], flags=re.M)
PLATFORMS = {
    "Standalone": PAGES["standalone"],
    "Kubernetes": PAGES["kubernetes"],
    "EMR": EMR,
    "EMR Serverless": SERVERLESS,
    "Databricks": PAGES["databricks"],
}
# Options of other commands that appear in the prose and the code blocks.
OTHERS = {
    "aws": "application-id execution-role-arn job-driver recursive",
    "docker and pip": "chmod no-cache-dir no-deps quiet wheel-dir",
    "spark-submit": "conf deploy-mode master properties-file py-files",
}
JARS = Path(pyspark.__file__).parent / "jars"
# As in tests/conf/test_conf_files.py: classes that define Spark's settings, and settings whose
# names are composed at run time.
CLASSES = re.compile(
    r"org/apache/spark/(internal/config|deploy/(yarn/config|k8s/Config)|scheduler/cluster/Coarse)"
)
COMPOSED = re.compile(
    r"spark\.((executorEnv|yarn\.appMasterEnv|kubernetes\.driverEnv)\.[A-Z_]+"
    r"|(executor|task|worker)\.resource\.gpu\.(amount|discoveryScript|vendor)"
    r"|kubernetes\.authenticate\.(driver|executor)\.serviceAccountName"
    r"|emr-serverless\.driverEnv\.[A-Z_]+)"  # Amazon's
)


def blocks(language: str) -> list[str]:
    return [block for name, block in BLOCKS if name == language]


def commands() -> Iterator[str]:
    """Yield the lines of shell blocks, with continued lines joined."""
    for block in blocks("bash"):
        yield from block.replace("\\\n", " ").splitlines()


@pytest.fixture(scope="module")
def options() -> set[str]:
    """The options that `semscore score` has."""
    command = [str(Path(sys.executable).with_name("semscore")), "score", "--help"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"--[a-z][a-z0-9-]+", out))


def of_the_job() -> Iterator[list[str]]:
    """Yield the job's arguments for each place where the document starts it."""
    for command in commands():
        if command.startswith("semscore score "):
            yield shlex.split(command.partition("|")[0])[2:]
        elif ".py s3://" in command:
            yield shlex.split(command.partition(".py s3://")[2])
    for block in blocks("json"):
        if "entryPointArguments" in block:
            yield json.loads(block)["sparkSubmit"]["entryPointArguments"]


def test_options_of_the_job_exist(options: set[str]) -> None:
    starts = list(of_the_job())
    assert len(starts) == 6
    for words in starts:
        assert {word for word in words if word.startswith("--")} <= options, words


def test_all_other_options_are_those_of_named_commands(options: set[str]) -> None:
    others = {f"--{name}" for names in OTHERS.values() for name in names.split()}
    assert set(re.findall(r"(?<!\S)`?(--[a-z][a-z-]+)", TEXT)) <= options | others


def test_files_exist() -> None:
    named = set(re.findall(r"(?<![\w/])(?:conf|jobs|udfs|container)/[\w./-]+\.\w+", TEXT))
    assert len(named) >= 8
    assert not [name for name in named if not (ROOT / name).is_file()]
    conf = {name for name in named if re.fullmatch(r"conf/.*\.conf", name)}
    assert conf == {f"conf/{name}.conf" for name in ("s3a", *spark_files())}
    links = re.findall(r"\]\((?!https:|#)([^)#]+)", TEXT)
    assert not [link for link in links if not (ROOT / "docs" / link).is_file()]


def spark_files() -> tuple[str, ...]:
    return "spark-standalone", "spark-kubernetes", "spark-yarn"


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"`make ([\w-]+)", TEXT))
    assert "test-cluster" in targets
    defined = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
    assert targets <= set(defined)


def test_spark_knows_every_setting() -> None:
    found = set()
    for name in ("core", "yarn", "kubernetes"):
        [jar] = JARS.glob(f"spark-{name}_*.jar")
        with zipfile.ZipFile(jar) as archive:
            for entry in filter(CLASSES.match, archive.namelist()):
                found |= set(re.findall(rb"spark\.[\w.]+", archive.read(entry)))
    known = {key.decode() for key in found} | {"spark.python.daemon.module"}
    s3a = (ROOT / "conf/s3a.conf").read_text("utf-8")
    named = set(re.findall(r"--conf\s+(spark\.[\w.-]+)=", TEXT))
    named |= set(re.findall(r"`(spark\.[\w.-]+)`", TEXT))
    named |= {line.split()[0] for block in blocks("properties") for line in block.splitlines()}
    assert len(named) > 20
    unknown = {key for key in named - known if not COMPOSED.fullmatch(key)}
    assert not {key for key in unknown if key not in s3a}


def test_json_is_json() -> None:
    for block in blocks("json"):
        json.loads(block)


@pytest.mark.parametrize("manager", ["yarn", "kubernetes", "standalone"])
@pytest.mark.parametrize("gpus", [True, False])
def test_files_put_together_fit_each_other(tmp_path: Path, manager: str, gpus: bool) -> None:
    """Run the commands for YARN as written, and for the others with the changes it describes."""
    first = "cp conf/" if gpus else "grep -vi gpu conf/"
    [block] = [block for block in blocks("bash") if block.startswith(first)]
    masters = dict(re.findall(r"`conf/spark-(\w+)\.conf`\swith\s`--master (\S+)`", TEXT))
    master = {"yarn": "yarn", **masters}[manager]
    block = block.replace("spark-yarn.conf", f"spark-{manager}.conf")
    block = block.replace("--master yarn", f"--master {master}")
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    script = ["bash", "-euo", "pipefail", "-c", block]
    subprocess.run(script, check=True, cwd=tmp_path, env={"PATH": path, "HOME": str(tmp_path)})
    lines = (tmp_path / "run.conf").read_text("utf-8").splitlines()
    conf = dict(line.split(None, 1) for line in lines if line.startswith("spark."))
    asked = [key for key in conf if "resource.gpu" in key]
    assert bool(asked) == gpus, asked
    assert conf["spark.executor.cores"] == "7"
    check_gpu_settings({"spark.master": master, **conf}, "gpu" if gpus else "auto")


def test_the_python_example_asks_for_a_valid_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from semscore.jobs import score as job

    asked: list[Any] = []
    monkeypatch.setattr(job, "score", lambda settings, spark: asked.append((settings, spark)))
    [example] = blocks("python")
    exec(compile(example, "databricks.md", "exec"), {"spark": "a session"})
    [(settings, spark)] = asked
    assert spark == "a session"
    assert (settings.output, settings.target.mode) == ("s3://bucket/scored", "resume")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_section_says_whether_it_is_tested(platform: str) -> None:
    [said] = re.findall(r"^\*\*Tested:\*\* (\w+)", PLATFORMS[platform], re.M)
    [row] = re.findall(rf"^\| \[{platform}\].*\| (\w+)[^|]*\|$", TEXT, re.M | re.I)
    assert (said, row) in {("yes", "yes"), ("no", "no")}
    assert (said == "yes") == (platform == "Standalone")
    assert "Instead, tests" in PLATFORMS[platform] or said == "yes"
