"""Files of other formats than parquet: recognised by name, with a command that converts them."""

from __future__ import annotations

import gzip
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather, orc

from semscore.jobs.dataset.other_formats import other_format, refusal
from semscore.jobs.dataset.reading import read_source
from semscore.udfs.errors import UserError

TABLE = pa.table({"text1": ["NA", 'with "quotes"\nand lines'], "text2": ["null", "ö, x"]})
SEPARATED = 'text1{0}text2\nNA{0}null\n"with ""quotes""\nand lines"{0}"ö, x"\n'


def write(path: Path) -> None:
    kind, suffixes = other_format(path.name), path.suffixes
    if kind == "Arrow":
        feather.write_feather(TABLE, str(path))
    elif kind == "ORC":
        orc.write_table(TABLE, str(path))
    elif kind == "JSON Lines":
        lines = (json.dumps(row, ensure_ascii=False) for row in TABLE.to_pylist())
        path.write_text("\n".join(lines), "utf-8")
    else:
        content = SEPARATED.format("\t" if ".tsv" in suffixes else ",").encode()
        path.write_bytes(gzip.compress(content) if ".gz" in suffixes else content)


@pytest.mark.parametrize(
    "name", ["a.csv", 'it\'s "a".csv', "A.CSV.gz", "b.tsv", "c.jsonl", "d.orc", "é.feather"]
)
def test_the_command_that_is_shown_converts_the_file(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    with pytest.raises(UserError, match="format, but semscore reads parquet") as refused:
        read_source([str(tmp_path / name)], skip_bad_files=True)
    command = shlex.split(str(refused.value).partition("Convert it first: ")[2])
    assert command[0] == "python"
    subprocess.run([sys.executable, *command[1:]], check=True)
    [made] = tmp_path.glob("*.parquet")
    assert pq.read_table(made).to_pylist() == TABLE.to_pylist()


@pytest.mark.parametrize("name", ["a.xlsx", "a.avro", "a.json", "s3://bucket/a.csv"])
def test_other_files_are_named_and_a_page_shows_the_way(name: str) -> None:
    told = refusal(name)
    assert told and told.endswith("Convert it first: docs/scoring.md#other-formats shows how")


def test_a_folder_of_such_files(tmp_path: Path) -> None:
    write(tmp_path / "a.csv")
    with pytest.raises(UserError, match=r"only a\.csv\. Convert them to parquet first: docs/"):
        read_source([str(tmp_path)])


def test_what_is_parquet_is_read_whatever_its_name(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "pairs.csv")
    assert read_source([str(tmp_path / "pairs.csv")]).rows == 2


@pytest.mark.parametrize("files", [1, 2])
def test_a_single_broken_file_cannot_be_set_aside(tmp_path: Path, files: int) -> None:
    for k in range(files):
        (tmp_path / f"{k}.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError) as refused:
        read_source([str(tmp_path)])
    assert ("--bad-files" in str(refused.value)) is (files > 1)
