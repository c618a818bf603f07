"""Errors: exit codes, suggestions, and the one sentence that matters out of Spark's many."""

from __future__ import annotations

import pytest

from semscore.jobs.failures.root_cause import root_cause
from semscore.udfs.errors import (
    AuditFailed,
    JobError,
    NothingCommitted,
    OutputInUse,
    StoppedEarly,
    TooManyErrors,
    UnitsSetAside,
    UserError,
    some_of,
    suggestion,
)

PYTHON_IN_JAVA = """\
An error occurred while calling o98.parquet.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 1 in stage 2.0 failed \
1 times, most recent failure: Lost task 1.0 in stage 2.0 (TID 3) (127.0.0.1 executor driver): \
org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "/x/worker.py", line 1247, in main
    process()
  File "/x/scoring.py", line 3, in score
    raise ValueError("'fake' returned shape (1, 3), expected (1, 2)")
ValueError: 'fake' returned shape (1, 3), expected (1, 2)

\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(X.scala:572)
\tat java.base/java.lang.Thread.run(Thread.java:840)

Driver stacktrace:
\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2898)
Caused by: org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "/x/scoring.py", line 3, in score
    raise ValueError("'fake' returned shape (1, 3), expected (1, 2)")
ValueError: 'fake' returned shape (1, 3), expected (1, 2)

\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(X.scala:572)
\t... 1 more
"""

CAUSED = """\
An error occurred while calling o98.parquet.
: org.apache.spark.SparkException: Job aborted.
\tat org.apache.spark.sql.X.run(X.scala:1)
Caused by: org.apache.spark.SparkException: Task failed while writing rows.
\tat org.apache.spark.sql.Y.run(Y.scala:1)
Caused by: java.io.IOException: No space left on device
\t... 9 more
"""

ONE_JAVA = """\
An error occurred while calling None.org.apache.spark.api.java.JavaSparkContext.
: org.apache.spark.SparkException: Could not parse Master URL: 'local[x]'
\tat org.apache.spark.SparkContext$.createTaskScheduler(SparkContext.scala:3194)
"""

ANALYSIS = """\
[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column with name `x` cannot be resolved.; line 1 pos 0;
'Filter ('x > 1)
+- Relation [text1#0] parquet
"""


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (PYTHON_IN_JAVA, "ValueError: 'fake' returned shape (1, 3), expected (1, 2)"),
        (CAUSED, "java.io.IOException: No space left on device"),
        (ONE_JAVA, "org.apache.spark.SparkException: Could not parse Master URL: 'local[x]'"),
        (ANALYSIS, ANALYSIS.splitlines()[0].rstrip(";")),
        (
            "\n\n[PARSE_SYNTAX_ERROR] Syntax error at 'x'.\n\n== SQL ==\n",
            "[PARSE_SYNTAX_ERROR] Syntax error at 'x'.",
        ),
        ("one line", "one line"),
        ("  \n ", "RuntimeError"),
        ("", "RuntimeError"),
    ],
)
def test_the_root_cause_is_one_sentence(text: str, cause: str) -> None:
    assert root_cause(RuntimeError(text)) == cause


UNREADABLE = """\
An error occurred while calling o446.collectToPython.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 14.0 failed 1 \
times, most recent failure: Lost task 0.0 in stage 14.0 (TID 27) (192.0.2.2 executor driver): \
org.apache.spark.SparkException: Encountered error while reading file file:///d/a b.parquet. \
Details:
\tat org.apache.spark.sql.errors.QueryExecutionErrors$.cannotReadFilesError(X.scala:864)
Caused by: {}
\t... 9 more
"""
UPGRADE = """\
[INCONSISTENT_BEHAVIOR_CROSS_VERSION.READ_ANCIENT_DATETIME] You may get a different result due to \
the upgrading to Spark >= 3.0:
reading dates before 1582-10-15 from Parquet files can be ambiguous.
See more details in SPARK-31404.
"""


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (
            UNREADABLE.format("shaded.thrift.TProtocolException: don't know what type: 15"),
            "shaded.thrift.TProtocolException: don't know what type: 15 (file file:///d/a b.parq",
        ),
        (  # what says nothing is named behind what does
            UNREADABLE.format("java.lang.NullPointerException"),
            "org.apache.spark.SparkException: Encountered error while reading file "
            "file:///d/a b.parquet. Details (java.lang.NullPointerException)",
        ),
        (
            UNREADABLE.format("x.SchemaError: column: [a], physicalType: INT64"),
            "x.SchemaError: column: [a], physicalType: INT64 (file file:///d/a b.parquet)",
        ),
        (
            "java.nio.file.AccessDeniedException: s3a://b/k: getFileStatus on s3a://b/k: x\n"
            "\tat a.b\nCaused by: com.amazonaws.AmazonS3Exception: Forbidden (Status Code: 403)\n",
            "com.amazonaws.AmazonS3Exception: Forbidden (Status Code: 403) (file s3a://b/k)",
        ),
        (
            "An error occurred while calling o8.foo. Trace:\npy4j.Py4JException: Method foo([]) "
            "does not exist\n\tat py4j.reflection.ReflectionEngine.getMethod(X.java:321)\n",
            "py4j.Py4JException: Method foo([]) does not exist",
        ),
        (UPGRADE, " ".join(UPGRADE.splitlines()[:2])),
        ("java.lang.NullPointerException\n\tat a.b(C.java:1)\n", "java.lang.NullPointerException"),
        ("a.B: java.io.EOFException\n\tat a.b\nCaused by: java.io.EOFException\n", "java.io.EOF"),
    ],
)
def test_the_deepest_cause_that_says_something_is_shown(text: str, cause: str) -> None:
    assert root_cause(RuntimeError(text)).startswith(cause)


