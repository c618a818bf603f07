"""A real S3 server, SeaweedFS, with buckets and users whose rights differ."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from semscore.udfs.stores.s3 import Access, s3_client

REGION = "us-east-1"
SECRET = "not-a-secret-of-anybody"
BUCKETS = ("input", "output")
RIGHTS = {
    "admin": ["Admin", "Read", "Write", "List", "Tagging"],
    "reader": ["Read:input", "List:input"],
    "writer": ["Read:output", "Write:output", "List:output"],
    "looker": ["Read:output", "List:output"],
}


@dataclass(frozen=True)
class Server:
    """The server's address, and access for its users."""

    url: str

    def access(self, user: str = "admin", **changes: Any) -> Access:
        given = {
            "endpoint": self.url,
            "region": REGION,
            "path_style": True,
            "access_key": user,
            "secret_key": SECRET,
        }
        return Access(**given | changes)

    def client(self) -> Any:
        return s3_client(self.access())

    def environment(self, user: str = "admin") -> dict[str, str]:
        """Return the environment variables for boto3 and semscore to reach the server."""
        return {
            "AWS_ACCESS_KEY_ID": user,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def seaweedfs(place: Path, address: str = "127.0.0.1") -> Iterator[Server]:
    """Start a server whose data and log are in the folder `place`. It ends with the block."""
    people = [
        {
            "name": name,
            "credentials": [{"accessKey": name, "secretKey": SECRET}],
            "actions": actions,
        }
        for name, actions in RIGHTS.items()
    ]
    (place / "users.json").write_text(json.dumps({"identities": people}))
    ports = dict(zip(("master", "volume", "filer", "s3"), free_ports(4, address), strict=True))
    command = [str(Path(sys.executable).with_name("weed")), "server", f"-dir={place}", "-s3"]
    command += [f"-ip={address}", f"-ip.bind={address}", "-master.telemetry=false"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={place}/users.json"]
    command += [f"-{name}.port={port}" for name, port in ports.items()]
    command += ["-volume.max=50", "-master.volumeSizeLimitMB=256"]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        found = Server(f"http://{address}:{ports['s3']}")
        wait_for(f"{found.url}/healthz", process)
        for bucket in BUCKETS:
            found.client().create_bucket(Bucket=bucket)
        yield found
    finally:
        process.kill()  # it would wait for what it holds
        process.wait()


def free_ports(count: int, address: str = "127.0.0.1") -> list[int]:
    """Return free ports. The ports 10,000 above them are also free, because SeaweedFS uses them."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as probe:
            probe.bind((address, 0))
            port = probe.getsockname()[1] % 30_000 + 20_000
        with socket.socket() as one, socket.socket() as other:
            try:
                one.bind((address, port))
                other.bind((address, port + 10_000))
            except OSError:
                continue
        found.append(port)
    return found


def wait_for(url: str, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    """Return when a server answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urlopen(url, timeout=2):
                return
        except (URLError, OSError):
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < end, f"{url} did not answer in {seconds} s"
            time.sleep(0.2)
