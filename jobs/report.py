"""The report of a dataset, from its own records, while a run is going on or at any time after.

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
from semscore.udfs.errors import UserError
from semscore.udfs.stores.registry import Storage


def remake(place: str, given: dict[str, Any], to: str | None = None) -> tuple[Facts, str]:
    """Rebuild and write the report of OUTPUT `place`: what it says, and where it is.

    `given`: fields of Report that are not to be as in the last report; `to`: another folder for
    what is written. Raises UserError if there is no dataset, or it cannot be read.
    """
    require_drawing()
    storage = Storage()
    try:
        output = storage.folder(place)
        records = read_records(output)
        asked = replace(asked_before(output, records), **given)
        facts = make_report(output, records, asked)
        written = write_report(output if to is None else storage.folder(to), facts, asked)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"the report of {place} cannot be made: {error}") from error
    return facts, written


@dataclass(frozen=True)
class Page:
    """A report as a value: shown inline where it is the last expression of a notebook's cell."""

    output: str  # the name of the dataset
    html: str = field(repr=False)  # complete, needs nothing else

    def _repr_html_(self) -> str:
        """The page in a frame of its own, apart from the notebook's styles; nothing in it runs."""
        # Else links within the page would open the notebook in the frame.
        inside = self.html.replace("<head>", '<head><base href="about:srcdoc">', 1)
        return (
            f'<iframe title="Report of {quoted(self.output)}" srcdoc="{quoted(inside)}" sandbox '
            'style="width: 100%; height: 700px; border: 0"></iframe>'
        )


def report(place: str, asked: Report | None = None) -> Page:
    """The report of OUTPUT `place`, on a disk or S3, to show in a notebook; nothing is written.

    Returns the one that is there; if there is none, or `asked` says what to show, one made from
    the records.

    Raises UserError if there is no dataset of semscore's, it cannot be read, it has no column
    `asked.gold`, or what draws charts is needed and not installed.
    """
    try:
        output = Storage().folder(place)
        written = None if asked else output.read(ledger.PAGE)
        if written is not None:
            return Page(output.name, written.decode())
        require_drawing()
        records = read_records(output)
        facts = make_report(output, records, asked or asked_before(output, records))
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"the report of {place} cannot be made: {error}") from error
    from semscore.jobs.reporting.page import render

    return Page(output.name, render(facts))