def test_pyspark_keeps_javas_stack_apart() -> None:
    error = RuntimeError("Task failed while writing rows.")
    error.stackTrace = CAUSED.partition("\n: ")[2]  # type: ignore[attr-defined]
    assert root_cause(error) == "java.io.IOException: No space left on device"
    error.stackTrace = (  # type: ignore[attr-defined]
        f"org.apache.spark.SparkUpgradeException: {UPGRADE}\n\tat a.b\n"
        "Caused by: java.time.format.DateTimeParseException: Text '2020-1-1x' could not be parsed\n"
    )
    assert root_cause(error).startswith("[INCONSISTENT_BEHAVIOR_CROSS_VERSION")


def test_python_exceptions_are_never_nothing_nor_half_a_sentence() -> None:
    assert root_cause(KeyError("x")) == "KeyError: 'x'"
    assert root_cause(AssertionError()) == "AssertionError"
    assert root_cause(OSError(28, "No space left on device", "/x")) == (
        "[Errno 28] No space left on device: '/x'"
    )
    assert root_cause(ValueError("while loading:\n  bad\n  worse")) == "while loading: bad"
    try:
        try:
            raise ValueError("the weights do not fit")
        except ValueError as error:
            raise RuntimeError from error
    except RuntimeError as error:
        assert root_cause(error) == "the weights do not fit"


def test_of_several_tracebacks_the_last_counts() -> None:
    text = (
        'Traceback (most recent call last):\n  File "a"\nKeyError: 1\n\nDuring handling of the '
        "above exception, another exception occurred:\n\nTraceback (most recent call last):\n"
        '  File "b"\nModelError: no such model\n'
    )
    assert root_cause(RuntimeError(text)) == "ModelError: no such model"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Text1", " (did you mean 'text1'?)"),
        ("txt2", " (did you mean 'text2'?)"),
        ("SEMANTICSCORE", " (did you mean 'semanticScore'?)"),
        ("body", ""),
        ("", ""),
    ],
)
def test_a_near_name_is_suggested_in_its_own_spelling(name: str, near: str) -> None:
    assert suggestion(name, ["text1", "text2", "semanticScore"]) == near


def test_nothing_known_nothing_suggested() -> None:
    assert suggestion("x", []) == ""


def test_long_lists_are_cut_and_counted() -> None:
    assert some_of(["a", "b"]) == "a, b"
    assert some_of(["a", "b", "c", "d"], shown=2) == "a, b and 2 more"
    assert some_of([]) == ""
    assert some_of(["x"] * 5000, shown=1) == "x and 4,999 more"


def test_every_error_has_the_exit_code_that_the_help_states() -> None:
    codes = {
        kind: kind.exit_code
        for kind in (*JobError.__subclasses__(), *StoppedEarly.__subclasses__())
        if kind.exit_code != JobError.exit_code
    }
    assert codes == {
        UserError: 2,
        AuditFailed: 3,
        TooManyErrors: 4,
        OutputInUse: 5,
        UnitsSetAside: 6,
        NothingCommitted: 7,
        StoppedEarly: 75,
    }
    assert JobError.exit_code == 1
