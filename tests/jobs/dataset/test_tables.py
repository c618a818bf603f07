"""Folders in which a log decides which files count."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from semscore.jobs.dataset.listing import list_input
from semscore.jobs.table_logs.recognised import require_no_table
from semscore.udfs.errors import UserError
from semscore.udfs.stores.local_folder import LocalFolder
from semscore.udfs.stores.registry import Storage

Write = Callable[..., Path]
UUID = "0f5b1c9e-3c11-4b5e-9d53-1f0f7c1e2a3b"
TABLES = {
    "Delta": "_delta_log/00000000000000000000.json",
    "Delta (checkpoint)": "_delta_log/00000000000000000010.checkpoint.parquet",
    "Iceberg": f"metadata/00000-{UUID}.metadata.json",
    "Iceberg (v)": "metadata/v3.metadata.json",
    "Iceberg (gz)": "metadata/v3.gz.metadata.json",
    "Iceberg (hint)": "metadata/version-hint.text",
    "Hudi": ".hoodie/hoodie.properties",
    "Paimon": "snapshot/snapshot-1",
}


def files(place: Path | str) -> list[str]:
    return [file.path for file in list_input(str(place), Storage()).files]


def touch(path: Path, text: str = "{}") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture(params=TABLES)
def table(request: pytest.FixtureRequest, write: Write, tmp_path: Path) -> str:
    """A table in tmp_path/lake/t, with a partition; what it is called."""
    write("lake/t/data/day=1/a.parquet")
    touch(tmp_path / "lake/t" / TABLES[request.param])
    return str(request.param.partition(" ")[0])


@pytest.mark.parametrize(
    ("place", "relation"),
    [
        ("lake/t", "is"),
        ("lake", "contains"),
        ("lake/t/data", "is inside"),
        ("lake/t/data/day=1", "is inside"),
        ("lake/t/data/day=1/a.parquet", "is inside"),
    ],
)
def test_a_table_is_refused_wherever_it_is(
    table: str, tmp_path: Path, place: str, relation: str
) -> None:
    with pytest.raises(UserError) as refused:
        files(tmp_path / place)
    said = str(refused.value)
    assert f"INPUT {tmp_path}/{place} {relation} a" in said
    assert f"{table} table ({tmp_path}/lake/t). The log in" in said
    ways = "score it with similarity() (docs/tables.md), or export its rows"
    itself = f"Use the table itself as INPUT: {tmp_path}/lake/t"
    assert (itself if table in ("Delta", "Iceberg") else ways) in said


@pytest.mark.parametrize("place", ["lake/t", "lake/t/scored", "lake/t/data/day=1/new/out"])
@pytest.mark.usefixtures("table")
def test_no_output_goes_into_a_table(tmp_path: Path, place: str) -> None:
    with pytest.raises(UserError, match=f"^OUTPUT {tmp_path}/{place} (is|is inside) a.* table"):
        require_no_table(LocalFolder(str(tmp_path / place)))
    require_no_table(LocalFolder(str(tmp_path / "lake/other")))


def test_the_page_in_the_sentence_is_there() -> None:
    assert (Path(__file__).parents[3] / "docs/tables.md").is_file()


def test_a_log_behind_a_link_is_a_log(write: Write, tmp_path: Path) -> None:
    write("t/a.parquet")
    touch(tmp_path / "logs/00000000000000000000.json")
    (tmp_path / "t/_delta_log").symlink_to("../logs")
    for place in ("t", "t/a.parquet"):
        with pytest.raises(UserError, match="a Delta table"):
            files(tmp_path / place)


@pytest.mark.parametrize(
    "folder",
    [
        "base_0000002",
        "delta_0000003_0000003",
        "delta_0000003_0000004_0001",
        "base_0000002_v0000009",
    ],
)
def test_hive_s_transactions_are_refused(write: Write, tmp_path: Path, folder: str) -> None:
    write(f"t/k=1/{folder}/000000_0")
    with pytest.raises(UserError, match=f"transactional Hive table .k=1/{folder}/000000_0"):
        files(tmp_path / "t")


@pytest.mark.parametrize(
    "name",
    [
        "metadata/a.parquet",
        "metadata/v1.json",
        "metadata/schema.metadata.json.txt",
        "snapshot/a.parquet",
        "snapshot/snapshot-jan.parquet",
        "base_20240101/a.parquet",
        "delta_20240101_20240131/a.parquet",
        ".trash/t/_delta_log/00000000000000000000.json",
        "_delta_log.parquet",
        "k=_delta_log/a.parquet",
    ],
)
def test_plain_folders_with_such_names_are_plain(write: Write, tmp_path: Path, name: str) -> None:
    path = write(f"in/{name}") if not name.endswith(("json", "txt")) else tmp_path / "in" / name
    touch(path) if not path.exists() else None
    (tmp_path / "in/_delta_log").mkdir()  # empty: no log
    shutil.copy(write("other.parquet"), path.parent / "b.parquet")
    if not name.startswith("."):
        assert files(tmp_path / "in")
    require_no_table(LocalFolder(str(tmp_path / "in/out")))


# --- what Spark's streams write ---


def log(folder: Path, batch: str, *actions: tuple[str, str], version: str = "v1") -> None:
    lines = [
        json.dumps({"path": f"file://{quote(str(path))}", "size": 1, "action": action})
        for action, path in actions
    ]
    touch(folder / "_spark_metadata" / batch, "\n".join([version, *lines]))


@pytest.fixture
def stream(write: Write, tmp_path: Path) -> Path:
    """Four batches, of which the first two are summed up, and a file of a task that failed."""
    home = tmp_path / "a stream"
    for name in ("k=a%2Fb/0", "k=é/1", "k=é/2", "k=é/3", "k=é/failed"):
        write(f"a stream/{name}.parquet")
    log(home, "0", ("add", f"{home}/k=a%2Fb/0.parquet"))
    log(
        home,
        "1.compact",
        ("add", f"{home}/k=a%2Fb/0.parquet"),
        ("add", f"{home}/k=é/1.parquet"),
        ("delete", f"{home}/k=a%2Fb/0.parquet"),
    )
    log(home, "2", ("add", f"{home}/k=é/2.parquet"))
    log(home, "10", ("add", f"{home}/k=é/3.parquet"))
    touch(home / "_spark_metadata/.11.tmp")
    return home


def test_the_files_that_the_log_lists_count(stream: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert files(stream) == [f"k=é/{n}.parquet" for n in (1, 2, 3)]
    assert "ignored 2 files not listed in the log" in caplog.text
    assert files(stream / "k=é") == ["1.parquet", "2.parquet", "3.parquet"]
    assert files(stream / "k=é/2.parquet") == ["2.parquet"]


def test_a_stream_may_lie_below_beside_others(stream: Path, write: Write, tmp_path: Path) -> None:
    write("plain/x.parquet")
    listed = [f"a stream/k=é/{n}.parquet" for n in (1, 2, 3)]
    assert files(tmp_path) == [*listed, "plain/x.parquet"]


@pytest.mark.parametrize("place", ["k=é/failed.parquet", "k=a%2Fb"])
def test_an_input_of_which_nothing_counts_is_refused(stream: Path, place: str) -> None:
    with pytest.raises(UserError, match="lists none of its files, so none of them counts"):
        files(stream / place)


def test_a_listed_file_that_is_gone_is_named(stream: Path) -> None:
    (stream / "k=é/2.parquet").unlink()
    with pytest.raises(UserError, match=r"_spark_metadata lists file://.*k=é/2.parquet, which is"):
        files(stream)


def test_a_stream_that_was_moved_is_refused(stream: Path, tmp_path: Path) -> None:
    stream.rename(tmp_path / "moved")
    with pytest.raises(
        UserError, match=r"which is not in the stream's folder, so Spark could not read"
    ):
        files(tmp_path / "moved")


@pytest.mark.parametrize(
    ("batch", "says"),
    [("v2\n{}", "its version is 'v2', not 'v1'"), ("v1\n{", "_spark_metadata/12 is broken")],
)
def test_a_log_that_cannot_be_read_is_named(stream: Path, batch: str, says: str) -> None:
    touch(stream / "_spark_metadata/12", batch)
    with pytest.raises(UserError, match=says):
        files(stream)


def test_no_output_goes_into_a_stream_s_folder(stream: Path) -> None:
    with pytest.raises(UserError, match="is inside the output of a Spark stream"):
        require_no_table(LocalFolder(str(stream / "out")))


@pytest.mark.slow
def test_what_spark_itself_writes(spark: Any, write: Write, tmp_path: Path) -> None:
    home = tmp_path / "a stream"
    spark.conf.set("spark.sql.streaming.fileSink.log.compactInterval", "2")
    for number in range(3):
        write(f"src/{number}.parquet", k=["a/b", "é"])
        frame = spark.read.parquet(str(tmp_path / "src"))
        read = spark.readStream.schema(frame.schema).parquet(str(tmp_path / "src"))
        begun = read.writeStream.format("parquet").option("checkpointLocation", f"{tmp_path}/cp")
        written = begun.partitionBy("k").trigger(availableNow=True).start(str(home))
        written.awaitTermination()
    first = next(home.glob("k=é/*.parquet"))
    shutil.copy(first, first.with_name("part-uncommitted.parquet"))
    assert len(files(home)) == 6 == spark.read.parquet(str(home)).count()
    assert len(files(home / "k=é")) == 3
