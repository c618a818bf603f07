"""Which table an INPUT names."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from semscore.jobs.table_logs import iceberg
from semscore.jobs.table_logs.opening import locations, open_table
from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import StorageError
from semscore.udfs.stores.registry import Storage


def refused(*inputs: str, snapshot: str | None = None) -> str:
    with pytest.raises(UserError) as error:
        open_table(inputs, Storage(), snapshot)
    return str(error.value)


def test_folders_and_files_are_no_tables(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").touch()
    assert open_table([str(tmp_path), str(tmp_path / "a.parquet")], Storage(), None) is None
    assert "is none" in refused(str(tmp_path), snapshot="latest")


@pytest.mark.parametrize("given", ["iceberg:t", "iceberg:db.t", "iceberg:.db.t"])
def test_a_table_in_a_catalog_has_its_full_name(given: str) -> None:
    assert "expected iceberg:CATALOG.NAMESPACE.TABLE" in refused(given)


def test_a_table_must_be_the_only_input(tmp_path: Path) -> None:
    for name in ("t", "u"):
        write_deltalake(tmp_path / name, pa.table({"text1": ["a"]}))
    said = refused(f"{tmp_path}/t", f"{tmp_path}/u")
    assert (
        said == f"INPUT {tmp_path}/t is a table, which must be the only INPUT. Score the others "
        "separately"
    )


def test_a_storage_that_cannot_be_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise StorageError("s3://b/t: bucket 'b' does not exist")

    monkeypatch.setattr(Storage, "folder", unreachable)
    for given in ("s3://b/t", "delta:s3://b/t"):
        assert (
            refused(given) == f"INPUT {given} cannot be listed: s3://b/t: bucket 'b' does not exist"
        )


def test_a_table_that_only_java_reaches_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    table = SimpleNamespace(location=lambda: "hdfs://host/lake/t")
    monkeypatch.setattr(iceberg, "open_in_catalog", lambda _: table)
    assert locations(["iceberg:prod.db.t", "delta:lake/t"]) == ["hdfs://host/lake/t", "lake/t"]
    assert "cannot read its log (hdfs://host/lake/t). Copy it to S3" in refused("iceberg:prod.db.t")
