"""One item ahead: in order, errors at their place, and the thread ends with its reader."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from time import monotonic, sleep

import pytest

from semscore.udfs.worker.ahead import ahead


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "semscore-ahead"]


def test_items_come_in_order_and_the_thread_ends() -> None:
    assert list(ahead(range(100))) == list(range(100))
    assert list(ahead([])) == []
    assert threads() == []


def test_the_next_item_is_made_while_the_last_one_is_used() -> None:
    made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    with closing(ahead(items())) as found:
        assert next(found) == 1
        assert made.wait(timeout=10)  # without anybody having asked for it


def test_no_more_than_one_finished_item_waits() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            yield number

    with closing(ahead(items())) as found:
        assert next(found) == 0
        sleep(0.3)
        assert made == [0, 1, 2]  # 1 waits, 2 has no room yet


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the socket is gone")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(OSError, match="the socket is gone"):
        next(found)
    assert threads() == []


def test_closing_early_ends_the_thread_and_takes_no_more_items() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    found = ahead(items())
    next(found)
    start = monotonic()
    found.close()
    assert monotonic() - start < 5
    assert threads() == []
    assert len(taken) <= 3


def test_a_generator_that_nobody_reads_starts_no_thread() -> None:
    ahead(range(3))
    assert threads() == []
