"""A dataset's report as it is written: report.json, and report.html where charts can be drawn.

OUTPUT's way: records -> a look at some rows -> facts -> report.json -> report.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from importlib.util import find_spec

from semscore.jobs.failures.root_cause import root_cause
from semscore.jobs.history.records import Records, read_ends
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.lease import Lease
from semscore.jobs.options.slices import Report
from semscore.jobs.reporting.facts import COLUMNS, VERSION, Facts, gather
from semscore.jobs.reporting.looks import Wanted, look
from semscore.jobs.reporting.verdicts import advice, verdicts
from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Folder

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


def require_drawing() -> None:
    """Raise UserError where a page with charts cannot be made."""
    if not can_draw():
        raise UserError(f"a report needs what draws its charts: {NEEDS}")


def can_draw() -> bool:
    """Whether what draws charts is installed: the extra `report`."""
    return all(find_spec(name) for name in ("altair", "jinja2", "vl_convert"))
