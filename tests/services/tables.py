"""Real Delta and Iceberg tables, written by their own Spark packages and Python libraries."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from semscore.jobs.spark.session import start_session

JARS = Path(__file__).parents[2] / "build/tables"
EXTENSIONS = (
    "io.delta.sql.DeltaSparkSessionExtension",
    "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
)
# Pairs with ids; a key with nulls and with characters that are escaped in folder names; a day.
PAIRS = """
    SELECT id, concat('a ', id) AS text1, concat('b ', id % 7) AS text2,
           CASE id % 5 WHEN 0 THEN NULL WHEN 1 THEN 'b/c d' WHEN 2 THEN 'x=%2F' ELSE 'é' END AS k,
           date_add(date'2024-02-28', int(id % 3)) AS day
    FROM range({start}, {stop})
"""


def pairs(start: int, stop: int) -> str:
    """Return a query with the pairs of some ids."""
    return PAIRS.format(start=start, stop=stop)


def spark_with_tables(warehouse: Path) -> SparkSession:
    """Return a session that writes Delta tables, and Iceberg tables as `ice.db.NAME`."""
    settings = {
        "spark.jars": ",".join(map(str, sorted(JARS.glob("*.jar")))),
        "spark.sql.extensions": ",".join(EXTENSIONS),
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.catalog.ice": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.ice.type": "hadoop",
        "spark.sql.catalog.ice.warehouse": str(warehouse),
        "spark.sql.shuffle.partitions": "2",
        "spark.databricks.delta.snapshotPartitions": "2",
    }
    return start_session("local[2]", settings)
