"""A model on S3 is fetched once, whole, and as it was when the run began."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from semscore.udfs.errors import ModelError
from semscore.udfs.models.fetch import local_folder
from semscore.udfs.stores.synced import Unsynced, synced

pytestmark = pytest.mark.s3

ENDINGS = (".json", ".bin")


@pytest.fixture
def place(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> str:
    """A folder on S3 with some files; this process finds the server by its environment."""
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SEMSCORE_CACHE", str(tmp_path / "cache"))
    key = f"synced/{request.node.name}"
    for name in ("a.json", "deep/er/b.bin", "notes.md"):
        server.client().put_object(Bucket="input", Key=f"{key}/{name}", Body=name.encode())
    return f"s3://input/{key}/"


def files(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


def test_the_files_that_are_wanted_are_fetched_whole(place: str) -> None:
    folder = synced(place, ENDINGS)
    assert files(folder) == {"a.json": "a.json", "deep/er/b.bin": "deep/er/b.bin"}
    assert synced(place.rstrip("/").replace("s3:", "s3a:"), ENDINGS) == folder


def test_what_is_there_in_this_version_needs_no_s3(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = synced(place, ENDINGS)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert synced(place, ENDINGS, folder.name) == folder


def test_processes_that_come_at_once_get_one_copy(place: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: synced(place, ENDINGS), range(8)))
    assert len(folders) == 1
    here = [path for path in (tmp_path / "cache/s3").iterdir() if path.is_dir()]
    assert here == list(folders)


def test_another_content_is_another_copy_and_not_what_a_run_began_with(
    place: str, server: Any
) -> None:
    before = synced(place, ENDINGS)
    key = place.removeprefix("s3://input/")
    server.client().put_object(Bucket="input", Key=f"{key}a.json", Body=b"new")
    after = synced(place, ENDINGS)
    assert files(after)["a.json"] == "new"
    assert files(before)["a.json"] == "a.json"
    with pytest.raises(Unsynced, match=f"is at revision {after.name}, expected feedbeef"):
        synced(place, ENDINGS, "feedbeef")


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("s3://input/nothing", "model s3://input/nothing: no files of a model"),
        ("s3://nowhere/x", "bucket 'nowhere' does not exist"),
        ("s3://", "does not name a bucket; expected s3://BUCKET/FOLDER"),
    ],
)
def test_a_model_that_is_not_there_is_told(place: str, model: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        local_folder(model)


def test_without_rights_that_is_told(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "writer")
    with pytest.raises(ModelError, match="these AWS credentials are denied access"):
        local_folder(place)
