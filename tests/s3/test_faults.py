"""S3 in a bad mood: 1 request in 20, and each kind at least once in each way, goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

from semscore.udfs.stores.s3_folder import S3Folder

pytestmark = pytest.mark.s3

RATE = 0.05
TURNS = 60
# What the driver asks for itself, and what Spark asks for, often enough to be hit in each way.
OURS = ("AbortMultipartUpload", "CopyObject", "CreateMultipartUpload", "DeleteObject")
OURS += ("DeleteObjects", "GetObject", "HeadObject", "ListMultipartUploads", "ListObjectsV2")
OURS += ("PutObject",)
SPARKS = ("CopyObject", "GetObject", "HeadObject", "ListObjectsV2", "PutObject")


def require_each_fault(proxy: Any, faults: Any, operations: Any) -> None:
    missed = [(o, fault) for o in operations for fault in faults if not proxy.faults[o, fault]]
    assert not missed, f"of {proxy.requests}"


def test_each_operation_does_what_it_should_whatever_happens(server: Any, proxies: Any) -> None:
    with proxies.FaultProxy(server.url, rate=RATE, each_once=True, gap=3, stall_s=1.0) as proxy:
        access = server.access(endpoint=proxy.url, timeout_s=0.5)
        folder = S3Folder("s3://output/moody", access)
        for turn in range(TURNS):
            path, content = f"a/{turn}", b"%d" % turn
            folder.write(path, content)
            assert folder.create_if_absent(f"b/{turn}", content)
            assert not folder.create_if_absent(f"b/{turn}", b"other")
            assert folder.read(path) == content
            folder.copy(path, f"c/{turn}")
            assert folder.entry(f"c/{turn}").size == len(content)
            folder.withdraw(folder.entry(path), "home")
            assert [entry.path for entry in folder.entries("a")] == []
            folder.delete([f"b/{turn}"])
            folder.require_writable()
            server.client().create_multipart_upload(Bucket="output", Key=f"moody/d/{turn}")
            folder.delete_folder("d")
        assert len(folder.entries()) == TURNS
        assert [folder.read(f"c/{turn}") for turn in range(TURNS)] == [
            b"%d" % turn for turn in range(TURNS)
        ]
        require_each_fault(proxy, proxies.FAULTS, OURS)
        folder.end_uploads("_semscore")  # begun by requests whose answers were lost
        uploads = server.client().list_multipart_uploads(Bucket="output", Prefix="moody/")
        assert not uploads.get("Uploads")


def test_a_run_ends_with_all_rows(
    dataset: Any, server: Any, proxies: Any, expected: dict[int, float]
) -> None:
    with proxies.FaultProxy(server.url, rate=RATE, each_once=True, gap=3, stall_s=4.0) as proxy:
        timeout = ("--conf", "spark.hadoop.fs.s3a.connection.timeout=3000")
        code, told = dataset.run(*timeout, url=proxy.url, timeout=280)
        assert code == 0, told
        assert "360 rows in, 360 rows out" in told
        dataset.require_complete(expected)
        require_each_fault(proxy, proxies.FAULTS, SPARKS)
