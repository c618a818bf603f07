"""Measure how soon the first unit of many small files starts: `python -m benchmarks.manyfiles`.

The dataset consists of hard links to a few parquet files. Each link is listed, and its footer is
read, as if it were a file of its own. Nothing is scored. Each dataset is read in a process of its
own, whose memory is measured.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import BUILD
from benchmarks.ours import Book, parser
from benchmarks.process import peak_mb
from semscore.jobs.dataset.owed import owed
from semscore.jobs.dataset.reading import read_source
from semscore.jobs.dataset.upcoming import Upcoming

FOLDERS = 100  # each with its own file, because the number of links to one file is limited
ROWS = 10


def main() -> None:
    """Divide datasets of more and more files into units."""
    options = parser(__doc__)
    options.add_argument("--files", type=int, nargs="+", default=[1_000, 10_000, 200_000])
    options.add_argument("--one", help="for the processes that this one starts")
    args = options.parse_args()
    if args.one:
        divide(args.one)
        return
    columns = ["files", "listed_s", "first_unit_s", "all_units_s", "units", "rows", "peak_mb"]
    book = Book("manyfiles", columns)
    place = BUILD / "manyfiles"
    for count in args.files:
        shutil.rmtree(place, ignore_errors=True)
        write(place, count)
        command = [sys.executable, "-m", "benchmarks.manyfiles", "--one", str(place)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        book.add(files=count, **json.loads(printed.splitlines()[-1]))
    shutil.rmtree(place)


def write(place: Path, count: int) -> None:
    """Write a dataset of some files."""
    texts = [f"text {n}" for n in range(ROWS)]
    for folder in range(FOLDERS):
        home = place / f"k={folder}"
        home.mkdir(parents=True)
        pq.write_table(pa.table({"text1": texts, "text2": texts}), home / "0.parquet")
        for number in range(1, count // FOLDERS):
            (home / f"{number}.parquet").hardlink_to(home / "0.parquet")


def divide(place: str) -> None:
    """Divide a dataset into units. Print what it took."""
    start = perf_counter()
    source = read_source([place])
    files = owed(source.files, ())
    listed = perf_counter() - start
    upcoming = Upcoming(source.counted(files), sum(file.size for file in files))
    upcoming.peek()
    first = perf_counter() - start
    upcoming.make_all()
    found = {
        "listed_s": listed,
        "first_unit_s": first,
        "all_units_s": perf_counter() - start,
        "units": upcoming.units,
        "rows": upcoming.rows,
        "peak_mb": round(peak_mb()),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
