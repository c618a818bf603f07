"""Measure whether the time and memory per row depend on the number of rows and of files.

    python -m benchmarks.growth --help

The time per row does not include the time of a run on 2 rows. The memory is that of the largest
Python worker.
"""

from __future__ import annotations

from benchmarks.corpus import corpus
from benchmarks.files import first_rows
from benchmarks.ours import Book, parser, score
from benchmarks.trial import warm_up

START_UP = 2  # rows


def main() -> None:
    """Score more and more rows in 16 files, then the fewest rows in other numbers of files."""
    options = parser(__doc__)
    options.add_argument("--rows", type=int, nargs="+", default=[10_000, 40_000, 135_000])
    options.add_argument("--files", type=int, nargs="+", default=[1, 200])
    args = options.parse_args()
    english = corpus("en", args.suite)
    columns = ["rows", "files", "wall_s", "ms_per_row", "worker_peak_mb", "all_peak_mb", "error"]
    book = Book("growth", columns)
    tiny = first_rows(english, START_UP)
    warm_up(f"semscore:{args.precision}", tiny, args.model)
    start = score(args, tiny)
    cases = [(rows, 16) for rows in args.rows]
    cases += [(min(args.rows), files) for files in args.files]
    for rows, files in cases:
        result = score(args, first_rows(english, rows, files))
        if "error" not in result:
            result["ms_per_row"] = 1000 * (result["wall_s"] - start["wall_s"]) / rows
            result["worker_peak_mb"] = result["meters"].get("peak_rss_bytes", 0) / 1e6
            result["all_peak_mb"] = result["peak_bytes"] / 1e6
        book.add(files=files, start_s=start["wall_s"], **result)


if __name__ == "__main__":
    main()
