"""Does a run take as long as its plan says? `python -m benchmarks.planning --help`.

Each of two datasets is planned for this machine, alone and calibrated by the run on the other one,
and scored. Seconds are of scoring: from the first unit's start to the last one's end, the loading
of models left out.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

from benchmarks import BUILD
from benchmarks.corpus import corpus
from benchmarks.files import first_rows
from benchmarks.ours import Book, parser
from semscore.jobs.history.achieved import Calibration, read_calibrations
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Output, Rows
from semscore.jobs.plan import Plan, plan
from semscore.jobs.planner.plan_options import Ask
from semscore.jobs.score import score
from semscore.udfs.recipe import Recipe

OUT = BUILD / "out" / "planning"
COLUMNS = ["planned", "calibrated_by", "rows", "precision", "predicted_s", "least_s", "most_s"]
COLUMNS += ["real_s", "predicted_to_real", "distinct_predicted", "distinct_real", "plan_took_s"]


def settings(data: Path, given: argparse.Namespace, limit: int | None = None) -> Settings:
    """A run on some data."""
    return Settings(
        inputs=(str(data),),
        output=str(OUT / data.name),
        recipe=Recipe(model=given.model, precision=given.precision),
        rows=Rows(limit=limit),
        target=Output(mode="overwrite", yes=True),
    )


def run(data: Path, given: argparse.Namespace) -> Calibration:
    """Score it; what that achieved, by its report."""
    wanted = settings(data, given)
    score(wanted)
    [found] = read_calibrations(wanted.output)
    return found


def timed_plan(data: Path, given: argparse.Namespace, by: Path | None) -> tuple[Plan, float]:
    """Plan it, perhaps calibrated by a run on other data; and how long that took."""
    start = perf_counter()
    by_run = (settings(by, given).output,) if by else ()
    found = plan(settings(data, given), Ask(past_run=by_run))
    return found, perf_counter() - start


def main() -> None:
    """Score both datasets, then plan each in both ways."""
    options = parser(__doc__)
    options.add_argument("data", type=Path, nargs="*", help="two folders of pairs")
    options.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    options.add_argument("--rows", type=int, default=12_000, help="of each corpus without `data`")
    given = options.parse_args()
    both = given.data or [
        first_rows(corpus(name, given.suite), given.rows) for name in ("en", "de")
    ]
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    book = Book("planning", COLUMNS)
    score(settings(both[0], given, limit=100))  # converts the model
    for precision in given.precisions:
        given.precision = precision
        real = {data: run(data, given) for data in both}
        pairs = zip(both, reversed(both), strict=True)
        for data, by in [(data, by) for data, other in pairs for by in (other, None)]:
            found, seconds = timed_plan(data, given, by)
            took, here = real[data], found.here
            book.add(
                planned=data.name,
                calibrated_by=by.name if by else "measured by the plan",
                rows=found.facts.rows,
                precision=here.precision,
                predicted_s=here.scoring_s.mid,
                least_s=here.scoring_s.low,
                most_s=here.scoring_s.high,
                real_s=took.wall_s,
                predicted_to_real=here.scoring_s.mid / took.wall_s,
                distinct_predicted=here.distinct_share.mid,
                distinct_real=took.distinct_texts / (2 * took.rows),
                plan_took_s=seconds,
                calibration=asdict(real[by]) if by else None,
            )


if __name__ == "__main__":
    main()
