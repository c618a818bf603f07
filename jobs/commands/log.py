"""What a command says on standard error: how much, and in which form."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from semscore.jobs.settings import Run


class Stderr(logging.StreamHandler[TextIO]):
    """Writes to what sys.stderr is by then: a progress bar has lines appear above itself."""

    @property
    def stream(self) -> TextIO:
        """Standard error."""
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        pass


def start_log() -> None:
    """Before anything is known of what is asked: warnings and errors, as text."""
    logging.basicConfig(format="semscore: %(message)s", handlers=[Stderr()])


def set_log(run: Run) -> None:
    """As the run is to show itself."""
    logging.getLogger("semscore").setLevel(
        logging.DEBUG if run.debug else logging.ERROR if run.quiet else logging.INFO
    )
    if run.log_format == "json":
        from pythonjsonlogger.json import JsonFormatter

        names = {"levelname": "level"}
        written = JsonFormatter("%(levelname)s %(message)s", rename_fields=names, timestamp=True)
        for handler in logging.getLogger().handlers:
            handler.setFormatter(written)
