"""Measure semscore while one setting or property varies: `python -m benchmarks.sweeps --help`.

Everything else keeps its default. Settings vary on the corpus itself, the share of repeats and the
length of texts on pairs made from it. All lengths have the same number of words in total, so each
point takes about the same time.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.corpus import corpus
from benchmarks.files import first_rows
from benchmarks.ours import Book, parser, steady
from benchmarks.synthetic import cut, repeated
from benchmarks.trial import warm_up

WINDOW_ROWS = (256, 1024, 4096, 16_384, 65_536)
TOKEN_BUDGETS = (256, 512, 1024, 2048, 4096, 16_384)
SHARES = (0.0, 0.25, 0.5, 0.75, 0.9)
WORDS = (4, 16, 64, 160)
USUAL_WORDS = 16  # in a text; for this length, --rows is used as it is
SWEEPS = ("window-rows", "token-budget", "repeats", "words")


class Point(NamedTuple):
    """One value of a sweep, with two sizes of data and options."""

    sweep: str
    value: float
    small: Path
    large: Path
    options: tuple[str, ...] = ()


def points(args: argparse.Namespace) -> Iterator[Point]:
    """Yield all points, sweep by sweep. Data is made when it is needed."""
    english, unrepeated = (corpus(name, args.suite) for name in ("en", "en-nodup"))
    settings = {"window-rows": WINDOW_ROWS, "token-budget": TOKEN_BUDGETS}
    for sweep in args.sweeps:
        for value in settings.get(sweep, ()):
            small, large = (first_rows(english, rows) for rows in args.rows)
            yield Point(sweep, value, small, large, (f"--{sweep}", str(value)))
        for share in SHARES if sweep == "repeats" else ():
            yield Point(sweep, share, *(repeated(unrepeated, share, rows) for rows in args.rows))
        for words in WORDS if sweep == "words" else ():
            sizes = [rows * USUAL_WORDS // words for rows in args.rows]
            yield Point(sweep, words, *(cut(english, words, rows) for rows in sizes))


def main() -> None:
    """Measure all points."""
    options = parser(__doc__)
    options.add_argument("--rows", type=int, nargs=2, default=[2000, 10_000], metavar=("N1", "N2"))
    options.add_argument("--sweeps", type=lambda names: names.split(","), default=list(SWEEPS))
    args = options.parse_args()
    unknown = sorted(set(args.sweeps) - set(SWEEPS))
    if unknown:
        options.error(f"unknown sweep {unknown[0]!r}; choose from: {', '.join(SWEEPS)}")
    book = Book("sweeps", ["sweep", "value", "ms_per_row", "tokens_per_s", "error"])
    warm_up(f"semscore:{args.precision}", first_rows(corpus("en", args.suite), 2), args.model)
    for point in points(args):
        result = steady(args, point.small, point.large, point.options)
        book.add(sweep=point.sweep, value=point.value, precision=args.precision, **result)


if __name__ == "__main__":
    main()
