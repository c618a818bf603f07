"""The quick checks of a run that is about to begin."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from semscore.jobs.diagnosis.check_places import check_rights, check_room
from semscore.jobs.diagnosis.finding import findings
from semscore.jobs.diagnosis.registry import Subject, checks_of, likely_conf
from semscore.jobs.spark.session import spark_settings
from semscore.udfs.errors import UserError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from semscore.jobs.dataset.source import Source
    from semscore.jobs.options.settings import Settings
    from semscore.udfs.stores.folder import Folder

log = logging.getLogger("semscore")


def preflight(
    settings: Settings, source: Source, output: Folder, spark: SparkSession | None
) -> None:
    """Check what takes no time; `spark`: a session that runs already.

    Imports no deep-learning library, starts no Java. Raises UserError for what would make the run
    fail, and warns of the rest.
    """
    conf = spark_settings(spark) if spark else likely_conf(settings)
    checks = checks_of(Subject(settings, conf), quick=True) | {
        "output": lambda: check_rights(output),
        "room": lambda: check_room(settings, source, output),
    }
    for finding in findings(checks):
        if finding.level == "fail":
            raise UserError(f"{finding} (--no-preflight begins regardless)")
        if finding.level == "warn":
            log.warning("%s", finding)
