"""The results of `semscore report`: the answers on the terminal, the page in a browser."""

from __future__ import annotations

import tempfile
import webbrowser
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from semscore.jobs.reporting.facts import Facts
from semscore.jobs.reporting.verdicts import advice, verdicts
from semscore.udfs.stores.registry import Storage, is_remote


def show_answers(console: Console, facts: Facts, page: str) -> None:
    """Print the answers of a report, its advice, and the path of its page."""
    for verdict in verdicts(facts):
        console.print(f"[bold]{verdict.question}[/] {escape(verdict.answer)}")
    for sentence in advice(facts):
        console.print(f"[bold]Advice:[/] {escape(sentence)}")
    console.print(f"report: {page}", soft_wrap=True, markup=False)


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
