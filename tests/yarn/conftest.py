"""Hadoop 3.4.1 on this machine: on loopback addresses, and on hosts of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.services import hosts as made
from tests.services.job import Job, submit
from tests.services.seaweedfs import Server, seaweedfs
from tests.services.yarn import Yarn, daemons, started

LOOPBACK = ("127.0.0.2", "127.0.0.3")


@pytest.fixture(scope="session")
def yarn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yarn]:
    """YARN on two hosts with one GPU each."""
    # The addresses differ, because on one machine both lease from the same folder.
    gpus = {host: str(number) for number, host in enumerate(LOOPBACK)}
    with started(tmp_path_factory.mktemp("yarn"), "ml.g4dn.xlarge", gpus) as found:
        yield found


@pytest.fixture(scope="session")
def large_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yarn]:
    """YARN on one host with four GPUs."""
    gpus = {"127.0.0.6": "0,1,2,3"}
    with started(tmp_path_factory.mktemp("large"), "ml.g4dn.12xlarge", gpus) as found:
        yield found


@pytest.fixture(scope="session")
def hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an HDFS on this machine."""
    root, address = tmp_path_factory.mktemp("hdfs"), "127.0.0.4"
    made.write_files(root, "")
    with daemons(root, address, address, "hdfs", {}):
        yield f"hdfs://{address}:8020"


@pytest.fixture
def network(tmp_path: Path) -> Iterator[made.Hosts]:
    """A network for hosts."""
    if reason := made.obstacle():
        pytest.skip(f"hosts cannot be made here: {reason}")
    with made.hosts(tmp_path / "hosts") as network:
        yield network


@pytest.fixture
def server(network: made.Hosts, tmp_path: Path) -> Iterator[Server]:
    """S3 on the hosts' network."""
    place = tmp_path / "seaweedfs"
    place.mkdir()
    with seaweedfs(place, network.address) as server:
        yield server


@pytest.fixture
def submitted(network: made.Hosts, server: Server) -> Callable[..., Job]:
    """Submit a job over some rows, for hosts that are not started yet."""
    return partial(submit, network, server)
