"""Errors: exit codes, suggestions, and the one sentence that matters out of Spark's many."""

from __future__ import annotations

import pytest

from semscore.jobs.errors import (
    AuditFailed,
    JobError,
    OutputInUse,
    StoppedEarly,
    TooManyErrors,
    UnitsSetAside,
    UserError,
    root_cause,
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
        for kind in JobError.__subclasses__()
        if kind.__module__ == JobError.__module__  # JobFailed passes on the exit code of its job
    }
    assert codes == {
        UserError: 2,
        AuditFailed: 3,
        TooManyErrors: 4,
        OutputInUse: 5,
        UnitsSetAside: 6,
        StoppedEarly: 75,
    }
    assert JobError.exit_code == 1
