"""A real S3 server on this machine, with buckets and users whose rights differ."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs
import pyarrow.parquet as pq
import pytest

from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import CommittedUnit
from semscore.udfs.stores.s3_folder import S3Folder
from tests.services import pairs
from tests.services.seaweedfs import REGION, SECRET, Server, seaweedfs

ROOT = Path(__file__).parents[2]
DRIVER = ROOT / "tests/faults/driver.py"
KINDS = ("a", "b%2Fc", "é d")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the credentials of the user who runs the tests."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))


@pytest.fixture(scope="session")
def proxies() -> Any:
    """The module tests/s3/proxy.py."""
    spec = spec_from_file_location("semscore_fault_proxy", Path(__file__).with_name("proxy.py"))
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Hadoop:
    """What S3A and Amazon's SDK come from, which Spark's pip package lacks."""

    jars: str = ""
    python: str = ""  # a folder with another pyspark, if Hadoop is part of Spark


@pytest.fixture(scope="session", params=["3.3", pytest.param("3.4", marks=pytest.mark.slow)])
def hadoop(request: pytest.FixtureRequest) -> Hadoop:
    """Hadoop 3.3 with version 1 of Amazon's SDK, and 3.4 with version 2."""
    if request.param == "3.4":
        python = ROOT / "build/hadoop/python"
        assert python.exists(), "make test-s3 SLOW=yes fetches Hadoop 3.4 first"
        return Hadoop(python=str(python))
    found = sorted(str(path) for path in (ROOT / "build/s3a").glob("*.jar"))
    assert len(found) == 2, "make test-s3 fetches S3A's jars first"
    return Hadoop(",".join(found))


DEFAULTS = (("--model", pairs.MODEL), ("--precision", "float32"), ("--unit-rows", "30"))


@dataclass
class Dataset:
    """The INPUT and OUTPUT of runs on S3."""

    server: Server
    hadoop: Hadoop
    source: str
    output: str
    user: str = "admin"

    def start(
        self, *options: str, plan: dict[str, Any] | None = None, url: str | None = None
    ) -> subprocess.Popen[str]:
        command = [sys.executable, str(DRIVER), json.dumps(plan or {})]
        command += ["score", self.source, self.output]
        command += ["--master", "local[2]", "--conf", f"spark.jars={self.hadoop.jars}", *options]
        for option, value in DEFAULTS:
            command += [] if option in options else [option, value]
        given = self.server.environment(self.user)
        if self.hadoop.python:
            given["PYTHONPATH"] = self.hadoop.python
        if url:
            given["AWS_ENDPOINT_URL_S3"] = url
        return subprocess.Popen(
            command,
            env=os.environ | given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *options: str, timeout: float = 400, **given: Any) -> tuple[int, str]:
        """Run the job. Return its exit code and its output."""
        process = self.start(*options, **given)
        try:
            out, log = process.communicate(timeout=timeout)
        finally:
            process.kill()
        return process.returncode, out + log

    def folder(self) -> S3Folder:
        return S3Folder(self.output, self.server.access())

    def scores(self) -> dict[int, float]:
        """Return the scores by id, and check that each id occurs once."""
        files = pa.fs.S3FileSystem(
            endpoint_override=self.server.url,
            access_key="admin",
            secret_key=SECRET,
            region=REGION,
        )
        place = self.output.partition("//")[2]
        read = ds.dataset(place, format="parquet", partitioning="hive", filesystem=files)
        table = read.to_table(["id", "semanticScore"]).to_pydict()
        assert len(table["id"]) == len(set(table["id"]))
        return dict(zip(table["id"], table["semanticScore"], strict=True))

    def committed(self) -> dict[str, CommittedUnit]:
        """Return the committed units by id, and check that their files have the recorded sizes."""
        sizes = {entry.path: entry.size for entry in self.folder().entries()}
        records = ledger.read_units(self.folder())
        for record in records:
            assert all(sizes.get(file.path) == file.bytes for file in record.files)
        return {record.id: record for record in records}

    def require_complete(self, expected: dict[int, float]) -> None:
        """Check that all rows occur once with equal scores. No unknown objects, no open uploads."""
        assert self.scores() == pytest.approx(expected, abs=1e-6)
        bucket, key = self.folder().bucket, self.folder().key
        client = self.server.client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{key}/")
        found = {item["Key"][len(key) + 1 :] for page in pages for item in page.get("Contents", ())}
        units = self.committed().values()
        known = {file.path for unit in units for file in unit.files}
        known |= {unit.path for unit in units}
        known |= {ledger.RUN, ledger.MANIFEST, ledger.SUCCESS, ledger.PROGRESS}
        known |= {ledger.REPORT, ledger.PAGE}
        others = found - known
        assert {
            path for path in others if not path.startswith(("_semscore/lease/", "_semscore/seals/"))
        } == set()
        assert known <= found
        uploads = client.list_multipart_uploads(Bucket=bucket, Prefix=f"{key}/")
        assert not uploads.get("Uploads")


@pytest.fixture(scope="session")
def expected(server: Server) -> dict[int, float]:
    """Make s3a://input/pairs: 12 units of 30 rows, in folders with unusual names.

    They are six small files, a file of three row groups, and one with a row group of three pieces.
    Returns their scores.
    """
    client, rows = server.client(), 0
    for number, groups in enumerate([[30]] * 6 + [[30] * 3, [90]]):
        ids = range(rows, rows + sum(groups))
        rows = ids.stop
        left, right = zip(*map(pairs.texts, ids), strict=True)
        columns = {"id": list(ids), "text1": list(left), "text2": list(right)}
        sink = io.BytesIO()
        pq.write_table(pa.table(columns), sink, row_group_size=groups[0])
        name = f"pairs/kind={KINDS[number % len(KINDS)]}/{number:02}.parquet"
        client.put_object(Bucket="input", Key=name, Body=sink.getvalue())
    return pairs.scores(rows)


@pytest.fixture
def dataset(
    server: Server,
    hadoop: Hadoop,
    expected: dict[int, float],
    request: pytest.FixtureRequest,
) -> Dataset:
    name = re.sub(r"\W", "-", request.node.name)
    return Dataset(server, hadoop, "s3://input/pairs", f"s3://output/{name}")
