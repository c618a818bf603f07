"""Prefetching: a thread makes the next item while the current one is used."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")

POLL_S = 0.1  # how soon the thread notices that no more items are needed
JOIN_S = 10.0  # how long it may take to end; a read that hangs ends with its connection


class _End:
    """The mark after the last item, with the exception of the iterable if it raised one."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Iterable[Item]) -> Generator[Item, None, None]:
    """Yield the items. A thread makes each item while the one before it is used.

    At most one finished item waits. An exception of the iterable is raised after the items before
    it. If the generator is closed early, the thread finishes its current item and is joined.
    """
    queue: Queue[Item | _End] = Queue(maxsize=1)
    closed = Event()

    def put(item: Item | _End) -> bool:
        while not closed.is_set():
            try:
                queue.put(item, timeout=POLL_S)
                return True
            except Full:
                continue
        return False

    def make() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(_End())
        except BaseException as error:
            put(_End(error))

    # A daemon thread: a read that hangs must not keep the worker alive when Spark ends it.
    thread = Thread(target=make, name="semscore-ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        closed.set()
        thread.join(JOIN_S)
