"""The quick checks at the start of a run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from semscore.jobs.diagnosis.check_places import check_rights, check_room
from semscore.jobs.diagnosis.finding import findings
from semscore.jobs.diagnosis.registry import Subject, checks_of, likely_conf
from semscore.jobs.spark.session import spark_settings
from semscore.udfs.errors import UserError
from semscore.udfs.processes.compatible import conflict, installed

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from semscore.jobs.dataset.source import Source
    from semscore.jobs.options.settings import Settings
    from semscore.udfs.stores.folder import Folder

SKIP = "--no-preflight skips this check"

log = logging.getLogger("semscore")


def preflight(
    settings: Settings, source: Source, output: Folder, spark: SparkSession | None
) -> None:
    """Make the quick checks. They import no deep-learning library and start no Java.

    `spark`: the session, if one runs already. Raises UserError for the first problem that would
    make the run fail, and logs warnings.
    """
    conf = spark_settings(spark) if spark else likely_conf(settings)
    checks = checks_of(Subject(settings, conf), quick=True) | {
        "output": lambda: check_rights(output),
        "room": lambda: check_room(settings, source, output),
    }
    in_conflict = conflict(installed())  # similarity() refuses these versions later in any case
    for finding in findings(checks):
        if finding.level == "fail":
            final = in_conflict and finding.found == in_conflict.found
            raise UserError(str(finding) if final else f"{finding} ({SKIP})")
        if finding.level == "warn":
            log.warning("%s", finding)
