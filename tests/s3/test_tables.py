"""Tables on S3, as INPUT and as OUTPUT."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyiceberg.catalog import load_catalog

from semscore.jobs.table_logs.access import deltalake_options, pyiceberg_options
from semscore.udfs.stores.registry import Storage
from tests.services import pairs

pytestmark = pytest.mark.s3


@pytest.fixture
def storage(server: Any) -> Storage:
    access = server.access()
    s3a = {
        "endpoint": access.endpoint,
        "endpoint.region": access.region,
        "access.key": access.access_key,
        "secret.key": access.secret_key,
    }
    return Storage({f"fs.s3a.{name}": str(value) for name, value in s3a.items()})


def rows(start: int, stop: int) -> pa.Table:
    numbers = range(start, stop)
    texts = [pairs.texts(n) for n in numbers]
    first, second = ([pair[k] for pair in texts] for k in (0, 1))
    return pa.table({"id": list(numbers), "text1": first, "text2": second})


def test_a_delta_table_goes_in_and_comes_out(dataset: Any, storage: Storage) -> None:
    place = f"s3://input/{dataset.folder().key}"
    options = deltalake_options(place, storage)
    options["aws_conditional_put"] = "etag"
    write_deltalake(place, rows(0, 40), storage_options=options)
    write_deltalake(place, rows(40, 60), mode="append", storage_options=options)
    table = DeltaTable(place, storage_options=options)
    table.delete("id < 5")  # rewrites a file
    dataset.source = place
    code, told = dataset.run("--output-format", "delta")
    assert code == 0, told
    assert f"{dataset.folder().key}, version {table.version()}" in told
    place = dataset.output.replace("s3a://", "s3://")
    out = DeltaTable(place, storage_options=deltalake_options(place, storage))
    assert sorted(out.to_pyarrow_table()["id"].to_pylist()) == list(range(5, 60))
    assert dataset.scores().keys() == set(range(5, 60))


def test_an_iceberg_table_is_named_by_its_metadata(
    dataset: Any, storage: Storage, tmp_path: Any
) -> None:
    properties = pyiceberg_options("s3://input/lake", storage)
    catalog = load_catalog(
        "own",
        type="sql",
        uri=f"sqlite:///{tmp_path}/catalog.db",
        warehouse="s3://input/lake",
        **properties,
    )
    catalog.create_namespace("db")
    table = catalog.create_table("db.t", rows(0, 1).schema)
    table.append(rows(0, 30))
    table.delete("id >= 20")
    dataset.source = table.metadata_location
    code, told = dataset.run()
    assert code == 0, told
    assert dataset.scores().keys() == set(range(20))
