"""The SparkSession of a run: started here, joined, or provided by the caller."""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from semscore.jobs.hosts.executors import TASK_ROWS
from semscore.jobs.hosts.resources import resources_for
from semscore.jobs.hosts.scheduling import TASK, check_gpu_settings
from semscore.jobs.hosts.sizing import gpu_task_rows
from semscore.jobs.spark.code_archive import write_code
from semscore.jobs.spark.java import java_home
from semscore.jobs.spark.java_process import begin_java, drop_java, start_java, why_not
from semscore.jobs.spark.local_conf import local_conf
from semscore.jobs.spark.surroundings import (
    Changes,
    of_a_run,
    of_local_java,
    unheeded,
    with_variables,
)
from semscore.udfs.errors import UserError
from semscore.udfs.gpus.device import is_local
from semscore.udfs.recipe import Device
from semscore.udfs.stores.registry import needs_java

if TYPE_CHECKING:
    from semscore.jobs.options.settings import Settings

log = logging.getLogger("semscore")
_stopping: list[Thread] = []  # which stop the Spark of session_for

OPEN_COST = 64 * 2**10  # bytes added to each file's size when Spark distributes files among tasks
DEFAULT_MASTER = "local[*]"
RESOURCES = re.compile(r"spark\.(executor|task|driver)\.resource\.")
# The results depend on these, so they override the platform and its conf file.
REQUIRED = {
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "true",
    "spark.sql.caseSensitive": "true",
    "spark.sql.files.openCostInBytes": str(OPEN_COST),
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "64",  # not one task per file
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}


def start_session(
    master: str | None, conf: dict[str, str], debug: bool = False, device: Device = "auto"
) -> SparkSession:
    """Start Spark, or join the Spark that spark-submit started.

    `conf` overrides the platform's conf file. Raises UserError if Java is missing, Spark refuses a
    setting, or the GPU settings contradict each other.
    """
    if master and not re.match(r"local|spark://|yarn$|k8s://|mesos://", master):
        raise UserError(
            f"--master {master!r} was not recognised; use local[N], spark://HOST:PORT, yarn or "
            "k8s://URL"
        )
    if by_spark_submit():  # Java, the environment and the sizes are set already
        return _started(_submitted(), master, conf, debug, device)
    master, java = master or DEFAULT_MASTER, java_home()
    settings, changes = _settings(master, java, debug)
    if is_local(master) and (ignored := unheeded(os.environ)):
        log.warning(ignored)
    with with_variables({**changes, **of_a_run()}):
        return _started(settings, master, conf, debug, device)


@contextmanager
def java_ahead(settings: Settings) -> Iterator[None]:
    """Start Java for a local run already now, while this Python imports and checks other things.

    session_for uses it. If it is not needed, it is ended with the block. Problems are ignored here,
    because session_for reports them.
    """
    with suppress(UserError, OSError):
        if not by_spark_submit() and not settings.run.debug:
            _begin_java(settings)
    try:
        yield
    finally:
        drop_java()


def _begin_java(options: Settings) -> None:
    master, conf = _resources(options)
    if not is_local(master) or any(map(RESOURCES.match, conf)):  # see _forget_resources
        return
    java = java_home()
    settings, changes = _settings(master, java, debug=False)
    _complete(settings, master, conf)
    variables = {**os.environ, **changes, **of_a_run()}
    begin_java(
        java,
        dict(settings.getAll()),
        {name: value for name, value in variables.items() if value is not None},
    )


def _settings(master: str, java: Path, debug: bool) -> tuple[SparkConf, Changes]:
    """Return the settings to start with, and the changes to the environment of Java."""
    settings = SparkConf().setAppName("semscore")
    if not is_local(master):
        return settings, {"JAVA_HOME": str(java)}
    return settings.setAll(list(local_conf(java, debug).items())), of_local_java(java)


def _resources(settings: Settings) -> tuple[str, dict[str, str]]:
    """Return the master and the settings of a Spark that is started here."""
    resources = resources_for(
        settings.spark.master or DEFAULT_MASTER,
        settings.spark,
        settings.engine,
        settings.recipe.precision,
    )
    return resources.master, resources.conf | settings.spark.pairs


@contextmanager
def session_for(settings: Settings, running: SparkSession | None) -> Iterator[SparkSession]:
    """Provide the session that runs already, or start one and stop it at the end.

    Raises UserError if Spark does not start, or its GPU settings contradict each other.
    """
    if running:
        check_gpu_settings(spark_settings(running), settings.engine.device)
        yield running
        return
    master, conf = settings.spark.master, settings.spark.pairs
    if not by_spark_submit():
        master, conf = _resources(settings)
    log.info("starting Spark")
    spark = start_session(master, conf, settings.run.debug, settings.engine.device)
    try:
        yield spark
    finally:
        for stopping in _stopping:
            stopping.join()
        _stopping.clear()
        with suppress(Exception):  # Spark may have ended already; that error is reported elsewhere
            spark.stop()


