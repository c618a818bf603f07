"""Measure the work that a kill costs, for several shapes: `python -m benchmarks.interrupt --help`.

Each run is killed with SIGKILL some time after its fourth unit, and resumed. What is lost is the
work on units that were not committed. A unit is meant to take five minutes; to keep the benchmark
short, it takes --unit-seconds here, and what is lost is also given as a multiple of that. The model
reads only the first tokens of each text, because its speed is not measured.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import BUILD
from benchmarks.corpus import corpus
from benchmarks.ours import Book, parser
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import Committed
from semscore.jobs.ledger.run_id import began
from semscore.udfs.stores.local_folder import LocalFolder

PLACE = BUILD / "interrupt"
AFTER = 4  # units, at least
TOKENS = 4  # of each text
JOB = (
    "import sys; from semscore.jobs.run import division; "
    "division.UNIT_S = float(sys.argv.pop(1)); from semscore.jobs.cli.start import main; "
    "sys.exit(main())"
)


def shapes(rows: int) -> dict[str, dict[str, list[int]]]:
    """Return for each shape of INPUT the rows of the row groups of each file."""
    part = rows // 40
    return {
        "one file, 40 row groups": {"a.parquet": [part] * 40},
        "one file, one row group": {"a.parquet": [rows]},
        "20 small files, 2 large ones": {f"{n:02}.parquet": [part] for n in range(20)}
        | {"x.parquet": [part] * 10, "y.parquet": [part * 10]},
        "2 partitions": {"k=0/a.parquet": [part] * 20, "k=1/a.parquet": [part * 20]},
    }


def write(table: pa.Table, files: dict[str, list[int]]) -> Path:
    """Write the rows in order to files with these row groups."""
    folder = PLACE / "in"
    for name, groups in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
            for rows in groups:
                writer.write_table(table.slice(0, rows), row_group_size=rows)
                table = table.slice(rows)
    return folder


def start(source: Path, output: Path, unit_s: float, model: str) -> subprocess.Popen[bytes]:
    """Start or resume a run whose units take about `unit_s` seconds."""
    command = [sys.executable, "-c", JOB, str(unit_s), "score", str(source), str(output)]
    command += ["--model", model, "--precision", "float32", "--mode", "resume", "--no-report"]
    command += ["--max-seq-length", str(TOKENS)]
    with (PLACE / "log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def wait_for_units(output: Path, process: subprocess.Popen[bytes]) -> None:
    """Return when enough units are committed. Ends the benchmark if the run ends before."""
    while len(list(output.glob("_semscore/units/*.json"))) < AFTER:
        if process.poll() is not None:
            raise SystemExit(f"the run ended before {AFTER} units; use more --rows")
        time.sleep(0.1)


def lost_seconds(units: Committed, killed_at: float) -> float:
    """Return for how long the oldest unit had been running that was not committed.

    Two units are scored at a time, so it began when the last unit but one ended.
    """
    ended = sorted(datetime.fromisoformat(unit.ended).timestamp() for unit in units)
    return killed_at - ended[-2]


def main() -> None:
    """Kill and resume runs on each shape."""
    options = parser(__doc__)
    options.add_argument("--rows", type=int, default=60_000)
    options.add_argument("--unit-seconds", type=float, default=10.0)
    options.add_argument("--kills", type=int, default=3)
    args = options.parse_args()
    columns = ["shape", "kill", "ran_s", "lost_s", "of_unit", "units_kept", "rows_kept", "rows"]
    book = Book("interrupt", columns)
    table = pq.read_table(corpus("en", args.suite), columns=["id", "text1", "text2"])
    table = table.slice(0, args.rows)
    moments = random.Random(5)
    for shape, files in shapes(args.rows).items():
        shutil.rmtree(PLACE, ignore_errors=True)
        source, output = write(table, files), PLACE / "out"
        for kill in range(1, args.kills + 1):
            shutil.rmtree(output, ignore_errors=True)
            process = start(source, output, args.unit_seconds, args.model)
            wait_for_units(output, process)
            time.sleep(moments.uniform(0, 2 * args.unit_seconds))
            process.send_signal(signal.SIGKILL)
            killed_at = time.time()
            process.wait()
            units = ledger.read_units(LocalFolder(str(output)))
            lost = lost_seconds(units, killed_at)
            if kill == args.kills and start(source, output, args.unit_seconds, args.model).wait():
                raise SystemExit(f"the resumed run failed; see {PLACE / 'log'}")
            book.add(
                shape=shape,
                kill=kill,
                ran_s=killed_at - began(units[0].run),
                lost_s=lost,
                of_unit=lost / args.unit_seconds,
                units_kept=len(units),
                rows_kept=units.rows,
                rows=args.rows,
            )
        ids = pq.read_table(output, columns=["id"])["id"].to_pylist()
        if sorted(ids) != sorted(table["id"].to_pylist()):
            raise SystemExit(f"{shape}: the rows of the resumed dataset are not those of INPUT")
    shutil.rmtree(PLACE)


if __name__ == "__main__":
    main()
