"""Rights on S3 that are withdrawn while a run is going on, and given back."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from semscore.jobs.ledger import ledger

pytestmark = pytest.mark.s3


@pytest.mark.parametrize(
    "denied",
    [
        pytest.param(("PutObject", "CreateMultipartUpload"), id="writing"),
        pytest.param(("GetObject",), id="reading", marks=pytest.mark.slow),
        pytest.param(("ListObjectsV2",), id="listing", marks=pytest.mark.slow),
        pytest.param(("DeleteObject", "DeleteObjects"), id="deleting", marks=pytest.mark.slow),
    ],
)
def test_a_run_that_loses_a_right_says_so_and_is_resumed(
    dataset: Any, server: Any, proxies: Any, expected: dict[int, float], denied: tuple[str, ...]
) -> None:
    with proxies.FaultProxy(server.url) as proxy:
        process = dataset.start(url=proxy.url)
        while len(ledger.read_units(dataset.folder())) < 2:
            assert process.poll() is None
            time.sleep(0.1)
        proxy.denied = denied
        out, log = process.communicate(timeout=300)
    assert process.returncode == 1, out + log
    assert log.rstrip().endswith("Committed units stay. Continue with --mode resume"), log
    assert re.search("denied access|S3 refused a request", log.splitlines()[-1])
    assert "AmazonS3Exception" not in out + log
    assert "S3Exception" not in out + log
    code, told = dataset.run("--mode", "resume")
    assert code == 0, told
    dataset.require_complete(expected)
