"""Measure seconds from the shell to two scored rows: `python -m benchmarks.coldstart --help`.

Measures semscore three times: with an empty cache; the second time, when it archives Java's
classes; and after that. In all cases, the files of the libraries are in the system's page cache.
"""

from __future__ import annotations

from statistics import median
from tempfile import TemporaryDirectory
from time import sleep

from benchmarks.contenders import parts
from benchmarks.corpus import corpus
from benchmarks.files import first_rows
from benchmarks.ours import Book, parser
from benchmarks.trial import trial
from semscore.jobs.spark.class_archive import SETTLED_S
from semscore.udfs.models.fetch import local_folder

ROWS = 2


def main() -> None:
    """Run each contender once per turn, and semscore three times with one new cache."""
    options = parser(__doc__)
    options.add_argument("--turns", type=int, default=3)
    args = options.parse_args()
    model = str(local_folder(args.model))
    data = first_rows(corpus("en", args.suite), ROWS)
    book = Book("coldstart", ["contender", "when", "turn", "wall_s", "cpu_s", "error"])
    for turn in range(args.turns):
        for contender in (f"semscore:{args.precision}", "original", "daft_udf"):
            ours = parts(contender)[0] == "semscore"
            with TemporaryDirectory(prefix="semscore-bench-") as cache:
                for when in ("first", "second", "after") if ours else ("any",):
                    if when == "after":
                        sleep(SETTLED_S + 2)  # the archive of classes then counts as complete
                    env = {"SEMSCORE_CACHE": cache}
                    result = trial(contender, data, model, env=env, limit_s=args.limit)
                    book.add(turn=turn, when=when, **result)
    for contender, when in dict.fromkeys((p["contender"], p["when"]) for p in book.points):
        chosen = [p for p in book.points if (p["contender"], p["when"]) == (contender, when)]
        seconds = [p["wall_s"] for p in chosen if "error" not in p]
        if seconds:
            print(f"{contender:20} {when:6} median {median(seconds):.1f} s")


if __name__ == "__main__":
    main()
