"""Measure runs with a vector store: `python -m benchmarks.nightly --help`.

Scores a corpus, and then others of the same size, of which some of the pairs were in the first.
Each is scored without a store, and with one that has the vectors of the first.
"""

from __future__ import annotations

import shutil

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import BUILD
from benchmarks.corpus import corpus
from benchmarks.files import first_rows
from benchmarks.ours import Book, parser
from benchmarks.synthetic import mixed
from benchmarks.trial import trial
from semscore.udfs.models.fetch import local_folder

FILES = 4
COLUMNS = [
    "repeats",
    "store",
    "wall_s",
    "cpu_s",
    "distinct_texts",
    "stored_texts",
    "store_mb",
    "error",
]


def main() -> None:
    """Measure all shares of repeats, without and with a store."""
    options = parser(__doc__)
    options.add_argument("--rows", type=int, default=8000)
    options.add_argument("--repeats", type=float, nargs="+", default=[0.0, 0.5, 0.9, 0.99, 1.0])
    args = options.parse_args()
    model, contender = str(local_folder(args.model)), f"semscore:{args.precision}"
    data = mixed(corpus("en", args.suite))
    first = first_rows(data, args.rows, FILES)
    later = pq.read_table(first_rows(data, 2 * args.rows, FILES)).slice(args.rows)
    book, store = Book("nightly", COLUMNS), BUILD / "nightly" / "store"
    trial(contender, first, model)
    for repeats in args.repeats:
        kept = round(args.rows * repeats)
        rows = pa.concat_tables([pq.read_table(first).slice(0, kept), later.slice(kept)])
        folder = BUILD / "nightly" / f"pairs-{repeats}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for k in range(FILES):
            part = rows.slice(k * len(rows) // FILES, len(rows) // FILES)
            pq.write_table(part, folder / f"{k}.parquet")
        shutil.rmtree(store, ignore_errors=True)
        with_store = ("--vector-store", str(store))
        trial(contender, first, model, options=with_store)
        size = sum(file.stat().st_size for file in store.rglob("*.parquet")) / 1e6
        for name, used in (("no", ()), ("yes", with_store)):
            found = trial(contender, folder, model, options=used)
            meters = found.get("meters", {})
            book.add(
                repeats=repeats,
                store=name,
                wall_s=found["wall_s"],
                cpu_s=found["cpu_s"],
                distinct_texts=meters.get("distinct_texts"),
                stored_texts=meters.get("stored_texts"),
                store_mb=size if used else None,
                error=found.get("error"),
            )


if __name__ == "__main__":
    main()
