"""Compare the time of a run with its plan: `python -m benchmarks.planning --help`.

Scores two datasets and plans each of them for this machine, with and without the speeds that the
run on the other dataset achieved. Seconds are the time of scoring: from the start of the first unit
to the end of the last, without loading models.
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


def settings(data: Path, args: argparse.Namespace, limit: int | None = None) -> Settings:
    """Return the settings of a run on `data`."""
    return Settings(
        inputs=(str(data),),
        output=str(OUT / data.name),
        recipe=Recipe(model=args.model, precision=args.precision),
        rows=Rows(limit=limit),
        target=Output(mode="overwrite", yes=True),
    )


def run(data: Path, args: argparse.Namespace) -> Calibration:
    """Score `data` and return the speeds that the run achieved, from its report."""
    job = settings(data, args)
    score(job)
    [achieved] = read_calibrations(job.output)
    return achieved


def timed_plan(data: Path, args: argparse.Namespace, by: Path | None) -> tuple[Plan, float]:
    """Plan `data`, from the past run on `by` if given; return the plan and its seconds."""
    start = perf_counter()
    past_runs = (settings(by, args).output,) if by else ()
    estimate = plan(settings(data, args), Ask(past_run=past_runs))
    return estimate, perf_counter() - start


def main() -> None:
    """Score both datasets, then plan each of them with and without a past run."""
    options = parser(__doc__)
    options.add_argument(
        "data", type=Path, nargs="*", help="two folders of pairs; default: two corpora"
    )
    options.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    options.add_argument(
        "--rows", type=int, default=12_000, help="rows of each corpus, if DATA is not given"
    )
    args = options.parse_args()
    both = args.data or [first_rows(corpus(name, args.suite), args.rows) for name in ("en", "de")]
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    book = Book("planning", COLUMNS)
    score(settings(both[0], args, limit=100))  # converts the model
    for precision in args.precisions:
        args.precision = precision
        real = {data: run(data, args) for data in both}
        pairs = zip(both, reversed(both), strict=True)
        for data, by in [(data, by) for data, other in pairs for by in (other, None)]:
            estimate, seconds = timed_plan(data, args, by)
            achieved, here = real[data], estimate.here
            book.add(
                planned=data.name,
                calibrated_by=by.name if by else "measured by the plan",
                rows=estimate.facts.rows,
                precision=here.precision,
                predicted_s=here.scoring_s.mid,
                least_s=here.scoring_s.low,
                most_s=here.scoring_s.high,
                real_s=achieved.wall_s,
                predicted_to_real=here.scoring_s.mid / achieved.wall_s,
                distinct_predicted=here.distinct_share.mid,
                distinct_real=achieved.distinct_texts / (2 * achieved.rows),
                plan_took_s=seconds,
                calibration=asdict(real[by]) if by else None,
            )


if __name__ == "__main__":
    main()
