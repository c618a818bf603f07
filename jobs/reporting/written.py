"""Write the report of a dataset: report.json and, if charts can be drawn, report.html.

The steps: records -> a sample of the rows, all labels -> facts -> report.json -> report.html
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import asdict, replace
from importlib.util import find_spec
from threading import Thread

import pandas as pd

from semscore.jobs.failures.root_cause import root_cause
from semscore.jobs.gold.agreement import Gold, against_gold
from semscore.jobs.gold.read import read_labels
from semscore.jobs.history.records import Records, embedded, read_ends
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import Committed
from semscore.jobs.ledger.lease import Lease
from semscore.jobs.options.slices import Report
from semscore.jobs.reporting.facts import COLUMNS, VERSION, Facts, gather
from semscore.jobs.reporting.looks import Wanted, look
from semscore.jobs.reporting.verdicts import advice, verdicts
from semscore.udfs.errors import UserError
from semscore.udfs.stores.folder import Folder

NO_SCORES = pd.DataFrame(columns=["score", "status", "partition"])
NEEDS = "pip install 'semscore[report]'"

log = logging.getLogger("semscore")


def make_report(output: Folder, records: Records, asked: Report) -> Facts:
    """Read a sample of the output and compute the facts of its report.

    Raises UserError if --gold is not a column of labels in the output.
    """
    columns = records.run["options"]["columns"]
    if embedded(records.run):
        return gather(records, NO_SCORES, output.name, asked.price, samples=False)
    if asked.gold in [columns[name] for name in COLUMNS]:
        raise UserError(
            f"--gold {asked.gold!r} is a text column, the score or the status. Name a column of "
            "labels"
        )
    text1, text2 = (columns[name] if asked.samples else None for name in ("text1", "text2"))
    files = records.units.files
    wanted = Wanted(columns["score_column"], columns["status_column"], text1, text2)
    rows = look(output, files, wanted)
    if (constant := columns.get("text2_value")) is not None and asked.samples:
        rows["text2"] = constant
    gold = _gold(output, records, asked, rows) if asked.gold else None
    return gather(records, rows, output.name, asked.price, gold, asked.samples)


def _gold(output: Folder, records: Records, asked: Report, rows: pd.DataFrame) -> Gold:
    """Compare the scores with the labels; `rows`: a sample of all rows, with or without labels."""
    assert asked.gold
    score = records.run["options"]["columns"]["score_column"]
    found = read_labels(output, records.units.files, score, asked.gold)
    all_scores = rows.score.dropna().to_numpy(dtype=float)
    return against_gold(asked.gold, asked.gold_positive, found, all_scores)


def write_report(output: Folder, facts: Facts, asked: Report) -> str:
    """Write report.json and, if charts can be drawn, report.html; return the path of the page.

    Returns the path of report.json if there is no page.
    """
    report = asdict(facts) | {
        "asked": asdict(asked),
        "verdicts": [asdict(verdict) for verdict in verdicts(facts)],
        "advice": advice(facts),
    }
    page = None
    if can_draw():
        from semscore.jobs.reporting.page import render

        page = render(facts).encode()
    output.delete([ledger.PAGE])  # an old page may show more than this report should
    content = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False)
    output.write(ledger.REPORT, content.encode())
    if page is None:
        return output.full(ledger.REPORT)
    output.write(ledger.PAGE, page)
    return output.full(ledger.PAGE)


def report_at_end(output: Folder, lease: Lease, units: Committed, asked: Report) -> str | None:
    """Write the report at the end of a run and return its path.

    Returns None if the run has no report (`--no-report`, no units), or if writing it failed. A
    failure is only logged, because the data of the run is complete without it.
    """
    if not asked.report or not units:
        return None
    log.info("writing the report")
    try:
        records = Records(ledger.read_run(output) or {}, units, *read_ends(output))
        facts = make_report(output, records, asked)
        lease.require()
        place = write_report(output, facts, asked)
    except Exception as error:
        log.warning(
            "the report could not be written (%s); run `semscore report %s` to try again",
            root_cause(error),
            output.name,
        )
        log.debug("report failed", exc_info=True)
        return None
    if not can_draw():
        log.info("for a page with charts, run %s and then `semscore report %s`", NEEDS, output.name)
    return place


def warm_up(asked: Report) -> None:
    """Import what draws the report, in the background, while others wait for Spark."""
    if asked.report and can_draw():
        Thread(target=_warm_up, name="semscore-report").start()


def _warm_up() -> None:
    with suppress(Exception):  # report_at_end tells of it
        from semscore.jobs.reporting import charts, page  # noqa: F401

        charts.warm_up()


def asked_before(output: Folder, records: Records) -> Report:
    """Return the options of the existing report or, without one, those of the run.

    Without a report, pairs are shown only if all units come from one run whose options allow it,
    because the texts may be private.
    """
    with suppress(ValueError):  # not JSON
        report = json.loads(output.read(ledger.REPORT) or b"null")
        if report and report.get("v") == VERSION:
            return Report(**report["asked"])
    of_run = Report(**records.run["options"]["report"])
    single_run = {unit.run for unit in records.units} <= {records.run["run"]}
    return replace(of_run, samples=of_run.samples and single_run)


def require_drawing() -> None:
    """Raise UserError if the packages that draw charts are not installed."""
    if not can_draw():
        raise UserError(f"the report needs the packages that draw its charts. Run: {NEEDS}")


def can_draw() -> bool:
    """Return whether the packages that draw charts (the extra `report`) are installed."""
    return all(find_spec(name) for name in ("altair", "jinja2", "vl_convert"))
