"""Measure what checking the model adds to a start: `python -m benchmarks.proving --help`.

Measures seconds from the shell to two scored rows: with an empty cache (the model is checked and
converted while Spark starts), with everything cached except the proof of the check, and with the
proof, which is then only read.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import sleep

from benchmarks.corpus import corpus
from benchmarks.files import first_rows
from benchmarks.ours import Book, parser
from benchmarks.trial import trial
from semscore.jobs.spark.class_archive import SETTLED_S
from semscore.udfs.models.fetch import local_folder

ROWS = 2
WHEN = ("nothing kept", "all but the proof kept", "all kept")


def main() -> None:
    """Measure all cases in one new cache; the last two take turns."""
    options = parser(__doc__)
    options.add_argument("--turns", type=int, default=3)
    args = options.parse_args()
    model = str(local_folder(args.model))
    data = first_rows(corpus("en", args.suite), ROWS)
    book = Book("proving", ["when", "turn", "wall_s", "cpu_s", "error"])
    with TemporaryDirectory(prefix="semscore-bench-") as cache:

        def measure(when: str, turn: int) -> None:
            env = {"SEMSCORE_CACHE": cache}
            contender = f"semscore:{args.precision}"
            result = trial(contender, data, model, env=env, limit_s=args.limit)
            result.pop("contender", None)
            book.add(when=when, turn=turn, **result)

        measure(WHEN[0], 0)
        sleep(SETTLED_S + 2)  # after this time, the archive of classes counts as complete
        for turn in range(args.turns):
            shutil.rmtree(Path(cache, "proofs"))
            measure(WHEN[1], turn)
            measure(WHEN[2], turn)
    for when in WHEN:
        seconds = [p["wall_s"] for p in book.points if p["when"] == when and "error" not in p]
        if seconds:
            print(f"{when:24} median {median(seconds):.1f} s")


if __name__ == "__main__":
    main()
