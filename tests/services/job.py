"""A processing job on hosts of its own, with INPUT and OUTPUT on S3."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import Committed
from semscore.udfs.stores.s3_folder import S3Folder
from tests.services import pairs, sagemaker
from tests.services.hosts import Host, Hosts
from tests.services.seaweedfs import Server
from tests.services.waiting import wait_for

RECIPE = ("--model", pairs.MODEL, "--precision", "float32", "--max-seq-length", str(pairs.TOKENS))


@dataclass
class Job:
    """A processing job on hosts of its own, whose INPUT and OUTPUT are on S3."""

    server: Server
    hosts: list[Host]
    request: sagemaker.Request
    output: str

    def start(self) -> None:
        """Start all hosts, the primary first."""
        names = [host.name for host in self.hosts]
        for host in self.hosts:
            place = host.folder / "opt/ml"
            sagemaker.prepare(self.request, place, self.server, host.name, names)
            host.start(sagemaker.command(self.request), sagemaker.environment(self.request))

    @property
    def primary(self) -> Host:
        return self.hosts[0]

    @property
    def units(self) -> Committed:
        """The committed units."""
        return ledger.read_units(S3Folder(self.output, self.server.access()))

    def wait_for_units(self, count: int) -> None:
        """Return when some units are committed."""
        folder = S3Folder(self.output, self.server.access())

        def committed() -> bool:
            assert self.primary.process and self.primary.process.poll() is None, self.log()
            return sum(1 for _ in folder.entries(ledger.UNITS)) >= count

        try:
            wait_for(committed, f"{count} units")
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.log()[-6000:]}") from error

    def finish(self, timeout: float = 600) -> int:
        """Wait until the primary has ended. Return its exit code."""
        return self.primary.wait(timeout)

    def log(self) -> str:
        """Return what the primary has printed."""
        return self.primary.log.read_text(errors="replace")

    @property
    def message(self) -> str:
        """What SageMaker would show as the reason of a failure."""
        return sagemaker.message(self.primary.folder / "opt/ml")

    def table(self) -> pa.Table:
        """Return ids and scores of all files of the dataset, committed or not."""
        folder = S3Folder(self.output, self.server.access())
        client, tables = self.server.client(), []
        for entry in folder.entries():
            if entry.path.endswith(".parquet") and not entry.path.startswith("_"):
                body = client.get_object(Bucket=folder.bucket, Key=f"{folder.key}/{entry.path}")
                data = io.BytesIO(body["Body"].read())
                tables.append(pq.read_table(data, columns=["id", "semanticScore"]))
        return pa.concat_tables(tables)


def submit(
    network: Hosts,
    server: Server,
    rows: int,
    instances: str,
    count: int,
    *options: str,
    output: str | None = None,
) -> Job:
    """Submit a job over some rows with `semscore launch`, for hosts that are not started yet.

    `output`: of an earlier job, if it is to be resumed.
    """
    upload(server, rows)
    name = f"semscore-{time.time_ns()}"
    output = output or f"s3://output/{name}"
    words = ["s3://input/pairs", output, *RECIPE, *sagemaker.on_server(server)]
    words += ["--instance-type", instances, "--instances", str(count), "--job-name", name]
    request = sagemaker.requested(server, *words, *options)
    return Job(server, network.add(count), request, output)


def upload(server: Server, rows: int, groups: int = 4) -> None:
    """Make s3://input/pairs: one file of some row groups."""
    sink = io.BytesIO()
    pq.write_table(pairs.table(rows), sink, row_group_size=max(rows // groups, 1))
    server.client().put_object(Bucket="input", Key="pairs/a.parquet", Body=sink.getvalue())
