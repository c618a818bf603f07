"""What a location means, and how S3A's settings say a bucket is reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from semscore.udfs.errors import UserError
from semscore.udfs.stores.registry import Storage
from semscore.udfs.stores.s3 import Access
from semscore.udfs.stores.s3_access import s3_access


def test_a_file_a_folder_and_nothing_on_a_disk(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x").touch()
    found = Storage().find(str(tmp_path / "a"))
    assert (found.is_file, [entry.path for entry in found.entries]) == (False, ["x"])
    found = Storage().find(f"file://{tmp_path}/a/x")
    assert (found.is_file, [entry.path for entry in found.entries]) == (True, ["x"])
    assert found.folder.name == str(tmp_path / "a")
    with pytest.raises(FileNotFoundError):
        Storage().find(str(tmp_path / "b"))


def test_a_timeout_that_is_no_time_is_a_mistake() -> None:
    with pytest.raises(UserError, match=r"fs\.s3a\.connection.timeout must be a time such as 60s"):
        s3_access("b", {"fs.s3a.connection.timeout": "soon"})


def test_s3a_settings_hold_for_the_driver_too() -> None:
    settings = {
        "fs.s3a.endpoint": "minio:9000",
        "fs.s3a.connection.ssl.enabled": "false",
        "fs.s3a.endpoint.region": "eu-west-1",
        "fs.s3a.access.key": "all",
        "fs.s3a.session.token": "of all",
        "fs.s3a.bucket.b.access.key": "own",
        "fs.s3a.bucket.b.secret.key": "s",
        "fs.s3a.connection.timeout": "5000",
        "fs.s3a.requester.pays.enabled": "true",
        "fs.s3a.encryption.algorithm": "SSE-KMS",
        "fs.s3a.encryption.key": "arn",
    }
    access = s3_access("b", settings)
    assert access == Access(
        endpoint="http://minio:9000",
        region="eu-west-1",
        path_style=True,
        access_key="own",
        secret_key="s",
        timeout_s=5.0,
        requester_pays=True,
        encryption="aws:kms",
        kms_key="arn",
    )
    other = s3_access("other", settings)
    assert (other.access_key, other.session_token) == ("all", "of all")
    assert access.writing == {
        "RequestPayer": "requester",
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": "arn",
    }


def test_amazons_own_endpoints_are_not_path_style() -> None:
    vpc = {"fs.s3a.endpoint": "https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com"}
    assert not s3_access("b", vpc).path_style
    assert s3_access("b", {}) == Access()


def test_an_encryption_that_only_spark_would_do_is_a_mistake() -> None:
    with pytest.raises(UserError, match=r"fs\.s3a\.encryption\.algorithm 'SSE-C' is not supported"):
        s3_access("b", {"fs.s3a.encryption.algorithm": "SSE-C"})
