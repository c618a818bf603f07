"""What would fail in hours, found in seconds: `semscore doctor`, and the quick part of each run."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from semscore.jobs.diagnosis.check_disk import check_disk
from semscore.jobs.diagnosis.check_environment import check_environment, check_worker_python
from semscore.jobs.diagnosis.check_gpus import check_gpus
from semscore.jobs.diagnosis.check_limits import check_open_files, check_time
from semscore.jobs.diagnosis.check_memory import check_memory
from semscore.jobs.diagnosis.check_model import check_for_model
from semscore.jobs.diagnosis.check_places import check_input, check_rights, check_room, check_target
from semscore.jobs.diagnosis.check_sharing import check_discovery, check_leases
from semscore.jobs.diagnosis.check_spark import check_gpu_conf, check_settings
from semscore.jobs.diagnosis.check_versions import (
    check_built,
    check_java,
    check_packages,
    check_python,
    check_spark,
)
from semscore.jobs.diagnosis.finding import Check, Finding, findings
from semscore.jobs.hosts.resources import resources_for
from semscore.jobs.options.settings import Settings
from semscore.jobs.spark.s3a import s3a_settings
from semscore.jobs.spark.session import DEFAULT_MASTER, by_spark_submit, spark_settings
from semscore.udfs.errors import UserError
from semscore.udfs.gpus.device import is_local
from semscore.udfs.recipe import DEFAULT_MODEL
from semscore.udfs.stores.storage import Storage

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from semscore.jobs.dataset.source import Source
    from semscore.udfs.stores.folder import Folder

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}

log = logging.getLogger("semscore")


@dataclass(frozen=True, kw_only=True)
class Question(Settings):
    """A run of which not all is said yet: without places, the machine alone is looked at."""

    inputs: tuple[str, ...] = ()
    output: str = ""

    def _check_places(self) -> None:
        pass


def examine(question: Question) -> Iterator[Finding]:
    """Make all checks that a question allows, the quick ones first."""
    conf = _spark_conf(question, None)
    storage = lru_cache(lambda: Storage(s3a_settings(question, None)))
    engine, master = question.engine, conf["spark.master"]
    local = is_local(master)
    checks = _quick(question, conf) | {
        "environment": lambda: check_environment(local),
        "worker python": lambda: check_worker_python(local),
        "java": check_java,
        "gpu settings": lambda: check_gpu_conf(conf, engine.device),
        "gpus": lambda: check_gpus(engine.device, local),
        "gpu leases": check_leases,
        "discovery script": lambda: check_discovery(conf),
        "memory": lambda: check_memory(question, conf),
        "image": lambda: check_built(engine.device),
    }
    if question.inputs:
        checks["input"] = lambda: check_input(question, storage())
    if question.output:
        checks["output"] = lambda: check_target(question, storage())
    if question.inputs or question.recipe.model != DEFAULT_MODEL:
        checks["model"] = lambda: check_for_model(question.recipe, engine, master)
    yield from findings(checks)


def preflight(
    settings: Settings, source: Source, output: Folder, spark: SparkSession | None
) -> None:
    """The quick checks of a run that is about to begin; `spark`: one that runs already.

    Imports no deep-learning library, starts no Java. Raises UserError for what would make it fail,
    and warns of the rest.
    """
    checks = _quick(settings, _spark_conf(settings, spark)) | {
        "output": lambda: check_rights(output),
        "room": lambda: check_room(settings, source, output),
    }
    for finding in findings(checks):
        if finding.level == "fail":
            raise UserError(f"{finding} (--no-preflight begins regardless)")
        if finding.level == "warn":
            log.warning("%s", finding)


def show(console: Console, found: Iterable[Finding], as_json: bool) -> int:
    """Print findings, lines as they come or one JSON list; the exit code: 0, or 2 if any fails."""
    seen = []
    for finding in found:
        seen.append(finding)
        if not as_json:
            _print(console, finding)
    if as_json:
        console.out(json.dumps([asdict(each) for each in seen], indent=1), highlight=False)
    failed = any(finding.level == "fail" for finding in seen)
    return UserError.exit_code if failed else 0


def _quick(settings: Settings, conf: dict[str, str]) -> dict[str, Check]:
    """What takes no time, and what a run does not ask anyway before it writes."""
    return {
        "python": check_python,
        "spark": lambda: check_spark(is_local(conf["spark.master"])),
        "packages": check_packages,
        "spark settings": lambda: check_settings(conf),
        "disk": lambda: check_disk(conf),
        "open files": check_open_files,
        "time limit": lambda: check_time(settings.limits.deadline),
    }


def _spark_conf(settings: Settings, spark: SparkSession | None) -> dict[str, str]:
    """The settings that Spark has, or would be started with; those for a host's size among them."""
    if spark:
        return spark_settings(spark)
    known = spark_settings(None) | settings.spark.pairs
    master = settings.spark.master or known.get("spark.master") or DEFAULT_MASTER
    sized: dict[str, str] = {}
    if not is_local(master) and not by_spark_submit():
        with suppress(UserError):  # which the check of memory tells
            sized = resources_for(settings, master).conf
    return sized | known | {"spark.master": master}


def _print(console: Console, finding: Finding) -> None:
    line = Table.grid(padding=(0, 2, 0, 0))
    line.add_column(width=4, style=COLOURS[finding.level])
    line.add_column(width=16)
    line.add_column(overflow="fold")  # paths stay whole
    line.add_row(finding.level, finding.check, Text(finding.found))
    if finding.fix:
        line.add_row("", "", Text(f"-> {finding.fix}"))
    console.print(line)
