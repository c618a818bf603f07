"""What a command says on standard error: how much, and in which form."""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from semscore.jobs.settings import Run


log = logging.getLogger("semscore")


class Stderr(logging.StreamHandler[TextIO]):
    """Writes to what sys.stderr is by then: a progress bar has lines appear above itself."""

    @property
    def stream(self) -> TextIO:
        """Standard error."""
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        pass


def start_log(debug: bool = False) -> None:
    """Show warnings and errors as text, before anything is known of what is asked.

    Of semscore's own only, unless `debug`: what py4j, huggingface or Python itself warns of, and
    what they print of errors that nobody waits for, helps nobody who has not read their sources.
    """
    handler = Stderr()
    logging.basicConfig(format="semscore: %(message)s", handlers=[handler])
    logging.captureWarnings(True)
    if not debug:
        handler.addFilter(lambda record: record.name.partition(".")[0] == "semscore")
        sys.unraisablehook = _forget
        threading.excepthook = _forget


def _forget(found: object) -> None:
    """Say nothing of an exception that nobody waits for, such as of a thread that ended."""
    log.debug("not waited for: %s", found)


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