def stop_ahead(spark: SparkSession) -> None:
    """Begin to stop a local Spark that session_for has started, while this Python does the rest.

    It takes half a second. On a cluster, the application must not end before the run has succeeded.
    """
    if not is_local(str(spark.sparkContext.master)):
        return

    def stop() -> None:
        with suppress(Exception):  # see session_for
            spark.sparkContext.stop()

    _stopping.append(Thread(target=stop, name="semscore-stop"))
    _stopping[-1].start()


@contextmanager
def early_session(
    settings: Settings, running: SparkSession | None
) -> Iterator[SparkSession | None]:
    """Provide a session already now if a place is reached only through its Java.

    Otherwise, provide the one that runs already, if any.
    """
    if running is None and any(map(needs_java, (*settings.locations, settings.output))):
        with session_for(settings, None) as spark:
            yield spark
    else:
        yield running


def _submitted() -> SparkConf:
    """Return the settings that spark-submit made."""
    SparkContext._ensure_initialized()
    return SparkConf(_jvm=SparkContext._jvm)


def _started(
    settings: SparkConf, master: str | None, conf: dict[str, str], debug: bool, device: Device
) -> SparkSession:
    """Start or join the session with all these settings; see start_session."""
    _complete(settings, master, conf)
    check_gpu_settings(dict(settings.getAll()), device)
    try:
        start_java(settings, quiet=not debug)
        spark = SparkSession.builder.config(conf=settings).getOrCreate()
    except Exception as error:  # py4j's, pyspark's or plain RuntimeError
        raise UserError(f"Spark did not start: {why_not(error)}") from error
    if not debug:
        for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
            # Spark 4 logs JSON and stack traces for errors that our messages already report.
            logging.getLogger(name).disabled = True
    if not is_local(str(spark.sparkContext.master)):
        # This way, the Pythons of a cluster need only semscore's dependencies.
        code = Path(tempfile.mkdtemp(prefix="semscore-"), "semscore-udfs.zip")
        spark.sparkContext.addPyFile(str(write_code(code, ("udfs",))))
    return spark


def _complete(settings: SparkConf, master: str | None, conf: dict[str, str]) -> None:
    """Add the user's settings, and leave out those that a local master does not take."""
    if master:
        settings.setMaster(master)
    settings.setAll(list(conf.items()))
    if will_be_local(settings.get("spark.master")):
        _forget_resources(settings)


def require_classic(spark: object) -> None:
    """Raise UserError for a Spark Connect session, which has no SparkContext and no JVM."""
    if any(kind.__module__.startswith("pyspark.sql.connect") for kind in type(spark).__mro__):
        raise UserError(
            "this is a Spark Connect session, but a job needs a classic session with a "
            "SparkContext: run `semscore score` or spark-submit on the cluster itself"
        )


def job_session(spark: SparkSession) -> SparkSession:
    """Open a session for this job on a running Spark; its settings affect no other session."""
    own = spark.newSession()
    for key, value in REQUIRED.items():
        own.conf.set(key, value)
    return own


def spark_settings(spark: SparkSession | None) -> dict[str, str]:
    """Return the settings of the running session, or those from spark-submit; else none."""
    if spark:
        return dict(spark.sparkContext.getConf().getAll())
    if by_spark_submit():
        return dict(_submitted().getAll())
    return {}


def slots(spark: SparkSession) -> int:
    """Return the number of tasks that can run at once."""
    context = spark.sparkContext
    per_task = int(context.getConf().get("spark.task.cpus", "1") or 1)
    return max(context.defaultParallelism // per_task, 1)


def task_rows(spark: SparkSession) -> int:
    """Return the rows of a task on a core, or on its share of a GPU; see sizing.gpu_task_rows."""
    share = spark.sparkContext.getConf().get(TASK)
    if share is None:
        return TASK_ROWS
    return gpu_task_rows(min(float(share), 1))


def will_be_local(master: str | None) -> bool:
    """Return whether driver and executors will be one process on this machine.

    Without a master they will be, unless spark-submit started this Python.
    """
    return is_local(master or ("" if by_spark_submit() else DEFAULT_MASTER))


def by_spark_submit() -> bool:
    """Return whether spark-submit started this Python, and so has set the master and the sizes."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def _forget_resources(settings: SparkConf) -> None:
    """Remove GPU settings: a local master schedules no GPUs, so jobs would wait forever."""
    for key in [key for key, _ in settings.getAll() if RESOURCES.match(key)]:
        log.warning("ignored %s: a local master schedules no GPUs; workers share them", key)
        if settings._conf is not None:
            settings._conf.pop(key)
        else:
            jvm: Any = SparkContext._jvm
            jvm.java.lang.System.clearProperty(key)
            settings._jconf.remove(key)  # type: ignore[union-attr]
