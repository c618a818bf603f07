"""Make the next item while the last one is used: one thread, one item ahead."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")

POLL_S = 0.1  # how soon the thread notices that nobody wants more
JOIN_S = 10.0  # what it may need to end: a read in which it hangs ends with its connection


class _End:
    """Behind the last item; with what the iterable raised, if it did."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Iterable[Item]) -> Generator[Item, None, None]:
    """The items, each made by a thread while the one before it is used.

    At most one finished item waits. Raises what the iterable raises, at its place. When the
    generator is closed early, the thread stops at the item that it is at, and is waited for.
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

    # A daemon: a read that hangs must not keep a worker alive that Spark has told to end.
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
