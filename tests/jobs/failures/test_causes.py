"""What ends a run: the user's mistake, the device, the machine, or nobody knows."""

from __future__ import annotations

import sys

import pytest
from py4j.protocol import Py4JNetworkError

from semscore.jobs.failures.causes import ended_by, judged, sentence
from semscore.jobs.failures.root_cause import root_cause
from semscore.udfs.errors import (
    DeviceFailed,
    JobError,
    ModelError,
    NotHere,
    RecipeError,
    StoppedEarly,
    UserError,
)
from semscore.udfs.gpus.leases import LeaseError

# As Spark 3.5.9 gave them, shortened.
STAGE = (
    "An error occurred while calling o396.parquet.\n: org.apache.spark.SparkException: Job aborted "
    "due to stage failure: Task 1 in stage 11.0 failed 1 times, most recent failure: Lost task 1.0 "
    "in stage 11.0 (TID 23) (192.0.2.2 executor driver): "
)
FRAMES = (
    "\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator$$anonfun$1.applyOrElse(Pyth"
    "onRunner.scala:609)\n\n"
)
DRIVER = (
    "Driver stacktrace:\n\tat org.apache.spark.scheduler.DAGScheduler.x(DAGScheduler.scala:2898)\n"
)
WORKER = (
    STAGE + "org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n"
    '  File "/x/worker.py", line 7, in f\n    f(s)\n    ^^^^\n{}\n\n' + FRAMES + DRIVER
)
KILLED = (
    STAGE + "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed): \n\n"
    + FRAMES + DRIVER + "Caused by: java.io.EOFException\n\t... 9 more\n"
)  # fmt: skip
SEGFAULT = KILLED.replace(
    "(crashed): ",
    "(crashed): Fatal Python error: Segmentation fault\n\nCurrent thread 0x00 (most recent call "
    'first):\n  File "/x.py", line 519 in string_at\n',
)
RESET = STAGE + "java.net.SocketException: Connection reset\n\tat java.base/sun.nio.ch.X\n" + FRAMES
HEAP = (
    STAGE + "java.lang.OutOfMemoryError: Java heap space\n\tat java.base/java.util.Arrays.copyOf\n"
)
NO_PYTHON = (
    STAGE + 'java.io.IOException: Cannot run program "/no/such/python": error=2, No such file or '
    "directory\n\tat java.base/java.lang.ProcessBuilder.start(ProcessBuilder.java:1143)\n"
)
LOST = (
    "An error occurred while calling o1.x.\n: org.apache.spark.SparkException: Job aborted due to "
    "stage failure: Task 0 in stage 1.0 failed 4 times, most recent failure: Lost task 0.3 in "
    "stage 1.0 (TID 9) (10.0.0.2 executor 2): ExecutorLostFailure (executor 2 exited caused by one "
    "of the running tasks) Reason: Container killed by YARN for exceeding physical memory limits.\n"
)


@pytest.mark.parametrize(
    ("raised", "ending", "says"),
    [
        ("semscore.udfs.errors.ModelError: x has no weights", UserError, "x has no weights"),
        ("semscore.udfs.errors.NotHere: x is not here", UserError, "x is not here"),
        ("semscore.udfs.errors.RecipeError: metric is wrong", UserError, "metric is wrong"),
        (
            "semscore.udfs.errors.DeviceFailed: h 1 gpu:0 failed: CUDA error: x\nmore",
            JobError,
            "h 1",
        ),
        ("semscore.udfs.gpus.leases.LeaseError: no GPU is left", JobError, "no GPU is left"),
        ("semscore.udfs.errors.CanaryFailed: 0.3 away", JobError, "0.3 away"),
        (
            "TypeError: similarity() takes string columns, got ['int']; cast them to string",
            UserError,
            "similarity() takes string columns, got ['int']; cast them to string",
        ),
        ("MemoryError", JobError, "a Python worker ran out of memory: start fewer workers"),
        ("ModuleNotFoundError: No module named 'torch'", UserError, "has no module 'torch'"),
        (
            "pyspark.errors.exceptions.base.PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] Python "
            "in worker has different version (3.10) than that in driver 3.11, PySpark cannot run",
            UserError,
            "the workers' Python is 3.10 and the driver's is 3.11",
        ),
    ],
)
def test_what_a_worker_raises_is_classified(raised: str, ending: type, says: str) -> None:
    error = RuntimeError(WORKER.format(raised))
    found = judged(error)
    assert isinstance(found, ending) and found.exit_code == ending.exit_code
    assert says in str(found)
    assert "\n" not in str(found)
    assert sentence(error) == str(found)


