"""All of doctor's checks, in the order in which their findings are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial

from semscore.jobs.diagnosis.check_disk import check_disk
from semscore.jobs.diagnosis.check_environment import check_environment, check_worker_python
from semscore.jobs.diagnosis.check_gpus import check_gpus
from semscore.jobs.diagnosis.check_limits import check_open_files, check_time
from semscore.jobs.diagnosis.check_memory import check_memory
from semscore.jobs.diagnosis.check_model import check_for_model
from semscore.jobs.diagnosis.check_places import check_input, check_target
from semscore.jobs.diagnosis.check_sharing import check_discovery, check_leases
from semscore.jobs.diagnosis.check_spark import check_gpu_conf, check_settings
from semscore.jobs.diagnosis.check_versions import (
    check_built,
    check_java,
    check_packages,
    check_python,
    check_spark,
)
from semscore.jobs.diagnosis.finding import Check, Finding
from semscore.jobs.hosts.resources import resources_for
from semscore.jobs.options.settings import Settings
from semscore.jobs.spark.reach import make_reachable
from semscore.jobs.spark.s3a import s3a_settings
from semscore.jobs.spark.session import DEFAULT_MASTER, by_spark_submit, spark_settings
from semscore.udfs.errors import UserError
from semscore.udfs.gpus.device import is_local
from semscore.udfs.recipe import DEFAULT_MODEL
from semscore.udfs.stores.registry import Storage


@dataclass(frozen=True)
class Subject:
    """What is checked: a run, which may lack INPUT or OUTPUT, and Spark's settings for it."""

    run: Settings
    conf: dict[str, str]

    @property
    def master(self) -> str:
        """Spark's master."""
        return self.conf["spark.master"]

    @property
    def is_local(self) -> bool:
        """Whether Spark would run on this machine alone."""
        return is_local(self.master)

    @cached_property
    def storage(self) -> Storage:
        """The storage of INPUT and OUTPUT."""
        places = (*self.run.locations, self.run.output)
        make_reachable(*places)
        return Storage(s3a_settings(places, self.run.spark.pairs, None))


@dataclass(frozen=True)
class DoctorCheck:
    """One of doctor's checks."""

    name: str
    check: Callable[[Subject], Iterable[Finding]]
    # Made at the start of each run: it takes no time, and no other part of a run checks the same
    # before it writes.
    quick: bool = False
    applies: Callable[[Subject], bool] = lambda _: True


def _has_model(subject: Subject) -> bool:
    """Return whether there is a model to check: one was chosen, or INPUT would be scored."""
    return bool(subject.run.inputs) or subject.run.recipe.model != DEFAULT_MODEL


CHECKS = (
    DoctorCheck("python", lambda _: check_python(), quick=True),
    DoctorCheck("spark", lambda subject: check_spark(subject.is_local), quick=True),
    DoctorCheck("packages", lambda _: check_packages(), quick=True),
    DoctorCheck("spark settings", lambda subject: check_settings(subject.conf), quick=True),
    DoctorCheck("disk", lambda subject: check_disk(subject.conf), quick=True),
    DoctorCheck("open files", lambda _: check_open_files(), quick=True),
    DoctorCheck("time limit", lambda subject: check_time(subject.run.limits.deadline), quick=True),
    DoctorCheck("environment", lambda subject: check_environment(subject.is_local)),
    DoctorCheck("worker python", lambda subject: check_worker_python(subject.is_local)),
    DoctorCheck("java", lambda _: check_java()),
    DoctorCheck(
        "gpu settings", lambda subject: check_gpu_conf(subject.conf, subject.run.engine.device)
    ),
    DoctorCheck("gpus", lambda subject: check_gpus(subject.run.engine.device, subject.is_local)),
    DoctorCheck("gpu leases", lambda _: check_leases()),
    DoctorCheck("discovery script", lambda subject: check_discovery(subject.conf)),
    DoctorCheck("memory", lambda subject: check_memory(subject.run, subject.conf)),
    DoctorCheck("image", lambda subject: check_built(subject.run.engine.device)),
    DoctorCheck(
        "input",
        lambda subject: check_input(subject.run, subject.storage),
        applies=lambda subject: bool(subject.run.inputs),
    ),
    DoctorCheck(
        "output",
        lambda subject: check_target(subject.run, subject.storage),
        applies=lambda subject: bool(subject.run.output),
    ),
    DoctorCheck(
        "model",
        lambda subject: check_for_model(subject.run.recipe, subject.run.engine, subject.master),
        applies=_has_model,
    ),
)


def checks_of(subject: Subject, quick: bool = False) -> dict[str, Check]:
    """Return the checks that apply, for findings(); `quick`: only the quick ones."""
    return {
        entry.name: partial(entry.check, subject)
        for entry in CHECKS
        if entry.applies(subject) and (entry.quick or not quick)
    }


def likely_conf(settings: Settings) -> dict[str, str]:
    """Return the settings that Spark would start with, including those for the instance type."""
    known = spark_settings(None) | settings.spark.pairs
    master = settings.spark.master or known.get("spark.master") or DEFAULT_MASTER
    sized: dict[str, str] = {}
    if not is_local(master) and not by_spark_submit():
        with suppress(UserError):  # the check of memory reports it
            sized = resources_for(
                master, settings.spark, settings.engine, settings.recipe.precision
            ).conf
    return sized | known | {"spark.master": master}
