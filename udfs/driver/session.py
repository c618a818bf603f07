"""The active Spark session, classic or Connect, as far as a column needs it.

A Connect client may have pyspark-client alone, which has neither a SparkContext nor Java.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any, NamedTuple

from pyspark.sql.utils import is_remote

from semscore.udfs.gpus.device import is_local

log = logging.getLogger("semscore")


class Active(NamedTuple):
    """The session in which a column will be used."""

    spark: Any  # a SparkSession of either kind; None: there is none yet
    is_connect: bool

    @property
    def master(self) -> str:
        """Return the Spark master, or an empty string if it is not known."""
        return self.setting("spark.master") or ""

    @property
    def scope(self) -> Any:
        """Return what an archive is sent to once: a classic session's context, or the session."""
        return self.spark if self.is_connect else self.spark.sparkContext

    @property
    def shares_this_host(self) -> bool:
        """Return whether the workers run on this machine, and have its files.

        The machine of a Connect server is not known.
        """
        return not self.is_connect and (self.spark is None or is_local(self.master))

    def setting(self, name: str) -> str | None:
        """Return a setting of Spark, or None if it is not set or the platform hides it."""
        if self.spark is None:
            return None
        with suppress(Exception):  # what is raised depends on the platform
            value = self.spark.conf.get(name, None)
            return None if value is None else str(value)
        return None

    def add_archive(self, archive: str) -> None:
        """Send a ZIP file to all hosts, which unpack it. `FILE#NAME` gives its folder a name.

        A classic session needs the file as long as it runs.
        """
        if self.is_connect:
            self.spark.addArtifacts(archive, archive=True)
        else:
            self.scope.addArchive(archive)


def active_session() -> Active:
    """Return the active session of this process."""
    if is_remote():
        from pyspark.sql.connect.session import SparkSession as Remote

        remote: Any = Remote
        return Active(remote.getActiveSession() or remote._default_session, is_connect=True)
    from pyspark.sql import SparkSession

    return Active(SparkSession._instantiatedSession, is_connect=False)


def warn_of_reloads(session: Active) -> None:
    """Warn if Spark ends the Python workers after each task, so that each task loads the model."""
    if (session.setting("spark.python.worker.reuse") or "true").lower() == "false":
        log.warning(
            "spark.python.worker.reuse is false, so that each task loads the model again; set it "
            "to true when Spark starts"
        )
