"""Show the progress of a run: a bar on a terminal, elsewhere a log line every 30 seconds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.text import Text

from semscore.jobs.ledger.progress_line import told
from semscore.jobs.telemetry.table import Facts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from semscore.jobs.options.slices import Run

EVERY_S = 30.0  # between lines

log = logging.getLogger("semscore")

Show: TypeAlias = Callable[[Facts], None]


@contextmanager
def watching(run: Run) -> Iterator[Show]:
    """Yield a function that shows facts, within the block. With --quiet, it shows nothing."""
    console = Console(stderr=True)
    if run.quiet:
        yield lambda _: None
    elif console.is_terminal and run.log_format == "text":
        with _Bar(console) as bar:
            yield bar.show
    else:
        yield _Lines().show


class _Bar(Progress):
    """A bar for the rows done, and a second line for the rest, which must fit into 80 columns."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("scoring"), BarColumn(None), TaskProgressColumn())
        self._line = ""
        super().__init__(*columns, console=console, transient=True, expand=True)
        self._task: TaskID = self.add_task("scoring", total=None)

    def show(self, facts: Facts) -> None:
        self._line = told(facts)
        self.update(self._task, completed=facts["rows"], total=facts["rows_total"])

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        yield Text(self._line)


class _Lines:
    """Log `progress rows=512 rows_total=4000 …`. JSON lines also have the facts as fields."""

    def __init__(self) -> None:
        self._last = monotonic()

    def show(self, facts: Facts) -> None:
        if monotonic() - self._last < EVERY_S:
            return
        self._last = monotonic()
        plain = {name: fact for name, fact in facts.items() if isinstance(fact, str | int | float)}
        pairs = " ".join(f"{name}={fact}" for name, fact in plain.items())
        log.info("progress %s", pairs, extra=plain)
