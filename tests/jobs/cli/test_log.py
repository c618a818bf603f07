"""The lines on standard error."""

from __future__ import annotations

import logging
import re
import sys

import pytest

from semscore.jobs.cli.log import Lines


def line(level: int) -> str:
    return Lines().format(
        logging.LogRecord("semscore", level, "x.py", 1, "scoring %s rows", ("7",), None)
    )


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING])
def test_what_happens_has_a_time(level: int) -> None:
    assert re.fullmatch(r"semscore: \d\d:\d\d:\d\d scoring 7 rows", line(level))


def test_the_error_that_ends_a_run_is_a_sentence_alone() -> None:
    assert line(logging.ERROR) == "semscore: scoring 7 rows"


def test_with_debug_the_place_follows() -> None:
    try:
        raise ValueError("seven")
    except ValueError:
        record = logging.LogRecord(
            "semscore", logging.ERROR, "x.py", 1, "refused", (), sys.exc_info()
        )
    told = Lines().format(record).splitlines()
    assert told[:2] == ["semscore: refused", "Traceback (most recent call last):"]
    assert told[-1] == "ValueError: seven"
