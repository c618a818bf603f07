"""Measure what exactly-once costs: `python -m benchmarks.protocol --help`.

Measures the seconds that a run spends on lease, records, publishing and audit, as a share of its
time, and how long a run takes to find that nothing is left to do in a dataset of many units.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any

from benchmarks import BUILD
from benchmarks.corpus import corpus
from benchmarks.files import first_rows
from benchmarks.ours import Book, parser
from semscore.jobs import score as job
from semscore.jobs.ledger import lease, ledger
from semscore.jobs.ledger.committed import UNITS
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Limits, Output
from semscore.jobs.run import score_unit
from semscore.udfs.recipe import Recipe

STEPS: tuple[tuple[Any, str], ...] = (
    (lease.Lease, "__enter__"),
    (lease.Lease, "require"),
    (ledger, "begin"),
    (ledger, "take_over"),
    (ledger, "clear_remains"),
    (ledger, "reopen"),
    (ledger, "tell_progress"),
    (score_unit, "publish"),
    (ledger, "commit"),
    (score_unit, "discard_staging"),
    (job, "audit"),
    (ledger, "finish"),
)


def clock(seconds: Counter[str]) -> None:
    """From now on, add up the time of the protocol's steps. Nested steps count twice."""
    lock = Lock()

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            start = perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                with lock:
                    seconds[name] += perf_counter() - start

        return call

    for place, name in STEPS:
        setattr(place, name, timed(name, getattr(place, name)))


def multiply(source: Path, output: Path, times: int) -> None:
    """Turn a dataset of one file and one unit into one of many: copies under other names."""
    [file] = source.glob("*.parquet")
    [path] = (output / UNITS).glob("*.json")
    record = json.loads(path.read_text("utf-8"))
    [data] = record["files"]
    for number in range(1, times):
        name, unit = f"copy-{number:06}.parquet", f"{number:012x}"
        shutil.copy2(file, source / name)
        copied = (source / name).stat()
        published = data["path"].replace(record["id"], unit)
        (output / published).hardlink_to(output / data["path"])
        [read] = record["sources"]
        place, _, _ = read["path"].rpartition("/")
        sources = [read | {"path": f"{place}/{name}", "tag": str(copied.st_mtime_ns)}]
        other = record | {"id": unit, "sources": sources, "files": [data | {"path": published}]}
        (output / UNITS / f"{unit}-{record['lease']}.json").write_text(json.dumps(other), "utf-8")


def main() -> None:
    """Measure a run of several units, then a run on a complete dataset of many units."""
    options = parser(__doc__)
    options.add_argument("--rows", type=int, default=20_000)
    options.add_argument("--unit-rows", type=int, default=2_500)
    options.add_argument(
        "--units", type=int, default=1000, help="number of units in the complete dataset"
    )
    args = options.parse_args()
    english, output = corpus("en", args.suite), BUILD / "out" / "protocol"
    recipe = Recipe(model=args.model, precision=args.precision)
    book = Book("protocol", ["what", "rows", "units", "wall_s", "protocol_s", "share"])

    def run(data: Path) -> job.Result:
        target = Output(mode="resume")
        limits = Limits(unit_rows=args.unit_rows)
        return job.score(
            Settings(
                inputs=(str(data),),
                output=str(output),
                recipe=recipe,
                target=target,
                limits=limits,
            )
        )

    seconds: Counter[str] = Counter()
    shutil.rmtree(output, ignore_errors=True)
    clock(seconds)
    data = first_rows(english, args.rows, args.rows // args.unit_rows)
    result = run(data)
    total = sum(seconds.values())
    book.add(
        what="a run",
        rows=result.rows,
        units=args.rows // args.unit_rows,
        wall_s=result.scoring_seconds,
        protocol_s=total,
        share=total / result.scoring_seconds,
        steps=dict(seconds),
    )
    shutil.rmtree(output)
    data = BUILD / "slices" / "protocol"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(first_rows(english, 100, 1), data)
    run(data)
    multiply(data, output, args.units)
    result = run(data)
    book.add(
        what="nothing is left",
        rows=result.statuses.total(),
        units=args.units,
        wall_s=result.seconds,
    )
    shutil.rmtree(output)


if __name__ == "__main__":
    main()
