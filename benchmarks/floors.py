"""Compare a run with the least ratios in floors.toml: `python -m benchmarks.floors RESULTS.json`.

Prints one line for each floor. Exits with 1 if one is not met, with 2 if the processor has none.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cells import CELLS
from benchmarks.contenders import parts
from benchmarks.hardware import processor_class
from benchmarks.summary import Result, summarize

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FLOORS = Path(__file__).with_name("floors.toml")
Rates = dict[str, float | None]  # contender -> pairs per second; None: lost in noise


@dataclass(frozen=True)
class Floor:
    """The least ratio of the rates of two contenders."""

    contender: str
    other: str
    ratio: float

    def judge(self, found: Rates) -> tuple[bool, str]:
        """Return whether the floor is met, and a line that says why."""
        asked = f"{self.contender} at least {self.ratio:g} x {self.other}"
        ours, theirs = found.get(self.contender), found.get(self.other)
        for name, rate in ((self.contender, ours), (self.other, theirs)):
            if rate is None:
                return False, f"{asked}: not met, because {name} has no rate in this run"
        assert ours and theirs
        ratio = ours / theirs
        met = ratio >= self.ratio
        outcome = "met" if met else "not met"
        return met, f"{asked}: {outcome}, {ratio:.2f} x ({ours:.0f} and {theirs:.0f} pairs/s)"


def floors(path: Path, processor: str) -> Iterator[Floor]:
    """Yield the floors for a class of processors."""
    for contender, others in tomllib.loads(path.read_text("utf-8")).get(processor, {}).items():
        for other, ratio in others.items():
            parts(contender), parts(other)  # raise ValueError if they name no contender
            yield Floor(contender, other, float(ratio))


def rates(result: Result) -> Rates:
    """Return the rates of the contenders that were measured in the first cell of the table."""
    cell = CELLS[0]
    return {
        line.contender: line.pairs_per_s
        for line in summarize(result)
        if (line.model, line.corpus) == (cell.model, cell.corpus)
    }


def main() -> None:
    """Read the results of a run, and print how it compares with the floors."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("results", type=Path, help="that `python -m benchmarks.run` has written")
    result = json.loads(parser.parse_args().results.read_text("utf-8"))
    processor = processor_class(result["machine"]["flags"])
    judged = [floor.judge(rates(result)) for floor in floors(FLOORS, processor)]
    if not judged:
        print(f"{FLOORS} has no floors for {processor}. See there how to choose them.")
        raise SystemExit(2)
    print("\n".join(line for _, line in judged))
    raise SystemExit(0 if all(met for met, _ in judged) else 1)


if __name__ == "__main__":
    main()
