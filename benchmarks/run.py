"""Measure the table: all contenders, models and corpora. `python -m benchmarks.run --help`.

A row is saved when it has been measured. The same command, started again, measures the rows that
are missing or failed. `--only` chooses rows by model, corpus and contender.
"""

from __future__ import annotations

import argparse
from functools import partial

from rich.console import Console

from benchmarks import RESULTS, summary
from benchmarks.cells import ROUNDS, Key, check, keys
from benchmarks.contenders import versions
from benchmarks.hardware import describe, processor_class
from benchmarks.measurement import Bench, Options
from benchmarks.rows import SAME, Mixed, Row, Rows

console = Console(highlight=False)
say = partial(console.print, soft_wrap=True, markup=False)


def main() -> None:
    """Measure the missing rows one by one, and write the table after each."""
    args, options = parse()
    machine = describe()
    machine = {part: machine[part] for part in (*SAME, "memory_gb", "system")}
    name = args.name or f"table-{processor_class(machine['flags'])}"
    path = RESULTS / f"{name}.json"
    wanted = list(keys(args.only, args.rounds))
    try:
        rows = Rows(path, machine)
        if args.again:
            rows.drop(wanted)
        rows.check_versions(versions)
    except Mixed as error:
        raise SystemExit(str(error)) from error
    missing = [key for key in wanted if rows.get(key) is None]
    say(f"{path}: {len(wanted) - len(missing)} of {len(wanted)} rows are there")
    bench = Bench(rows, options)
    for count, key in enumerate(missing, 1):
        row = bench.measure(key)
        rows.add(row)
        summary.write(rows.content(), path)
        say(f"{count}/{len(missing)}  {outcome(key, row)}")
    if rows.all:
        print(path.with_suffix(".md").read_text("utf-8"))


def parse() -> tuple[argparse.Namespace, Options]:
    """Parse and check the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD", help="models, corpora and contenders"
    )
    parser.add_argument(
        "--again", action="store_true", help="measure the chosen rows again that are there"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="at most; default: %(default)s")
    parser.add_argument("--name", help="name of the results; default: table-PROCESSOR")
    parser.add_argument(
        "--seconds",
        type=float,
        default=Options.target_s,
        help="between the times of the two sizes; default: %(default)s",
    )
    parser.add_argument(
        "--rows", type=int, nargs=2, metavar=("N1", "N2"), help="these sizes, without a pilot"
    )
    parser.add_argument(
        "--suite", default=Options.suite, help="Debian release that is in apt's sources"
    )
    parser.add_argument(
        "--limit",
        type=float,
        default=Options.limit_s,
        help="seconds after which a run is stopped; default: %(default)s",
    )
    parser.add_argument(
        "--check-every",
        type=int,
        default=Options.check_every,
        metavar="N",
        help="compare the score of each Nth row, after the first 200; default: %(default)s",
    )
    args = parser.parse_args()
    tried_out = args.rows or args.seconds != Options.target_s
    if tried_out and not args.name:
        parser.error("--rows and --seconds need a --name, so that the table keeps equal conditions")
    if args.rows and not 2 < args.rows[0] < args.rows[1]:
        parser.error(f"--rows must be two sizes, 2 < N1 < N2, got {args.rows}")
    try:
        check(args.only)
    except ValueError as error:
        parser.error(str(error))
    sizes = tuple(args.rows) if args.rows else None
    return args, Options(args.suite, args.seconds, sizes, args.limit, args.check_every)


def outcome(key: Key, row: Row) -> str:
    """Describe a measured row in a line."""
    if "error" in row:
        return f"{key}  {row['error']}"
    small, large = row["small"], row["large"]
    return (
        f"{key}  {small['rows']:,} to {large['rows']:,} rows in {small['wall_s']:.1f} and "
        f"{large['wall_s']:.1f} s, largest difference {large['max_diff']:.1g}"
    )


if __name__ == "__main__":
    main()
