"""A dataset is brought up to date with a later snapshot of its table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from semscore.udfs.errors import UserError
from tests.services.tables import pairs
from tests.tables.conftest import Score, Scored, as_text

pytestmark = pytest.mark.tables
COLUMNS = "id, text1, text2, k, day"


@pytest.fixture(params=["delta", "iceberg"])
def table(
    request: pytest.FixtureRequest, spark: SparkSession, tmp_path: Path, warehouse: Path
) -> Iterator[tuple[str, Path]]:
    """The name of a table for Spark, and its folder."""
    if request.param == "delta":
        spark.sql(
            f"CREATE TABLE delta.`{tmp_path}/d` USING delta PARTITIONED BY (day) TBLPROPERTIES "
            f"('delta.enableDeletionVectors' = 'true') AS {pairs(0, 300)}"
        )
        yield f"delta.`{tmp_path}/d`", tmp_path / "d"
        return
    spark.sql(
        "CREATE TABLE ice.db.f USING iceberg PARTITIONED BY (day) TBLPROPERTIES "
        f"('write.delete.mode' = 'merge-on-read') AS {pairs(0, 300)}"
    )
    yield "ice.db.f", warehouse / "db/f"
    spark.sql("DROP TABLE ice.db.f PURGE")


def test_new_files_are_scored(
    spark: SparkSession, table: tuple[str, Path], run: Score, scored: Scored
) -> None:
    name, folder = table
    first = run(folder)
    spark.sql(f"INSERT INTO {name} {pairs(300, 340)}")
    assert run(folder, mode="resume").rows == 0  # the same snapshot
    second = run(folder, mode="resume", snapshot="latest")
    assert second.rows == 40
    assert scored(COLUMNS) == as_text(spark.table(name), COLUMNS)
    assert second.record["snapshot"]["id"] != first.record["snapshot"]["id"]
    assert run(folder, mode="resume").rows == 0  # the newer one is recorded


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ("DELETE FROM {} WHERE id < 10", 299 - 9),
        ("UPDATE {} SET text1 = 'new' WHERE id = 7", 300),
        ("DELETE FROM {} WHERE day = date'2024-02-28'", 0),
    ],
)
def test_files_that_are_gone_or_rewritten_need_follow(
    spark: SparkSession,
    table: tuple[str, Path],
    run: Score,
    scored: Scored,
    change: str,
    again: int,
) -> None:
    name, folder = table
    run(folder)
    spark.sql(change.format(name))
    with pytest.raises(UserError, match=r"no longer in .*, or have other deleted rows.*--follow"):
        run(folder, mode="resume", snapshot="latest")
    result = run(folder, mode="resume", follow=True)
    assert scored(COLUMNS) == as_text(spark.table(name), COLUMNS)
    assert result.rows >= again
    assert result.manifest is not None
    assert result.manifest["audit"]["rows_in"] == spark.table(name).count()
    assert run(folder, mode="resume").rows == 0


def test_after_merge_and_compaction_no_row_is_doubled(
    spark: SparkSession, table: tuple[str, Path], run: Score, scored: Scored
) -> None:
    name, folder = table
    run(folder)
    spark.sql(
        f"MERGE INTO {name} AS t USING ({pairs(290, 310)}) AS n ON t.id = n.id "
        "WHEN MATCHED AND n.id < 295 THEN DELETE WHEN MATCHED THEN UPDATE SET text1 = 'merged' "
        "WHEN NOT MATCHED THEN INSERT *"
    )
    compact = "CALL ice.system.rewrite_data_files(table => 'db.f', options => map({}))".format(
        "'min-input-files', '2'"
    )
    spark.sql(f"OPTIMIZE {name}" if name.startswith("delta") else compact)
    result = run(folder, mode="resume", follow=True)
    assert scored(COLUMNS) == as_text(spark.table(name), COLUMNS)
    assert result.units.rows == 305


def test_an_empty_snapshot_is_refused(
    spark: SparkSession, table: tuple[str, Path], run: Score
) -> None:
    name, folder = table
    spark.sql(f"DELETE FROM {name} WHERE true")
    with pytest.raises(UserError, match="has no files, so it has no rows"):
        run(folder)


def test_other_columns_than_before_are_refused(
    spark: SparkSession, table: tuple[str, Path], run: Score
) -> None:
    name, folder = table
    run(folder)
    spark.sql(f"ALTER TABLE {name} ADD COLUMN more INT")
    spark.sql(f"INSERT INTO {name} SELECT *, 7 FROM ({pairs(300, 310)})")
    with pytest.raises(UserError, match=r"have changed since OUTPUT was started: more\. Choose"):
        run(folder, mode="resume", follow=True)


def test_follow_is_for_tables_and_for_resuming(tmp_path: Path, run: Score) -> None:
    with pytest.raises(UserError, match=r"^--follow .*, so it needs --mode resume$"):
        run(tmp_path, follow=True)
