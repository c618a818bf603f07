"""SageMaker's part in a processing job: keep the request, fetch inputs, upload outputs, keys."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.services.seaweedfs import REGION, Server

ROLE = "arn:aws:iam::123456789012:role/semscore-job"
KEYS_AT = "/v2/credentials/job"  # on 169.254.170.2, for the SDKs in a container
Request = dict[str, Any]


def requested(server: Server, *words: str) -> Request:
    """Run `semscore launch` with S3 on the server. Return the job's request, which is not sent."""
    import boto3

    from semscore.jobs.cli import app as cli
    from semscore.jobs.processing_job import processor
    from semscore.jobs.processing_job.rehearsal import Rehearsal

    rehearsal = Rehearsal(REGION)
    make = processor.make_session
    with patch.dict(os.environ, server.environment()):
        session = boto3.Session(region_name=REGION)
        session.events.register("before-send.sagemaker", rehearsal._answer)
        with patch(
            "semscore.jobs.cli.job_progress.make_session", lambda launch: make(launch, session)
        ):
            assert cli.main(["launch", *words, "--no-wait"]) == 0
    assert rehearsal.request is not None
    return rehearsal.request


def on_server(server: Server) -> list[str]:
    """Return the options of `semscore launch` for S3 on the server."""
    conf = {
        "spark.hadoop.fs.s3a.endpoint": server.url,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
    }
    words = ["--role", ROLE, "--image-uri", "x:1", "--region", REGION]
    words += ["--code-location", "s3://output/code"]
    return words + [word for pair in conf.items() for word in ("--conf", "=".join(pair))]


def prepare(request: Request, place: Path, server: Server, host: str, hosts: Sequence[str]) -> None:
    """Make the folder /opt/ml of a host: its inputs, and what SageMaker says about the job."""
    for each in request.get("ProcessingInputs", ()):
        target = _inside(place, each["S3Input"]["LocalPath"])
        _fetch(server, each["S3Input"]["S3Uri"], target)
    for each in request.get("ProcessingOutputConfig", {}).get("Outputs", ()):
        _inside(place, each["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
    config = place / "config"
    config.mkdir(parents=True)
    resources = {"current_host": host, "hosts": list(hosts), "network_interface_name": "lo"}
    (config / "resourceconfig.json").write_text(json.dumps(resources))
    (config / "processingjobconfig.json").write_text(json.dumps(request))


def put_away(request: Request, place: Path, server: Server) -> None:
    """Upload the outputs of a job from its folder /opt/ml to S3."""
    for each in request.get("ProcessingOutputConfig", {}).get("Outputs", ()):
        folder = _inside(place, each["S3Output"]["LocalPath"])
        bucket, prefix = _split(each["S3Output"]["S3Uri"])
        for path in (path for path in folder.rglob("*") if path.is_file()):
            key = f"{prefix}/{path.relative_to(folder).as_posix()}"
            server.client().upload_file(str(path), bucket, key)


def environment(request: Request) -> dict[str, str]:
    """Return the environment of the job's containers."""
    return request.get("Environment", {}) | {
        "AWS_REGION": REGION,
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": KEYS_AT,
    }


def command(request: Request) -> list[str]:
    """Return what the containers run."""
    app = request["AppSpecification"]
    return [*app["ContainerEntrypoint"], *app.get("ContainerArguments", [])]


def message(place: Path) -> str:
    """Return the text that SageMaker would show as ExitMessage, from a folder /opt/ml."""
    file = place / "output/message"
    return file.read_text("utf-8") if file.exists() else ""


def _inside(place: Path, path: str) -> Path:
    return place / path.removeprefix("/opt/ml/")


def _split(url: str) -> tuple[str, str]:
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    return bucket, prefix


def _fetch(server: Server, url: str, folder: Path) -> None:
    bucket, prefix = _split(url)
    client = server.client()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for item in (item for page in pages for item in page.get("Contents", ())):
        name = item["Key"].removeprefix(prefix).strip("/") or Path(prefix).name
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(bucket, item["Key"], str(target))
