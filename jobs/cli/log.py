"""The messages on standard error: how many, and in which format."""

from __future__ import annotations

import logging
import os
import socketserver
import sys
import threading
from typing import TYPE_CHECKING, TextIO

from semscore.jobs.failures.wording import as_options

if TYPE_CHECKING:
    from semscore.jobs.options.slices import Run


log = logging.getLogger("semscore")


class Stderr(logging.StreamHandler[TextIO]):
    """A handler that writes to the current sys.stderr, so lines appear above a progress bar."""

    @property
    def stream(self) -> TextIO:
        """Standard error."""
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        pass


def start_log(debug: bool = False) -> None:
    """Show warnings and errors as text, until the options are known.

    Shows only semscore's own messages, unless `debug`. Warnings of py4j or huggingface help only
    those who know their code.
    """
    handler = Stderr()
    if not debug:
        handler.addFilter(lambda record: record.name.partition(".")[0] == log.name)
    handler.addFilter(_with_options)
    handler.setFormatter(Lines())
    logging.basicConfig(handlers=[handler])


def _with_options(record: logging.LogRecord) -> bool:
    """Name options in a message as the command does."""
    record.msg, record.args = as_options(record.getMessage()), ()
    return True


class Lines(logging.Formatter):
    """Formats a line of text: `semscore: 14:03:05 scoring 100 rows`. Errors have no time."""

    def __init__(self) -> None:
        super().__init__("semscore: %(message)s")
        self._timed = logging.Formatter("semscore: %(asctime)s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        timed = record.levelno < logging.ERROR
        return self._timed.format(record) if timed else super().format(record)


def hush_others() -> None:
    """Stop Python from printing what is not an error of the run, for the rest of this process.

    This concerns warnings of libraries, and uncaught exceptions in threads, finalisers and Spark's
    own small servers after Java has ended.
    """
    logging.captureWarnings(True)
    for library in ("HF_HUB", "TRANSFORMERS"):  # they read it when they are imported
        os.environ.setdefault(f"{library}_VERBOSITY", "error")
    sys.unraisablehook = threading.excepthook = _forget
    socketserver.BaseServer.handle_error = _forget  # type: ignore[assignment]


def _forget(*_: object) -> None:
    pass


def set_log(run: Run) -> None:
    """Set the level and the format of messages as the options require."""
    logging.getLogger("semscore").setLevel(
        logging.DEBUG if run.debug else logging.ERROR if run.quiet else logging.INFO
    )
    if run.log_format == "json":
        from pythonjsonlogger.json import JsonFormatter

        names = {"levelname": "level"}
        written = JsonFormatter("%(levelname)s %(message)s", rename_fields=names, timestamp=True)
        for handler in logging.getLogger().handlers:
            handler.setFormatter(written)
