"""Files on a disk: whole or not there, listed in full, deleted with care."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest

from semscore.udfs.errors import UserError
from semscore.udfs.stores.local_folder import LocalFolder, local_path

ODD = [
    "k=007/a",
    "k=a%2Fb/a",
    "k=%41/a",
    "k=50%/a",
    "k=a b/a",
    "k= a /a",
    "k=[x]{y}*?/a",
    "k=a#1/a",
    "a#1",
    "k=é/a",
    "k=e\u0301/a",
    "k=日本😀/a",
    "k=a\\b/a",
    "k=a:b/a",
    "k='\"`/a",
    "k=~/a",
    "k=../a",
    "k=tab\tnew\nline/a",
    "k=__HIVE_DEFAULT_PARTITION__/a",
    ".hidden/.a",
    "_semscore/a",
]


@pytest.fixture
def folder(tmp_path: Path) -> LocalFolder:
    return LocalFolder(str(tmp_path / "out"))


def put(folder: LocalFolder, path: str, content: bytes = b"x") -> None:
    (folder.local / path).parent.mkdir(parents=True, exist_ok=True)
    (folder.local / path).write_bytes(content)


def listed(folder: LocalFolder, prefix: str = "") -> list[str]:
    return [entry.path for entry in folder.entries(prefix)]


def test_a_folder_that_is_not_there_has_no_entries(folder: LocalFolder) -> None:
    assert folder.entries() == []
    assert not folder.local.exists()


def test_all_files_are_listed_whatever_their_names(folder: LocalFolder) -> None:
    for path in ODD:
        put(folder, path)
    assert listed(folder) == sorted(ODD)


def test_files_under_a_prefix_are_listed_with_their_whole_path(folder: LocalFolder) -> None:
    for path in ("a/x", "a/b/y", "ab/z", "c"):
        put(folder, path)
    assert listed(folder, "a") == ["a/b/y", "a/x"]
    assert listed(folder, "zzz") == []


def test_an_entry_tells_size_and_a_tag_that_changes_with_the_content(folder: LocalFolder) -> None:
    put(folder, "a", b"12345")
    before = folder.entry("a")
    assert before == folder.entries()[0]
    assert before.size == 5
    os.utime(folder.local / "a", ns=(0, 1))
    assert folder.entry("a").tag != before.tag


def test_a_tag_survives_a_copy_that_keeps_times(folder: LocalFolder) -> None:
    put(folder, "a")
    put(folder, "b")
    os.utime(folder.local / "a", ns=(0, 123))
    os.utime(folder.local / "b", ns=(0, 123))
    assert folder.entry("a").tag == folder.entry("b").tag


def test_links_are_followed_and_broken_ones_listed(folder: LocalFolder, tmp_path: Path) -> None:
    put(folder, "a/x")
    (folder.local / "b").symlink_to("a")
    (folder.local / "c").symlink_to("nowhere")
    assert listed(folder) == folder.paths() == ["a/x", "b/x", "c"]


def test_links_that_go_round_are_an_error(folder: LocalFolder) -> None:
    put(folder, "a/b/x")
    (folder.local / "a/b/up").symlink_to(folder.local)
    with pytest.raises(OSError, match=r"symbolic links: '.*/a/b/up'"):
        folder.entries()
    with pytest.raises(OSError, match=r"symbolic links: '.*/a/b/up'"):
        folder.paths()


@pytest.mark.parametrize("root", ["a b", "a%20b", "a#b", "a?b", "é", "[x]{y}*", "a:b", "~"])
def test_any_folder_works_and_its_url_leads_back_to_it(tmp_path: Path, root: str) -> None:
    folder = LocalFolder(f"{tmp_path}/{root}")
    assert folder.create_if_absent("x/y.json", b"1")
    folder.copy("x/y.json", "z")
    assert listed(LocalFolder(folder.url)) == ["x/y.json", "z"]
    folder.delete(["x/y.json", "z"])
    assert listed(folder) == []


def test_the_first_to_create_wins(folder: LocalFolder) -> None:
    assert folder.create_if_absent("a/b.json", b"first")
    assert not folder.create_if_absent("a/b.json", b"second")
    assert folder.read("a/b.json") == b"first"
    assert listed(folder) == ["a/b.json"]


def test_of_many_that_create_at_once_one_wins(folder: LocalFolder) -> None:
    won: list[int] = []
    threads = [
        Thread(
            target=lambda n=n: won.append(n) if folder.create_if_absent("a", b"%d" % n) else None
        )
        for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert folder.read("a") == b"%d" % won[0]
    assert listed(folder) == ["a"]


def test_writing_replaces(folder: LocalFolder) -> None:
    folder.write("a/b", b"old")
    folder.write("a/b", b"new")
    assert folder.read("a/b") == b"new"
    assert listed(folder) == ["a/b"]


@pytest.mark.parametrize("path", ODD)
def test_a_copy_has_the_content_and_replaces_what_was_there(folder: LocalFolder, path: str) -> None:
    put(folder, "staging/1", b"one")
    put(folder, "staging/2", b"two")
    folder.copy("staging/1", path)
    folder.copy("staging/2", path)
    assert folder.read(path) == b"two"
    assert listed(folder) == sorted(["staging/1", "staging/2", path])


def test_a_copy_can_be_repeated_and_leaves_nothing_behind(folder: LocalFolder) -> None:
    put(folder, "staging/1", b"one")
    for _ in range(3):
        folder.copy("staging/1", "k=1/a")
    assert listed(folder) == ["k=1/a", "staging/1"]


def test_a_copy_outlives_its_source(folder: LocalFolder) -> None:
    put(folder, "staging/1", b"one")
    folder.copy("staging/1", "a")
    folder.delete_folder("staging")
    assert folder.read("a") == b"one"


def test_a_copy_that_was_killed_is_made_again(folder: LocalFolder) -> None:
    put(folder, "staging/1", b"one")
    put(folder, "staging/1.copy", b"half")
    folder.copy("staging/1", "a")
    assert folder.read("a") == b"one"
    assert listed(folder) == ["a", "staging/1"]


def test_a_copy_needs_no_links(folder: LocalFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    put(folder, "staging/1", b"one")
    folder.copy("staging/1", "k=1/a")
    assert folder.read("k=1/a") == b"one"
    assert listed(folder) == ["k=1/a", "staging/1"]


def test_a_copy_of_nothing_is_an_error_and_writes_nothing(folder: LocalFolder) -> None:
    put(folder, "b")
    with pytest.raises(FileNotFoundError):
        folder.copy("a", "b")
    assert folder.read("b") == b"x"


def test_deleting_removes_files_and_the_folders_left_empty(folder: LocalFolder) -> None:
    for path in (*ODD, "k=007/b", "deep/er/still/a"):
        put(folder, path)
    folder.delete([*ODD, "deep/er/still/a"])
    assert listed(folder) == ["k=007/b"]
    assert [path.name for path in folder.local.iterdir()] == ["k=007"]


def test_deleting_what_is_gone_is_no_error(folder: LocalFolder) -> None:
    put(folder, "a")
    folder.delete(["gone", "no/folder/either", "a"])
    assert folder.local.is_dir()
    assert listed(folder) == []


def test_deleting_a_link_leaves_what_it_leads_to(folder: LocalFolder, tmp_path: Path) -> None:
    (tmp_path / "far").write_text("x")
    folder.local.mkdir()
    (folder.local / "link").symlink_to(tmp_path / "far")
    folder.delete(["link"])
    assert (tmp_path / "far").exists()
    assert listed(folder) == []


def test_deleting_a_folder_takes_all_and_may_find_nothing(folder: LocalFolder) -> None:
    put(folder, "s/a/b")
    put(folder, "s2")
    folder.delete_folder("s")
    folder.delete_folder("s")
    assert listed(folder) == ["s2"]


def test_a_place_under_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("file", "file/out", "file/a/b"):
        with pytest.raises(
            UserError, match=f"{place} cannot be written: {tmp_path}/file is a file"
        ):
            LocalFolder(f"{tmp_path}/{place}").require_writable()


def test_a_place_without_permission_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError, match=f"a/b cannot be written: no permission in {tmp_path}$"):
        LocalFolder(f"{tmp_path}/a/b").require_writable()


def test_checking_a_place_writes_nothing(tmp_path: Path) -> None:
    LocalFolder(f"{tmp_path}/a/b").require_writable()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/a/b", "/a/b"),
        ("/a/../b/", "/b"),
        ("//a", "/a"),
        ("file:///a/b", "/a/b"),
        ("file:/a/b", "/a/b"),
        ("file:////a", "/a"),
        ("file:///a%20b#c?d", "/a%20b#c?d"),
        ("/a:b/c", "/a:b/c"),
    ],
)
def test_paths_and_urls_lead_to_the_same_place(location: str, path: str) -> None:
    assert local_path(location) == Path(path)


def test_relative_paths_homes_and_links_are_resolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for location in ("real", "./link", "~/link", f"file://{tmp_path}/link"):
        assert local_path(location) == tmp_path / "real"


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("ftp://bucket/x", "this version supports local paths, mounted .*not ftp:$"),
        ("hdfs:/x", "not hdfs:$"),
        ("file://data/x", r"cannot be used: write file:///data/x$"),
        ("~nobody-of-this-name/x", "cannot be used: Could not determine home"),
    ],
)
def test_other_places_are_refused(location: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        local_path(location)
