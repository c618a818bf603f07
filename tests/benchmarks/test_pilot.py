"""How many rows a contender scores, chosen from a pilot."""

from __future__ import annotations

from benchmarks.pilot import Sizes, choose, longer


class Contender:
    """Starts in 6 s, then scores at a constant rate."""

    def __init__(self, rate: float) -> None:
        self.rate, self.runs = rate, list[int]()

    def __call__(self, rows: int) -> float:
        self.runs.append(rows)
        return 6 + rows / self.rate


def test_the_time_between_the_sizes_is_the_one_asked_for() -> None:
    slow = Contender(rate=50)
    sizes = choose(slow, first=500, target_s=20, most=100_000)
    assert sizes == Sizes(500, 1500)
    assert slow.runs == [2, 500]


def test_a_pilot_that_was_too_short_grows() -> None:
    fast = Contender(rate=450)
    sizes = choose(fast, first=500, target_s=20, most=100_000)
    assert sizes == Sizes(2000, 11_000)
    assert fast.runs == [2, 500, 2000]


def test_files_are_full_if_there_is_a_step() -> None:
    sizes = choose(Contender(rate=64), first=2000, target_s=22, most=100_000, step=2000)
    assert sizes == Sizes(2000, 4000)


def test_sizes_do_not_exceed_the_corpus() -> None:
    assert choose(Contender(rate=1000), first=500, target_s=20, most=3000) == Sizes(500, 3000)
    assert choose(Contender(rate=1000), first=500, target_s=20, most=600) == Sizes(300, 600)


def test_a_run_may_take_no_longer_than_its_start() -> None:
    assert choose(lambda _: 6.0, first=10, target_s=20, most=100) == Sizes(40, 100)


def test_sizes_that_are_too_close_are_moved_apart() -> None:
    """As with int8, which is calibrated in the pilot's second run only."""
    assert longer(Sizes(2000, 5800), (25.0, 35.0), 20, 100_000) == Sizes(2000, 9600)
    assert longer(Sizes(2000, 5800), (25.0, 35.0), 20, 7000) == Sizes(2000, 7000)
    assert longer(Sizes(500, 1500), (16.0, 35.0), 20, 100_000) == Sizes(500, 1500)
