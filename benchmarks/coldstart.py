"""Measure seconds from the shell to two scored rows: `python -m benchmarks.coldstart --help`.

Measures semscore three times: with an empty cache; the second time, when it archives Java's
classes; and after that. In all cases, the files of the libraries are in the system's page cache.
The columns after `error` show how long each phase of semscore took, according to its log.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import sleep, time

from benchmarks import BUILD
from benchmarks.contenders import parts
from benchmarks.corpus import corpus
from benchmarks.files import first_rows
from benchmarks.ours import Book, parser
from benchmarks.trial import trial
from semscore.jobs.spark.class_archive import SETTLED_S
from semscore.udfs.models.fetch import local_folder

ROWS = 2
# The phases, each with the beginning of the message in the log with which it starts.
PHASES = {
    "look_s": "listing the files",
    "spark_s": "starting Spark",
    "score_s": "scoring 2 rows",
    "audit_s": "counting the rows",
    "report_s": "writing the report",
}


def phases(lines: Iterable[str], began: float, ended: float) -> dict[str, float]:
    """Return the seconds of each phase, from a log in JSON lines. Phases it lacks are left out.

    `import_s` is what comes before the first phase. The last one includes the end of all processes.
    """
    marks = [("import_s", began)]
    for line in lines:
        if not line.startswith("{"):
            continue
        said = json.loads(line)
        at = datetime.fromisoformat(said["timestamp"]).timestamp()
        marks += [(name, at) for name, start in PHASES.items() if said["message"].startswith(start)]
    marks.append(("", ended))
    return {name: end - start for (name, start), (_, end) in pairwise(marks)}


def main() -> None:
    """Run each contender once per turn, and semscore three times with one new cache."""
    options = parser(__doc__)
    options.add_argument("--turns", type=int, default=3)
    args = options.parse_args()
    model = str(local_folder(args.model))
    data = first_rows(corpus("en", args.suite), ROWS)
    book = Book(
        "coldstart", ["contender", "when", "turn", "wall_s", "cpu_s", "error", "import_s", *PHASES]
    )
    for turn in range(args.turns):
        for contender in (f"semscore:{args.precision}", "original", "daft_udf"):
            ours = parts(contender)[0] == "semscore"
            with TemporaryDirectory(prefix="semscore-bench-") as cache:
                for when in ("first", "second", "after") if ours else ("any",):
                    if when == "after":
                        sleep(SETTLED_S + 2)  # the archive of classes then counts as complete
                    env = {"SEMSCORE_CACHE": cache}
                    log = ("--log-format", "json") if ours else ()
                    began = time()
                    result = trial(contender, data, model, env=env, options=log, limit_s=args.limit)
                    if ours:
                        written = Path(
                            BUILD, "logs", f"{contender.replace(':', '-')}-{data.name}.log"
                        )
                        lines = written.read_text("utf-8").splitlines()
                        result |= phases(lines, began, began + result["wall_s"])
                    book.add(turn=turn, when=when, **result)
    for contender, when in dict.fromkeys((p["contender"], p["when"]) for p in book.points):
        chosen = [p for p in book.points if (p["contender"], p["when"]) == (contender, when)]
        seconds = [p["wall_s"] for p in chosen if "error" not in p]
        if seconds:
            print(f"{contender:20} {when:6} median {median(seconds):.1f} s")


if __name__ == "__main__":
    main()
