"""A store on a disk: what is found, what is written, how it stays small."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semscore.udfs.recipe import Prompt, Recipe
from semscore.udfs.stores.folder import StorageError
from semscore.udfs.stores.local_folder import LocalFolder
from semscore.udfs.vectors import tidy as tidying
from semscore.udfs.vectors.files import Stored, as_parquet, joined, read_parquet
from semscore.udfs.vectors.identity import text_hashes, vectors_key
from semscore.udfs.vectors.store import VectorStore
from semscore.udfs.vectors.tidy import tidy

NO_PROMPT = Prompt()
DIM = 3


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMSCORE_CACHE", str(tmp_path / "cache"))


def stored(*texts: str) -> Stored:
    """Vectors that show which text they belong to."""
    sizes = np.array([len(text) for text in texts], np.int64)
    vectors = np.array([[len(text), ord(text[0]), 1] for text in texts], np.float32)
    hashes = text_hashes(texts, NO_PROMPT)
    return Stored(hashes, vectors.reshape(-1, DIM), sizes, sizes > 5)


def store(tmp_path: Path, most: int = 10**9) -> VectorStore:
    opened = VectorStore(LocalFolder(str(tmp_path / "store/key")), DIM, most)
    opened.refresh()
    return opened


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "store").rglob("*.parquet"))


@given(st.lists(st.text(min_size=1), unique=True), st.integers(1, 5))
def test_a_file_gives_back_what_was_put_in(texts: list[str], parts: int) -> None:
    everything = stored(*texts)
    cut = [Stored(*(values[k::parts] for values in everything)) for k in range(parts)]
    back = read_parquet(io.BytesIO(as_parquet(joined([*cut, cut[0]]))))
    assert len(back.hashes) == len(texts)
    places = back.places(everything.hashes)
    for values, expected in zip(back, everything, strict=True):
        np.testing.assert_array_equal(values[places], expected)


def test_what_one_worker_writes_another_finds(tmp_path: Path) -> None:
    first = store(tmp_path)
    first.add(stored("rain", "snow", "a long text"))
    assert (
        len(first.find(text_hashes(["snow", "sun"], NO_PROMPT)).rows) == 1
    )  # before it is written
    first.write()
    second = store(tmp_path)
    found = second.find(text_hashes(["sun", "a long text", "rain"], NO_PROMPT))
    by_row = dict(zip(found.rows.tolist(), found.vectors[:, 0].tolist(), strict=True))
    assert by_row == {1: 11, 2: 4}
    assert dict(zip(found.rows.tolist(), found.truncated.tolist(), strict=True)) == {
        1: True,
        2: False,
    }
    second.write()  # nothing
    assert len(files(tmp_path)) == 1


def test_the_prompt_is_part_of_a_text() -> None:
    prompts = [Prompt(), Prompt(""), Prompt("q: "), Prompt(role="query")]
    hashes = {tuple(text_hashes(["rain"], prompt)[0].tolist()) for prompt in prompts}
    assert len(hashes) == 4


def test_vectors_that_are_computed_in_another_way_are_kept_apart() -> None:
    usual = (Recipe(), "model", None, "openvino", "cpu", {"torch": "2"})
    changes = [
        {0: Recipe(precision="bfloat16")},
        {0: Recipe(max_seq_length=7)},
        {0: Recipe(truncate_dim=7)},
        {1: "other"},
        {2: "int8"},
        {3: "flat"},
        {4: "cuda"},
        {5: {"torch": "3"}},
    ]
    keys = {vectors_key(*usual)}
    for change in changes:
        keys.add(vectors_key(*(change.get(k, value) for k, value in enumerate(usual))))  # type: ignore[arg-type]
    assert len(keys) == 1 + len(changes)
    assert vectors_key(Recipe(metric="dot", prompt1="q: "), *usual[1:]) in keys  # type: ignore[arg-type]


def test_a_full_store_takes_nothing(tmp_path: Path) -> None:
    first = store(tmp_path)
    first.add(stored("rain"))
    first.write()
    full = store(tmp_path, most=1)
    full.add(stored("snow"))
    full.write()
    assert len(files(tmp_path)) == 1


def test_the_oldest_files_make_room(tmp_path: Path) -> None:
    for age, text in enumerate(("rain", "snow", "sun")):
        worker = store(tmp_path)
        worker.add(stored(text))
        worker.write()
        [new] = [file for file in files(tmp_path) if file.stat().st_mtime > 1000]
        os.utime(new, (100 + age, 100 + age))
    size = sum(file.stat().st_size for file in files(tmp_path))
    tidy(LocalFolder(str(tmp_path / "store")), size - 1)
    left = store(tmp_path).find(text_hashes(["rain", "snow", "sun"], NO_PROMPT))
    assert sorted(left.rows.tolist()) == [1, 2]


def test_small_files_are_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "FEW", 3)
    old = store(tmp_path)
    for text in ("rain", "snow", "sun", "rain"):
        worker = store(tmp_path)
        worker._parts.clear()
        worker.add(stored(text))
        worker.write()
    old.refresh()
    tidy(LocalFolder(str(tmp_path / "store")), 10**9)
    [merged] = files(tmp_path)
    assert pq.read_metadata(merged).num_rows == 3
    for worker in (old, store(tmp_path)):  # one has copies of the files before
        assert len(worker.find(text_hashes(["rain", "snow", "sun"], NO_PROMPT)).rows) == 3
    old.refresh()
    assert len(old.find(text_hashes(["rain", "snow", "sun"], NO_PROMPT)).rows) == 3


def test_a_damaged_file_is_a_failure_of_the_storage(tmp_path: Path) -> None:
    place = tmp_path / "store/key"
    place.mkdir(parents=True)
    (place / "half.parquet").write_bytes(as_parquet(stored("rain"))[:50])
    with pytest.raises(StorageError, match="a file is damaged: "):
        store(tmp_path)


def test_vectors_of_another_size_are_not_used(tmp_path: Path) -> None:
    first = store(tmp_path)
    first.add(stored("rain"))
    first.write()
    other = VectorStore(LocalFolder(str(tmp_path / "store/key")), DIM + 1, 10**9)
    other.refresh()
    assert len(other.find(text_hashes(["rain"], NO_PROMPT)).rows) == 0
