"""INPUT and OUTPUT on a real HDFS, and the operations on which the protocol depends."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.ledger import ledger
from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Folder, StorageError
from semscore.udfs.stores.registry import Storage
from tests.services import pairs
from tests.services.job import RECIPE

pytestmark = [pytest.mark.yarn, pytest.mark.slow]
ROWS = 4_000
NAMES = ("a.parquet", "k=x%2Fy/é d.parquet", "k=1/a b[x]{y}.parquet", "deep/er/#1.json")


@pytest.fixture
def folder(hdfs: str, request: pytest.FixtureRequest) -> Folder:
    return Storage().folder(f"{hdfs}/tests/{abs(hash(request.node.name))}")


def paths(folder: Folder, prefix: str = "") -> list[str]:
    return [entry.path for entry in folder.entries(prefix)]


def test_files_of_any_name_are_written_read_listed_and_deleted(folder: Folder) -> None:
    assert folder.entries() == []
    assert folder.read("a") is None
    for name in NAMES:
        folder.write(name, name.encode())
        folder.write(name, f"again {name}".encode())
        assert folder.read(name) == f"again {name}".encode()
    assert paths(folder) == sorted(NAMES)
    assert paths(folder, "deep") == ["deep/er/#1.json"]
    assert folder.folders("") == ["deep", "k=1", "k=x%2Fy"]
    assert folder.names("deep/er/") == ["#1.json"]
    assert folder.names("a") == ["a.parquet"]
    folder.delete([*NAMES, "never"])
    assert folder.entries() == []
    assert folder.folders("") == []


def test_a_file_is_read_from_anywhere(folder: Folder) -> None:
    sink = io.BytesIO()
    table = pairs.table(1000)
    pq.write_table(table, sink, row_group_size=100)
    folder.write("a.parquet", sink.getvalue())
    entry = folder.entry("a.parquet")
    assert entry.size == len(sink.getvalue())
    with folder.open(entry) as file:
        assert pq.ParquetFile(file).read_row_group(7).equals(table.slice(700, 100))
        file.seek(-4, io.SEEK_END)
        assert file.read() == b"PAR1"


def test_of_many_that_create_a_file_one_succeeds(folder: Folder) -> None:
    for number in range(5):
        with ThreadPoolExecutor(8) as pool:
            made = list(
                pool.map(
                    lambda who, number=number: folder.create_if_absent(f"{number}", b"%d" % who),
                    range(8),
                )
            )
        assert made.count(True) == 1
        assert folder.read(f"{number}") == b"%d" % made.index(True)
    assert paths(folder) == [str(number) for number in range(5)], "nothing else is left"


def test_files_are_copied_withdrawn_and_kept_apart_from_partial_ones(folder: Folder) -> None:
    folder.write("a", b"a")
    folder.write("sub/b", b"old")
    folder.copy("a", "sub/b")
    assert (folder.read("a"), folder.read("sub/b")) == (b"a", b"a")
    with pytest.raises(FileNotFoundError):
        folder.copy("missing", "c")
    folder.write("home/x", b"x")
    folder.withdraw(folder.entry("sub/b"), "home")
    assert paths(folder) == ["a", "home/b", "home/x"]
    folder.delete_folder("home")
    with pytest.raises(FileNotFoundError):
        folder.withdraw(folder.entry("a"), "home")
    assert paths(folder) == ["a"]
    assert 1.7e9 < folder.modified("a") < 4e9


def test_what_is_above_and_what_cannot_be_written(folder: Folder, hdfs: str) -> None:
    assert [above.url for above in folder.above()] == [f"{hdfs}/tests", hdfs]
    folder.require_writable()
    folder.write("file", b"")
    with pytest.raises(UserError, match="is a file"):
        Storage().folder(f"{folder.url}/file/out").require_writable()
    with pytest.raises((UserError, StorageError), match=r"127\.0\.0\.5"):
        Storage().folder("hdfs://127.0.0.5:1/x").entries()
    with pytest.raises(UserError, match="No FileSystem for scheme"):
        Storage().folder("gs://b/x")


def test_a_dataset_is_scored_killed_and_resumed(hdfs: str, tmp_path: Path) -> None:
    home = Storage().folder(f"{hdfs}/job")
    sink = io.BytesIO()
    pq.write_table(pairs.table(ROWS), sink, row_group_size=ROWS // 2)
    home.write("in/kind=x%2Fy/a.parquet", sink.getvalue())
    driver = Path(__file__).parents[1] / "faults/driver.py"

    def run(**plan: Any) -> tuple[int, str]:
        words = ["score", f"{hdfs}/job/in", f"{hdfs}/job/out", *RECIPE, "--unit-rows", "1000"]
        command = [sys.executable, str(driver), json.dumps(plan), *words, "--mode", "resume"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        return done.returncode, done.stdout + done.stderr

    code, said = run(point="commit-after", occurrence=1, signal="SIGKILL")
    assert code == -9, said
    code, said = run()
    assert code == 0, said
    out = Storage().folder(f"{hdfs}/job/out")
    assert out.read(ledger.SUCCESS) is not None
    found = [
        pq.read_table(out.open(entry), columns=["id", "semanticScore"])
        for entry in out.entries()
        if entry.path.endswith(".parquet")
    ]
    assert all(path.startswith("kind=x%2Fy/") for path in paths(out) if path.endswith(".parquet"))
    pairs.require_scored(pa.concat_tables(found), ROWS)
    code, said = run()
    assert code == 0
    assert "there is nothing left to score" in said
    semscore = [str(Path(sys.executable).with_name("semscore"))]
    for words, expected in (
        (["report", out.url], f"{out.url}/_semscore/report.html"),
        (["plan", home.url + "/in", *RECIPE], f"{ROWS:,} rows"),
        (["doctor", home.url + "/in", f"{home.url}/other", *RECIPE], "input"),
    ):
        done = subprocess.run(semscore + words, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stdout + done.stderr
        assert expected in done.stdout, done.stdout + done.stderr
        assert "log4j" not in done.stderr and "WARN" not in done.stderr, "Java is not quiet"
