"""How many requests a run sends to S3: so many for each unit, however many units there are."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from semscore.jobs.dataset.publish import destinations, discard_staging, publish
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import DataFile
from semscore.jobs.ledger.lease import Lease
from semscore.udfs.stores.s3_folder import S3Folder
from tests.services.records import unmeasured

pytestmark = pytest.mark.s3

RUN = "run"


@pytest.mark.slow
def test_requests_grow_with_the_files_and_not_faster(
    dataset: Any, server: Any, proxies: Any
) -> None:
    counts: list[Counter[str]] = []
    for files in (4, 8):
        with proxies.FaultProxy(server.url) as proxy:
            dataset.output += f"-{files}"
            code, told = dataset.run("--max-units", str(files), url=proxy.url)
            assert code == 0, told
            counts.append(Counter(proxy.requests))
    few, many = counts
    per_file = {name: (many[name] - few[name]) / 4 for name in many}
    assert sum(many.values()) < 2 * sum(few.values()), "what is asked for once is asked for once"
    # One of Spark's committer, when the task commits, and one to publish.
    assert per_file["CopyObject"] <= 2, per_file
    assert sum(per_file.values()) < 100, per_file


def commit(folder: S3Folder, lease: Lease, number: int) -> None:
    """Do what a run does with a unit, except Spark's part."""
    id_ = f"{number:012x}"
    path = f"{ledger.STAGING}/{RUN}/{id_}/scored/x.parquet"
    folder.write(path, b"data")
    moves = destinations(RUN, lease.number, id_, [DataFile(path, 1, 4)])
    lease.require()
    publish(folder, moves)
    sources = [{"path": f"s3a://in/{id_}", "size": 1, "tag": "t", "rows": 1}]
    record = unmeasured(
        id=id_, run=RUN, lease=lease.number, sources=sources, files=[*moves.values()], rows=1
    )
    ledger.commit(folder, record, lease.seal)
    discard_staging(folder, RUN, id_)


@pytest.mark.parametrize("units", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_each_unit_costs_what_the_first_did(server: Any, proxies: Any, units: int) -> None:
    counts: list[Counter[str]] = []
    with proxies.FaultProxy(server.url) as proxy:
        folder = S3Folder(f"s3://output/requests-{units}", server.access(endpoint=proxy.url))
        with Lease(folder, RUN) as lease:
            ledger.clear_remains(folder, lease, ledger.take_over(folder, lease))
            for number in range(units):
                before = Counter(proxy.requests)
                commit(folder, lease, number)
                counts.append(Counter(proxy.requests) - before)
            proxy.requests.clear()
            records = ledger.read_units(folder)
    assert len(records) == units
    # The lease beats now and then, which is a PUT.
    usual = Counter({name: min(count[name] for count in counts) for name in counts[0]})
    assert all(sum((count - usual).values()) <= 1 for count in counts)
    assert sum(usual.values()) <= 15, usual
    # Records are read one by one, listed a thousand at a time.
    assert sum(proxy.requests.values()) <= units + units // 1000 + 8
