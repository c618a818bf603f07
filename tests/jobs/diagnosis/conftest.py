"""Fixtures for a machine without problems, and for breaking it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.options.settings import Settings

Script = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove GPUs and this machine's settings. Puts `tmp_path/bin` on the PATH."""
    for name in ("CUDA_VISIBLE_DEVICES", "SEMSCORE_FAKE_GPUS", "SEMSCORE_IMAGE", "CONTAINER_ID"):
        monkeypatch.delenv(name, raising=False)
    for name in ("SPARK_LOCAL_DIRS", "SPARK_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    monkeypatch.setenv("SEMSCORE_LEASE_DIR", str(tmp_path / "leases"))


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Put a shell script on the PATH."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def nvidia_smi(script: Script) -> Callable[..., Path]:
    """Write an nvidia-smi that reports two GPUs and a driver."""

    def write(driver: str = "550.54.15", gpu: str = "8.6, 23028, NVIDIA A10G") -> Path:
        return script(
            "nvidia-smi",
            'case "$*" in *index*) printf "0\\n1\\n" ;;\n'
            f"*driver*) echo {driver}; echo {driver} ;;\n"
            f'*) echo "{gpu}"; echo "{gpu}" ;; esac',
        )

    return write


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """An INPUT with two files."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    for name in ("a", "b"):
        table = pa.table({"text1": ["rain", "sun"], "text2": ["rain", "moon"], "n": [1, 2]})
        pq.write_table(table, folder / f"{name}.parquet")
    return folder


@pytest.fixture
def settings(pairs: Path, tmp_path: Path) -> Callable[..., Settings]:
    """Make settings for a run from `pairs` to a folder that does not exist."""

    def make(**slices: Any) -> Settings:
        places = {"inputs": (str(pairs),), "output": str(tmp_path / "new" / "out")}
        return Settings(**places | slices)

    return make


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A client for a simulated S3 with the bucket `pairs`."""
    import boto3
    from moto.moto_api._internal import moto_api_backend
    from moto.server import ThreadedMotoServer

    moto_api_backend.reset()
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    client = boto3.session.Session().client("s3")
    client.create_bucket(Bucket="pairs")
    yield client
    server.stop()
