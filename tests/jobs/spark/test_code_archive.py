"""The package as a zip: Python imports it from there, and needs no other."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

from semscore.jobs.spark.code_archive import write_code


def alone(archive: Path, code: str) -> str:
    """What a Python prints that has semscore from the zip, and the libraries as they are here."""
    libraries = sysconfig.get_paths()["purelib"]  # without .pth files, such as an editable install
    start = f"import sys; sys.path[:0] = [{str(archive)!r}]; sys.path.append({libraries!r}); "
    start += "from pathlib import Path; "
    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", start + code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_python_imports_it_and_finds_its_data(tmp_path: Path) -> None:
    archive = write_code(tmp_path / "semscore.zip")
    found = "from importlib.util import find_spec; print(find_spec('semscore.udfs').origin)"
    assert str(archive) in alone(archive, found)
    read = "from semscore.jobs.hosts.conf_file import conf_file; print(conf_file('s3a.conf'))"
    assert "spark.hadoop.fs.s3a.threads.max" in alone(archive, read)


def test_the_same_code_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = (write_code(tmp_path / name) for name in ("one.zip", "two.zip"))
    assert one.read_bytes() == two.read_bytes()
    times = {entry.date_time for entry in zipfile.ZipFile(one).infolist()}
    assert times == {(1980, 1, 1, 0, 0, 0)}, "no clock is in it"


def test_it_can_be_made_again_from_within(tmp_path: Path) -> None:
    """As a job that came as a zip does, for its executors."""
    archive, again = write_code(tmp_path / "one.zip"), tmp_path / "two.zip"
    write = "from semscore.jobs.spark.code_archive import write_code"
    alone(archive, f"{write}; write_code(Path({str(again)!r}))")
    assert zipfile.ZipFile(again).namelist() == zipfile.ZipFile(archive).namelist()


def test_executors_get_their_own_side_alone(tmp_path: Path) -> None:
    names = zipfile.ZipFile(write_code(tmp_path / "x.zip", ("udfs",))).namelist()
    assert "semscore/udfs/similarity.py" in names and "semscore/udfs/backends/torch.py" in names
    assert not [name for name in names if "jobs" in name or "__pycache__" in name]
