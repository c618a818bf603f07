"""The queries of docs/tables.md run on real tables."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from tests.services.examples import blocks
from tests.services.tables import pairs
from tests.tables.conftest import Score, as_text

pytestmark = pytest.mark.tables
PAGE = (Path(__file__).parents[2] / "docs/tables.md").read_text("utf-8")
SCORES = "(id BIGINT, score FLOAT, status STRING)"


@pytest.fixture
def tables(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs and scores, in both formats; the Delta tables in the folder lake/."""
    monkeypatch.chdir(tmp_path)
    for name, columns in (("pairs", f"AS {pairs(0, 100)}"), ("scored", SCORES)):
        before, query = ("", columns) if name == "pairs" else (columns, "")
        spark.sql(f"CREATE TABLE delta.`{tmp_path}/lake/{name}` {before} USING delta {query}")
        spark.sql(f"CREATE OR REPLACE TABLE ice.db.{name} {before} USING iceberg {query}")


@pytest.mark.usefixtures("tables")
def test_new_rows_are_merged_and_a_repetition_changes_nothing(
    spark: SparkSession, tmp_path: Path
) -> None:
    delta, iceberg = (
        code.replace("lake/", f"{tmp_path}/lake/")
        for code in blocks(PAGE, "python")
        if "MERGE" in code
    )
    names = {"spark": spark}
    for _ in range(2):
        exec(delta, names)
        exec(iceberg, names)
    for scored in (f"delta.`{tmp_path}/lake/scored`", "ice.db.scored"):
        assert spark.table(scored).where("score IS NOT NULL").count() == 100
    log = tmp_path / "lake/scored/_delta_log"
    assert len(list(log.glob("*.json"))) <= 3  # the table and one or two merges
    spark.sql("DROP TABLE ice.db.pairs PURGE")
    spark.sql("DROP TABLE ice.db.scored PURGE")


def test_the_parquet_files_of_a_dataset_become_an_iceberg_table(
    spark: SparkSession, tmp_path: Path, run: Score
) -> None:
    (tmp_path / "in").mkdir()
    rows = {"text1": ["a", "b"], "text2": ["x", "y"]}
    pq.write_table(pa.table(rows), tmp_path / "in/a.parquet")
    run(tmp_path / "in")
    [code] = [code for code in blocks(PAGE, "python") if "add_files" in code]
    exec(code.replace("lake/scored", f"{tmp_path}/out"), {"spark": spark})
    names = "text1, text2, semanticScore, semanticStatus"
    plain = as_text(spark.read.parquet(f"{tmp_path}/out"), names)
    assert as_text(spark.table("ice.db.results"), names) == plain
    spark.sql("DROP TABLE ice.db.results")
