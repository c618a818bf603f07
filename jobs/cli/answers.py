"""The results of `semscore report`: the answers on the terminal, the page in a browser."""

from __future__ import annotations

import tempfile
import webbrowser
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from semscore.jobs.gold.agreement import Gold
from semscore.jobs.gold.curve import Curve
from semscore.jobs.gold.table import HEADERS, cells, notes
from semscore.jobs.reporting.facts import Facts
from semscore.jobs.reporting.verdicts import advice, verdicts
from semscore.udfs.stores.registry import Storage, is_remote


def show_answers(console: Console, facts: Facts, page: str) -> None:
    """Print the answers of a report, its advice, and the path of its page."""
    for verdict in verdicts(facts):
        console.print(f"[bold]{escape(verdict.question)}[/] {escape(verdict.answer)}")
    for sentence in advice(facts):
        console.print(f"[bold]Advice:[/] {escape(sentence)}")
    if facts.gold and facts.gold.curve:
        _show_thresholds(console, facts.gold, facts.gold.curve)
    console.print(f"report: {page}", soft_wrap=True, markup=False)


def _show_thresholds(console: Console, gold: Gold, curve: Curve) -> None:
    table = Table(*HEADERS, box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for choice in curve.choices:
        table.add_row(*cells(choice))
    console.print()
    console.print(table)
    for sentence in notes(gold):
        console.print(sentence, markup=False, highlight=False)
    console.print()


def open_page(page: str) -> None:
    """Open a page in the browser. A page on S3 is copied to this machine first."""
    webbrowser.open(_local(page))


def _local(page: str) -> str:
    if not is_remote(page):
        return Path(page).absolute().as_uri()
    folder, _, name = page.rpartition("/")
    copy = Path(tempfile.mkdtemp(prefix="semscore-report-"), name)
    copy.write_bytes(Storage().folder(folder).read(name) or b"")
    return copy.as_uri()
