"""A simulated AWS for launching jobs: moto's server, which keeps all requests."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.cli import app as cli

ROLE = "arn:aws:iam::123456789012:role/semscore-job"
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/semscore:0.1.0-abc"
PLACES = ("s3://input/pairs", "s3://output/scored")
BUCKETS = ("input", "output", "code-bucket")


@dataclass
class Aws:
    """The server and the requests it received."""

    url: str
    sent: list[tuple[str, str, bytes]] = field(default_factory=list)  # method or target, path, body
    refuse: dict[str, Any] | None = None  # the error that CreateProcessingJob returns

    def client(self, name: str) -> Any:
        import boto3

        return boto3.session.Session(
            aws_access_key_id="x", aws_secret_access_key="y", region_name="eu-central-1"
        ).client(name, endpoint_url=self.url)

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """The requests of CreateProcessingJob."""
        return [json.loads(body) for what, _, body in self.sent if what.endswith("ProcessingJob")]

    def put_pairs(self, rows: int, files: int, *columns: str) -> None:
        """Write an INPUT to the bucket `input`."""
        sink = io.BytesIO()
        pq.write_table(pa.table({name: ["a"] * rows for name in columns}), sink)
        for number in range(files):
            self.client("s3").put_object(
                Bucket="input", Key=f"pairs/{number}.parquet", Body=sink.getvalue()
            )

    def read(self, url: str) -> bytes:
        bucket, _, key = url.removeprefix("s3://").partition("/")
        content: bytes = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return content


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Aws]:
    """A new simulated AWS that all boto3 clients use."""
    import boto3
    from moto.moto_api._internal import moto_api_backend
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    moto_api_backend.reset()
    inner = DomainDispatcherApplication(create_backend_app)
    here = Aws("")

    def outer(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        what = environ.get("HTTP_X_AMZ_TARGET") or environ["REQUEST_METHOD"]
        if what.endswith("CreateProcessingJob"):
            here.sent.append((what, environ["PATH_INFO"], body))
            if here.refuse:
                start("400 Bad Request", [("Content-Type", "application/x-amz-json-1.1")])
                return [json.dumps(here.refuse).encode()]
        else:
            here.sent.append((what, environ["PATH_INFO"], body))
        return inner(environ, start)

    server = make_server("127.0.0.1", 0, outer, threaded=True)
    here.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "AWS_ENDPOINT_URL": here.url,
        "AWS_ACCESS_KEY_ID": "launcher",
        "AWS_SECRET_ACCESS_KEY": "planted-secret",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    where = {"CreateBucketConfiguration": {"LocationConstraint": "eu-central-1"}}
    for bucket in BUCKETS:
        here.client("s3").create_bucket(Bucket=bucket, **where)
    here.put_pairs(10, 2, "text1", "text2")
    here.sent.clear()
    yield here
    server.shutdown()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the SDK's schema check of its own configuration, which runs for each value it reads."""
    monkeypatch.setattr("jsonschema.validate", lambda *_: None)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove credentials and region, and refuse all connections."""
    import socket

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


@pytest.fixture
def launch() -> Callable[..., int]:
    """Run `semscore launch` with the required options. Repeated options take precedence."""

    def run(
        *options: str, places: tuple[str, ...] = ("s3://input/pairs", "s3://output/scored")
    ) -> int:
        usual = {
            "--role": ROLE,
            "--instance-type": "ml.g5.2xlarge",
            "--image-uri": IMAGE,
            "--code-location": "s3://code-bucket/c",
            "--model": "/opt/semscore/model",
        }
        words = ["launch", *places]
        for name, value in usual.items():
            words += [] if name in options else [name, value]
        return cli.main([*words, *options])

    return run
