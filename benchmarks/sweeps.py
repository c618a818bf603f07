"""semscore over one thing at a time, all else unset: `python -m benchmarks.sweeps --help`.

Settings are swept on the corpus as it is; repeats and lengths on pairs made from it. All lengths
get as many words in total, so each point costs about as much.
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
USUAL_WORDS = 16  # of a text for which --rows holds as it is
SWEEPS = ("window-rows", "token-budget", "repeats", "words")


class Point(NamedTuple):
    """A value of what is swept: two sizes of data, and options."""

    sweep: str
    value: float
    small: Path
    large: Path
    options: tuple[str, ...] = ()


def points(given: argparse.Namespace) -> Iterator[Point]:
    """All points, sweep after sweep; data is made when its turn comes."""
    english, unrepeated = (corpus(name, given.suite) for name in ("en", "en-nodup"))
    settings = {"window-rows": WINDOW_ROWS, "token-budget": TOKEN_BUDGETS}
    for sweep in given.sweeps:
        for value in settings.get(sweep, ()):
            small, large = (first_rows(english, rows) for rows in given.rows)
            yield Point(sweep, value, small, large, (f"--{sweep}", str(value)))
        for share in SHARES if sweep == "repeats" else ():
            yield Point(sweep, share, *(repeated(unrepeated, share, rows) for rows in given.rows))
        for words in WORDS if sweep == "words" else ():
            sizes = [rows * USUAL_WORDS // words for rows in given.rows]
            yield Point(sweep, words, *(cut(english, words, rows) for rows in sizes))


def main() -> None:
    """Measure point after point."""
    options = parser(__doc__)
    options.add_argument("--rows", type=int, nargs=2, default=[2000, 10_000], metavar=("N1", "N2"))
    options.add_argument("--sweeps", type=lambda names: names.split(","), default=list(SWEEPS))
    given = options.parse_args()
    unknown = sorted(set(given.sweeps) - set(SWEEPS))
    if unknown:
        options.error(f"no sweep {unknown[0]!r}; there are: {', '.join(SWEEPS)}")
    book = Book("sweeps", ["sweep", "value", "ms_per_row", "tokens_per_s", "error"])
    warm_up(f"semscore:{given.precision}", first_rows(corpus("en", given.suite), 2), given.model)
    for point in points(given):
        result = steady(given, point.small, point.large, point.options)
        book.add(sweep=point.sweep, value=point.value, precision=given.precision, **result)


if __name__ == "__main__":
    main()
