"""Rebuild the report of a dataset from its records, during a run or at any time after it.

semscore report OUTPUT [--gold grade] [--price 1.2] [--open]
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html import escape as quoted
from typing import Any

import pyarrow as pa

from semscore.jobs.history.records import read_records
from semscore.jobs.ledger import ledger
from semscore.jobs.options.slices import Report
from semscore.jobs.reporting.facts import Facts
from semscore.jobs.reporting.written import asked_before, make_report, require_drawing, write_report
from semscore.jobs.spark.reach import make_reachable
from semscore.udfs.errors import UserError
from semscore.udfs.stores.registry import Storage


def remake(place: str, given: dict[str, Any], to: str | None = None) -> tuple[Facts, str]:
    """Rebuild and write the report of the dataset in `place`; return its facts and its path.

    `given` holds the fields of Report that replace those of the last report. `to` is another
    folder to write to. Raises UserError if there is no dataset, or if it cannot be read.
    """
    require_drawing()
    make_reachable(place, to or place)
    storage = Storage()
    try:
        output = storage.folder(place)
        records = read_records(output)
        asked = replace(asked_before(output, records), **given)
        facts = make_report(output, records, asked)
        written = write_report(output if to is None else storage.folder(to), facts, asked)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"cannot create the report of {place}: {error}") from error
    return facts, written


@dataclass(frozen=True)
class Page:
    """A report that a notebook shows inline if it is the last expression of a cell."""

    output: str
    """The name of the dataset."""
    html: str = field(repr=False)
    """The whole page, which needs no other files."""

    def _repr_html_(self) -> str:
        """Return the page in a frame without the notebook's styles, in which no script runs."""
        # Without a base, links within the page would open the notebook in the frame.
        page = self.html.replace("<head>", '<head><base href="about:srcdoc">', 1)
        return (
            f'<iframe title="Report of {quoted(self.output)}" srcdoc="{quoted(page)}" sandbox '
            'style="width: 100%; height: 700px; border: 0"></iframe>'
        )


def report(place: str, asked: Report | None = None) -> Page:
    """Return the report of a dataset as a page that a notebook shows inline. Write nothing.

    Args:
        place: OUTPUT of a run: a folder, on this machine or on S3.
        asked: What to show. None: the report that the run wrote, or else one like it.

    Returns:
        The page. If it is the last expression of a cell, the notebook shows it.

    Raises:
        UserError: `place` has no dataset of semscore, the dataset cannot be read or has no column
            `asked.gold`, or the packages that draw charts are needed but not installed.

    Examples:
        >>> from semscore import report
        >>> page = report("scored")
        >>> page.html.startswith("<!doctype html>")
        True
    """
    make_reachable(place)
    try:
        output = Storage().folder(place)
        written = None if asked else output.read(ledger.PAGE)
        if written is not None:
            return Page(output.name, written.decode())
        require_drawing()
        records = read_records(output)
        facts = make_report(output, records, asked or asked_before(output, records))
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"cannot create the report of {place}: {error}") from error
    from semscore.jobs.reporting.page import render

    return Page(output.name, render(facts))
