"""The demo dataset: enough real pairs, the same on every call, readable, odd where it should be."""

from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from semscore.jobs.demo import pairs as demo
from semscore.jobs.demo.pairs import Pair


@pytest.fixture(scope="module")
def stdlib() -> list[Pair]:
    return demo.stdlib_pairs()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A dataset of the default size and the number of pairs that the call returned."""
    folder = tmp_path_factory.mktemp("demo") / "pairs"
    return folder, demo.write_demo_dataset(folder)


def read(folder: Path) -> pa.Table:
    return ds.dataset(folder, format="parquet", partitioning="hive").to_table()


def relative_bytes(folder: Path) -> dict[str, bytes]:
    files = folder.rglob("*.parquet")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_standard_library_gives_enough_pairs_of_every_kind(stdlib: list[Pair]) -> None:
    assert len(stdlib) >= 5000
    assert {pair.kind for pair in stdlib} == {"module", "class", "function", "method"}
    assert all(pair.text1 and pair.text2 and pair.grade is None for pair in stdlib)


def test_a_pair_is_name_and_summary_with_a_further_paragraph(stdlib: list[Pair]) -> None:
    pair = next(pair for pair in stdlib if pair.id.startswith("asyncio.tasks.wait_for/"))
    assert pair.kind == "function"
    assert pair.text1 == (
        "asyncio.tasks.wait_for: Wait for the single Future or coroutine to complete, with timeout."
    )
    assert pair.text2 is not None
    assert pair.text2 == " ".join(pair.text2.split())


def test_sources_are_walked_in_order_without_the_skipped_folders(tmp_path: Path) -> None:
    for name in ("b.py", "a/x.py", "test/t.py", "a/tests/t.py", "site-packages/p.py", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in demo.source_files(tmp_path)]
    assert found == ["b.py", "a/x.py"]


def test_files_that_cannot_be_parsed_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text("def (")
    (tmp_path / "zeros.py").write_bytes(b"\0")
    (tmp_path / "latin.py").write_bytes(b"'''\xe9'''")
    (tmp_path / "good.py").write_text(
        "class Tea:\n"
        "    if True:\n"
        "        def pour(self):\n"
        "            '''Pour\n"
        "            a cup. Slowly.\n\n"
        "            Note:\n\n"
        "            Mind  the\n"
        "            hot water.'''\n"
    )
    monkeypatch.setattr("sysconfig.get_paths", lambda: {"stdlib": str(tmp_path)})
    assert demo.stdlib_pairs() == [
        Pair("method", "good.Tea.pour/2", "good.Tea.pour: Pour a cup.", "Mind the hot water.")
    ]


def test_a_python_without_sources_is_named_in_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sysconfig.get_paths", lambda: {"stdlib": str(tmp_path)})
    with pytest.raises(FileNotFoundError, match=r"no docstrings found .* under .*sources"):
        demo.stdlib_pairs()


def test_the_selection_is_spread_evenly() -> None:
    ten = [Pair("module", str(i), "a", "b") for i in range(10)]
    assert [pair.id for pair in demo.evenly(ten, 4)] == ["0", "2", "5", "7"]
    assert demo.evenly(ten, 11) == ten
    assert demo.evenly([], 3) == []


def test_graded_pairs_cover_the_scale_and_several_languages() -> None:
    graded = demo.graded_pairs()
    grades = [pair.grade for pair in graded if pair.grade is not None]
    assert len(graded) == len(grades) >= 100
    assert min(grades) == 0
    assert max(grades) == 5
    assert len({pair.id.split("/")[1] for pair in graded}) >= 5
    assert len({(pair.text1, pair.text2) for pair in graded}) == len(graded)
    assert all(pair.text1 and pair.text2 for pair in graded)


def test_odd_pairs_hold_nulls_blanks_repeats_emoji_and_long_texts(stdlib: list[Pair]) -> None:
    odd = {pair.id.removeprefix("odd/"): pair for pair in demo.odd_pairs(stdlib)}
    texts = [text for pair in odd.values() for text in (pair.text1, pair.text2)]
    assert (odd["null-both"].text1, odd["null-both"].text2) == (None, None)
    assert odd["empty-both"].text1 == ""
    assert odd["blank-ideographic-space"].text1 == "\u3000"
    assert odd["repeat-0"][2:] == odd["repeat-4"][2:]
    assert odd["same-both-sides"].text1 == odd["same-both-sides"].text2
    assert any(text and "\U0001f389" in text for text in texts)
    assert any(text and "\u200d" in text for text in texts)
    assert max(len(text) for text in texts if text) == 200_000


def test_the_dataset_is_readable_and_complete(written: tuple[Path, int]) -> None:
    folder, n_pairs = written
    table = read(folder)
    ids = table["id"].to_pylist()
    assert table.column_names == ["id", "text1", "text2", "grade", "kind"]
    assert len(ids) == len(set(ids)) == n_pairs > 5000
    assert set(table["kind"].to_pylist()) == set(demo.KINDS)
    graded = table.filter(ds.field("grade").is_valid())
    assert set(graded["kind"].to_pylist()) == {"graded"}
    assert graded.num_rows == len(demo.graded_pairs())
    assert len(list(folder.glob("kind=*/part-*.parquet"))) == 2 * len(demo.KINDS)


@pytest.mark.slow
def test_two_calls_write_the_same_bytes(written: tuple[Path, int], tmp_path: Path) -> None:
    folder, n_pairs = written
    assert demo.write_demo_dataset(tmp_path) == n_pairs
    assert relative_bytes(tmp_path) == relative_bytes(folder)


def test_writing_again_leaves_nothing_of_the_earlier_dataset(tmp_path: Path) -> None:
    two = [Pair("odd", str(i), "a", None) for i in range(2)]
    demo.write_kind(tmp_path, two)
    demo.write_kind(tmp_path, two[:1])
    assert [path.name for path in tmp_path.iterdir()] == ["part-0.parquet"]


def test_rows_below_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rows must be at least 1, got 0"):
        demo.write_demo_dataset(tmp_path, rows=0)