@pytest.mark.parametrize(
    ("text", "ending", "says"),
    [
        (KILLED, JobError, "was killed, most likely by the operating system because memory ran"),
        (RESET, JobError, "a Python worker was killed"),
        (SEGFAULT, JobError, "a Python worker crashed (Segmentation fault)"),
        (HEAP, JobError, "Spark's Java ran out of memory (Java heap space): give it more"),
        (
            NO_PYTHON,
            UserError,
            "/no/such/python (No such file or directory): correct PYSPARK_PYTHON",
        ),
        (
            LOST,
            JobError,
            "lost an executor (Container killed by YARN for exceeding physical memory",
        ),
        (
            STAGE + "java.io.IOException: No space left on device\n\tat x.y",
            JobError,
            "disk is full",
        ),
        (
            STAGE + "com.amazonaws.services.s3.model.AmazonS3Exception: Access Denied (Service: "
            "Amazon S3; Status Code: 403; Error Code: AccessDenied; Request ID: x)\n\tat x.y",
            JobError,
            "S3 refused a request of Spark (403): the credentials lack a right",
        ),
        (
            STAGE + "java.nio.file.AccessDeniedException: s3a://in/a/1.parquet: getFileStatus on "
            "s3a://in/a/1.parquet: software.amazon.awssdk.services.s3.model.S3Exception: (Service: "
            "S3, Status Code: 403, Request ID: x)\n\tat x.y",
            JobError,
            "S3 refused a request of Spark (403, s3a://in/a/1.parquet): ",
        ),
        (
            STAGE + "com.amazonaws.services.s3.model.AmazonS3Exception: The provided token has "
            "expired. (Service: Amazon S3; Status Code: 400; Error Code: ExpiredToken)\n\tat x.y",
            JobError,
            "S3 rejected the AWS credentials of Spark (",
        ),
        (
            "An error occurred while calling o1.x.\n: java.lang.IllegalStateException: Cannot call "
            "methods on a stopped SparkContext.\nThis stopped SparkContext was created at:\n",
            JobError,
            "Spark ended during the run",
        ),
    ],
)
def test_what_happens_to_a_process_is_classified(text: str, ending: type, says: str) -> None:
    found = judged(RuntimeError(text))
    assert isinstance(found, ending) and found.exit_code == ending.exit_code
    assert says in str(found)


@pytest.mark.parametrize(
    "error", [Py4JNetworkError("Answer from Java side is empty"), ConnectionRefusedError(111, "x")]
)
def test_a_java_that_has_gone_is_said(error: Exception) -> None:
    assert "Spark ended during the run" in sentence(error)


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (ModelError("no weights"), UserError),
        (NotHere("not here"), UserError),
        (RecipeError("wrong"), UserError),
        (DeviceFailed("gpu:0 failed"), JobError),
        (LeaseError("none is left"), JobError),
    ],
)
def test_in_this_process_it_is_the_same(error: Exception, ending: type) -> None:
    found = judged(error)
    assert isinstance(found, ending) and found.exit_code == ending.exit_code
    assert str(found) == str(error)
    raised = ended_by(error)
    assert raised is error or (type(raised), raised.__cause__) == (ending, error)


def test_what_has_a_sentence_keeps_it_and_what_nobody_foresaw_stays_itself() -> None:
    stopped, unknown = StoppedEarly("stopped"), KeyError("x")
    assert judged(stopped) is ended_by(stopped) is stopped
    assert judged(unknown) is None
    assert ended_by(unknown) is unknown
    assert sentence(unknown) == "KeyError: 'x'"
    assert judged(RuntimeError(WORKER.format("ValueError: x"))) is None


def test_a_module_that_the_driver_lacks_is_not_the_workers() -> None:
    assert judged(ModuleNotFoundError("No module named 'altair'", name="altair")) is None
    s3 = "java.net.ConnectException: Connection refused\n\tat org.apache.hadoop.fs.s3a.X\n"
    assert judged(RuntimeError(STAGE + s3)) is None


def test_root_causes_of_the_same_texts_are_whole_sentences() -> None:
    assert root_cause(RuntimeError(KILLED)) == (
        "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed) "
        "(java.io.EOFException)"
    )
    assert root_cause(RuntimeError(WORKER.format("AssertionError"))) == "AssertionError"
    assert root_cause(RuntimeError(LOST)).startswith("ExecutorLostFailure (executor 2 exited")


@pytest.mark.parametrize(("python", "extra"), [((3, 12, 1), "local"), ((3, 13, 0), "spark4")])
def test_without_spark_the_extra_for_this_python_is_named(
    monkeypatch: pytest.MonkeyPatch, python: tuple[int, ...], extra: str
) -> None:
    monkeypatch.setattr(sys, "version_info", python)
    missing = judged(ModuleNotFoundError("No module named 'pyspark'", name="pyspark"))
    assert isinstance(missing, UserError)
    assert f"Spark is not installed in this Python: pip install 'semscore[{extra}]'" in str(missing)
