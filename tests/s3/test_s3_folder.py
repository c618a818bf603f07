"""Files on S3: the same promises as on a disk, and clear words when S3 says no."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from semscore.jobs.dataset.listing import list_input
from semscore.jobs.table_logs.recognised import require_no_table
from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import HasChanged, StorageError
from semscore.udfs.stores.registry import Storage
from semscore.udfs.stores.s3 import Access
from semscore.udfs.stores.s3_folder import S3Folder

pytestmark = pytest.mark.s3

ODD = [
    "k=007/a",
    "k=a%2Fb/a",
    "k=50%/a",
    "k=a b/a",
    "k=a+b/a",
    "k=[x]{y}*/a",
    "k=a#1/a",
    "k=a?b/a",
    "k=é/a",
    "k=日本😀/a",
    "k=a:b/a",
    "k='\"`/a",
    "k=<&>/a",
    "k=__HIVE_DEFAULT_PARTITION__/a",
    ".hidden/.a",
    "_semscore/a",
]


@pytest.fixture
def folder(server: Any, request: pytest.FixtureRequest) -> S3Folder:
    return S3Folder(f"s3://output/{abs(hash(request.node.name))}", server.access())


def listed(folder: S3Folder, prefix: str = "") -> list[str]:
    return [entry.path for entry in folder.entries(prefix)]


def test_both_schemes_are_one_place() -> None:
    urls = {S3Folder(f"{scheme}://b/a/c/", Access(region="r")).url for scheme in ("s3", "s3a")}
    assert urls == {"s3a://b/a/c"}
    assert S3Folder("s3://b", Access(region="r")).url == "s3a://b"


def test_all_files_are_listed_whatever_their_names(folder: S3Folder) -> None:
    for path in ODD:
        folder.write(path, path.encode())
    assert listed(folder) == sorted(ODD)
    assert [folder.read(path) for path in ODD] == [path.encode() for path in ODD]
    for path in ODD:
        folder.copy(path, f"copy/{path}")
        assert folder.entry(f"copy/{path}").size == len(path.encode())
    folder.delete(ODD)
    assert listed(folder) == sorted(f"copy/{path}" for path in ODD)


def test_files_under_a_prefix_are_listed_with_their_whole_path(folder: S3Folder) -> None:
    for path in ("a/x", "a/b/y", "ab/z", "c"):
        folder.write(path, b"x")
    assert listed(folder, "a") == ["a/b/y", "a/x"]
    assert listed(folder, "zzz") == []
    assert folder.folders("") == ["a", "ab"]
    assert folder.folders("a") == ["b"]
    assert folder.folders("zzz") == []


def test_names_and_the_folders_above(folder: S3Folder) -> None:
    for path in ("a/log/v1.json", "a/log/v2.json", "a/log/w", "a/log/v/deep", "a/b/c/x"):
        folder.write(path, b"x")
    assert folder.names("a/log/v") == ["v1.json", "v2.json"]
    assert sorted(folder.names("a/log/")) == ["v1.json", "v2.json", "w"]
    assert folder.names("zzz/") == []
    inner = S3Folder(f"{folder.url}/a/b/c", folder._access)
    above = list(inner.above())
    assert [place.url for place in above[:3]] == [
        f"{folder.url}/a/b",
        f"{folder.url}/a",
        folder.url,
    ]
    assert above[-1].url == f"s3a://{folder.bucket}"
    assert above[1].names("log/w") == ["w"]


def test_tables_on_s3_are_refused_wherever_they_are(folder: S3Folder, server: Any) -> None:
    folder.write("pairs/_delta_log/00000000000000000000.json", b"{}")
    folder.write("pairs/day=1/a.parquet", b"x")
    keys = {"access.key": "admin", "secret.key": server.access().secret_key}
    keys |= {"endpoint": server.url, "path.style.access": "true"}
    storage = Storage({f"fs.s3a.{name}": value for name, value in keys.items()})
    for place, relation in (("", "contains"), ("/pairs", "is"), ("/pairs/day=1", "is inside")):
        with pytest.raises(UserError, match=f"{place} {relation} a Delta table .*/pairs"):
            list_input(f"{folder.url}{place}", storage)
    with pytest.raises(UserError, match=r"OUTPUT .* is inside a Delta table"):
        require_no_table(storage.folder(f"{folder.url}/pairs/scored/new"))


def test_more_files_than_one_answer_holds_are_listed_and_deleted(folder: S3Folder) -> None:
    paths = [f"many/{number:04}" for number in range(1100)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda path: folder.write(path, b""), paths))
    assert listed(folder, "many") == paths
    folder.delete_folder("many")
    assert listed(folder) == []


def test_what_stands_for_a_folder_is_no_file_but_goes_with_it(
    folder: S3Folder, server: Any
) -> None:
    for marker in ("/", "/a/b/", "/c_$folder$"):
        server.client().put_object(Bucket=folder.bucket, Key=f"{folder.key}{marker}", Body=b"")
    folder.write("a/x", b"x")
    assert listed(folder) == ["a/x"]
    folder.delete_folder("a")
    left = server.client().list_objects_v2(Bucket=folder.bucket, Prefix=f"{folder.key}/a")
    assert left.get("Contents", []) == []


def test_an_entry_tells_size_and_a_tag_that_changes_with_the_content(folder: S3Folder) -> None:
    folder.write("a", b"12345")
    before = folder.entry("a")
    assert before == folder.entries()[0]
    assert before.size == 5
    folder.write("a", b"54321")
    assert folder.entry("a").tag != before.tag


def test_what_is_not_there(folder: S3Folder) -> None:
    assert folder.read("a") is None
    with pytest.raises(FileNotFoundError):
        folder.entry("a")
    with pytest.raises(FileNotFoundError):
        folder.copy("a", "b")
    folder.delete(["a"])
    folder.delete_folder("a")
    assert listed(folder) == []


def test_of_many_that_create_at_once_one_wins(folder: S3Folder) -> None:
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda n: folder.create_if_absent("a", b"%d" % n), range(16)))
    assert sum(won) == 1
    assert folder.read("a") == b"%d" % won.index(True)


def test_who_has_created_it_hears_so_again(folder: S3Folder) -> None:
    """A request whose answer was lost is repeated, and S3 then says that it is there already."""
    assert folder.create_if_absent("a", b"mine")
    assert folder.create_if_absent("a", b"mine")
    assert not folder.create_if_absent("a", b"other")


def test_a_file_is_withdrawn_unless_it_is_another_by_now(folder: S3Folder) -> None:
    folder.write("a", b"one")
    seen = folder.entry("a")
    folder.write("a", b"two")
    with pytest.raises(FileNotFoundError):
        folder.withdraw(seen, "home")
    assert folder.read("a") == b"two"
    folder.withdraw(folder.entry("a"), "home")
    assert listed(folder) == []
    folder.withdraw(seen, "home")  # gone already


def test_a_file_is_read_in_pieces_and_as_it_was_listed(folder: S3Folder) -> None:
    content = bytes(range(256)) * 1000
    folder.write("a", content)
    entry = folder.entry("a")
    with folder.open(entry) as file:
        assert file.read(10) == content[:10]
        file.seek(-8, 2)
        assert file.tell() == len(content) - 8
        assert file.read() == content[-8:]
        assert file.read(1) == b""
        folder.write("a", content[::-1])
        file.seek(0)
        with pytest.raises(HasChanged, match="a has changed since it was listed"):
            file.read(1)


def test_uploads_that_were_cut_off_are_ended(folder: S3Folder, server: Any) -> None:
    client, place = server.client(), {"Bucket": folder.bucket, "Key": f"{folder.key}/a/x"}
    other = {"Bucket": folder.bucket, "Key": f"{folder.key}/b/x"}
    for key in (place, other):
        client.create_multipart_upload(**key)
    folder.delete_folder("a")
    left = client.list_multipart_uploads(Bucket=folder.bucket, Prefix=f"{folder.key}/")
    assert [upload["Key"] for upload in left["Uploads"]] == [other["Key"]]
    folder.delete_folder("b")


def test_checking_a_place_writes_nothing(folder: S3Folder, server: Any) -> None:
    folder.require_writable()
    assert listed(folder) == []
    left = server.client().list_multipart_uploads(Bucket=folder.bucket, Prefix=folder.key)
    assert not left.get("Uploads")


def test_a_place_that_may_only_be_read(server: Any) -> None:
    folder = S3Folder("s3://output/x", server.access("looker"))
    folder.require_reachable()
    match = r"OUTPUT s3a://output/x cannot be written: .* these AWS credentials are denied"
    with pytest.raises(UserError, match=match):
        folder.require_writable()


@pytest.mark.parametrize(
    ("location", "changes", "says"),
    [
        ("s3://nowhere/x", {}, "s3a://nowhere/x: bucket 'nowhere' does not exist"),
        ("s3://input/x", {"user": "writer"}, "s3a://input/x: these AWS credentials are denied"),
        ("s3://input/x", {"secret_key": "wrong"}, "AWS rejected the credentials"),
        ("s3://input/x", {"user": "stranger"}, "AWS rejected the credentials"),
        ("s3://input/x", {"endpoint": "http://127.0.0.1:9"}, "Could not connect to the endpoint"),
    ],
)
def test_what_is_wrong_is_told_within_seconds(
    server: Any, location: str, changes: dict[str, str], says: str
) -> None:
    start = time.monotonic()
    with pytest.raises(StorageError, match=says):
        S3Folder(location, server.access(**changes)).require_reachable()
    assert time.monotonic() - start < 10


def test_without_credentials_the_ways_to_give_them_are_told(server: Any, nobody: None) -> None:
    access = server.access(access_key=None, secret_key=None)
    with pytest.raises(StorageError, match="no AWS credentials were found; set AWS_ACCESS_KEY_ID"):
        S3Folder("s3://input/x", access).require_reachable()


def storage(server: Any, **settings: str) -> Storage:
    access = server.access()
    given = {"endpoint": access.endpoint, "access.key": "admin", "secret.key": access.secret_key}
    return Storage({f"fs.s3a.{name}": value for name, value in (given | settings).items()})


def test_a_location_is_a_file_or_a_folder_or_nothing(folder: S3Folder, server: Any) -> None:
    folder.write("in/a.parquet", b"x")
    door = storage(server)
    found = door.find(f"{folder.url}/in/")
    assert (found.is_file, [entry.path for entry in found.entries]) == (False, ["a.parquet"])
    found = door.find(f"s3://{folder.bucket}/{folder.key}/in/a.parquet")
    assert (found.is_file, [entry.path for entry in found.entries]) == (True, ["a.parquet"])
    assert found.folder.url == f"{folder.url}/in"
    with pytest.raises(FileNotFoundError):
        door.find(f"{folder.url}/nothing")


def test_a_url_without_a_bucket_is_a_mistake(server: Any) -> None:
    with pytest.raises(UserError, match="s3:///x cannot be used: s3:///x does not name a bucket"):
        storage(server).folder("s3:///x")
