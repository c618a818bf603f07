"""Does a row cost the same, in time and memory, when there are many, or in other files?

    python -m benchmarks.growth --help

Seconds a row leave out what a run of 2 rows takes. Memory is the largest Python worker's.
"""

from __future__ import annotations

from benchmarks.corpus import corpus
from benchmarks.files import first_rows
from benchmarks.ours import Book, parser, score
from benchmarks.trial import warm_up

START_UP = 2  # rows


def main() -> None:
    """First more rows in 16 files, then the fewest rows in other numbers of files."""
    options = parser(__doc__)
    options.add_argument("--rows", type=int, nargs="+", default=[10_000, 40_000, 135_000])
    options.add_argument("--files", type=int, nargs="+", default=[1, 200])
    given = options.parse_args()
    english = corpus("en", given.suite)
    columns = ["rows", "files", "wall_s", "ms_per_row", "worker_peak_mb", "all_peak_mb", "error"]
    book = Book("growth", columns)
    tiny = first_rows(english, START_UP)
    warm_up(f"semscore:{given.precision}", tiny, given.model)
    start = score(given, tiny)
    cases = [(rows, 16) for rows in given.rows]
    cases += [(min(given.rows), files) for files in given.files]
    for rows, files in cases:
        result = score(given, first_rows(english, rows, files))
        if "error" not in result:
            result["ms_per_row"] = 1000 * (result["wall_s"] - start["wall_s"]) / rows
            result["worker_peak_mb"] = result["meters"].get("peak_rss_bytes", 0) / 1e6
            result["all_peak_mb"] = result["peak_bytes"] / 1e6
        book.add(files=files, start_s=start["wall_s"], **result)


if __name__ == "__main__":
    main()
