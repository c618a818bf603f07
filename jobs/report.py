"""The report of a dataset: made when a run ends, and at any time after, from its own records.

    semscore report OUTPUT [--gold grade] [--price 1.2] [--open]

OUTPUT's way: records -> a look at some rows -> facts -> report.json -> report.html
"""

from __future__ import annotations

import json
import logging
import tempfile
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from html import escape as quoted
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.markup import escape

from semscore.jobs.history.records import Records, read_ends, read_records
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.lease import Lease
from semscore.jobs.options.settings import Report
from semscore.jobs.reporting.facts import COLUMNS, VERSION, Facts, gather
from semscore.jobs.reporting.looks import Wanted, look
from semscore.jobs.reporting.verdicts import advice, verdicts
from semscore.udfs.errors import UserError, root_cause
from semscore.udfs.stores.folder import Folder
from semscore.udfs.stores.s3 import is_s3
from semscore.udfs.stores.storage import Storage

NEEDS = "pip install 'semscore[report]'"

log = logging.getLogger("semscore")


def make_report(output: Folder, records: Records, asked: Report) -> Facts:
    """Gather what there is to say of a dataset.

    Raises UserError if it has no column --gold.
    """
    columns = records.run["options"]["columns"]
    if asked.gold in [columns[name] for name in COLUMNS]:
        raise UserError(f"--gold {asked.gold!r} is a text, the score or the status, and no grade")
    text1, text2 = (columns[name] if asked.samples else None for name in ("text1", "text2"))
    files = [file for unit in records.units for file in unit.files]
    wanted = Wanted(columns["score_column"], columns["status_column"], text1, text2, asked.gold)
    rows = look(output, files, wanted)
    if asked.gold and files and "gold" not in rows:
        raise UserError(
            f"--gold {asked.gold!r} is no column of the files in {output.name}; a column of grades "
            "must be in INPUT and kept (--keep), and not in the folders' names"
        )
    return gather(records, rows, output.name, asked.price, asked.gold, asked.samples)


def write_report(output: Folder, facts: Facts, asked: Report) -> str:
    """Write report.json, and report.html where charts can be drawn: the place of the better one."""
    told = asdict(facts) | {
        "asked": asdict(asked),
        "verdicts": [asdict(verdict) for verdict in verdicts(facts)],
        "advice": advice(facts),
    }
    page = None
    if can_draw():
        from semscore.jobs.reporting.page import render

        page = render(facts).encode()
    output.delete([ledger.PAGE])  # it may show more than this one is to
    content = json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False)
    output.write(ledger.REPORT, content.encode())
    if page is None:
        return output.full(ledger.REPORT)
    output.write(ledger.PAGE, page)
    return output.full(ledger.PAGE)


def report_at_end(
    output: Folder, lease: Lease, units: Sequence[ledger.UnitRecord], asked: Report
) -> str | None:
    """Write the report of a run that ends; None: none was asked for, or it failed, which is told.

    A failure here is not the run's: its data is there.
    """
    if not asked.report or not units:
        return None
    try:
        records = Records(ledger.read_run(output) or {}, units, *read_ends(output))
        facts = make_report(output, records, asked)
        lease.require()
        place = write_report(output, facts, asked)
    except Exception as error:
        log.warning(
            "the report could not be written (%s); `semscore report %s` tries again",
            root_cause(error),
            output.name,
        )
        log.debug("report failed", exc_info=True)
        return None
    if not can_draw():
        log.info("for a page with charts: %s, then `semscore report %s`", NEEDS, output.name)
    return place


def show_report(
    console: Console, place: str, given: dict[str, Any], to: str | None, in_browser: bool
) -> None:
    """Make the report of OUTPUT `place` anew, write it, and print its answers.

    `given`: fields of Report that are not to be as in the last report; `to`: another folder for
    what is written. Raises UserError if nothing can be shown.
    """
    _require_drawing()
    storage = Storage()
    try:
        output = storage.folder(place)
        records = read_records(output)
        asked = replace(asked_before(output, records), **given)
        facts = make_report(output, records, asked)
        written = write_report(output if to is None else storage.folder(to), facts, asked)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"the report of {place} cannot be made: {error}") from error
    for verdict in verdicts(facts):
        console.print(f"[bold]{verdict.question}[/] {escape(verdict.answer)}")
    for sentence in advice(facts):
        console.print(f"[bold]To change:[/] {escape(sentence)}")
    console.print(f"report: {written}", soft_wrap=True, markup=False)
    if in_browser:
        webbrowser.open(_local(written))


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


def page(place: str, asked: Report | None = None) -> Page:
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
        _require_drawing()
        records = read_records(output)
        facts = make_report(output, records, asked or asked_before(output, records))
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"the report of {place} cannot be made: {error}") from error
    from semscore.jobs.reporting.page import render

    return Page(output.name, render(facts))


def _local(page: str) -> str:
    """A page's place for a browser, which cannot read S3: then a copy's."""
    if not is_s3(page):
        return Path(page).absolute().as_uri()
    folder, _, name = page.rpartition("/")
    copy = Path(tempfile.mkdtemp(prefix="semscore-report-"), name)
    copy.write_bytes(Storage().folder(folder).read(name) or b"")
    return copy.as_uri()


def asked_before(output: Folder, records: Records) -> Report:
    """What the report that is there was asked to show, or would have been.

    What may be private stays so: without a report, pairs are shown only if the one run that there
    was would have shown them.
    """
    with suppress(ValueError):  # no JSON
        told = json.loads(output.read(ledger.REPORT) or b"null")
        if told and told.get("v") == VERSION:
            return Report(**told["asked"])
    began = Report(**records.run["options"]["report"])
    alone = {unit.run for unit in records.units} <= {records.run["run"]}
    return replace(began, samples=began.samples and alone)


def _require_drawing() -> None:
    if not can_draw():
        raise UserError(f"a report needs what draws its charts: {NEEDS}")


def can_draw() -> bool:
    """Whether what draws charts is installed: the extra `report`."""
    return all(find_spec(name) for name in ("altair", "jinja2", "vl_convert"))
