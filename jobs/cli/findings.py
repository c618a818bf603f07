"""The findings of `semscore doctor` on the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from semscore.jobs.diagnosis.finding import Finding
from semscore.udfs.errors import UserError

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def show(console: Console, found: Iterable[Finding], as_json: bool) -> int:
    """Print findings as they come, or all as one JSON list. Return 2 if a check failed, else 0."""
    printed = []
    for finding in found:
        printed.append(finding)
        if not as_json:
            _print(console, finding)
    if as_json:
        console.out(json.dumps([asdict(finding) for finding in printed], indent=1), highlight=False)
    failed = any(finding.level == "fail" for finding in printed)
    return UserError.exit_code if failed else 0


def _print(console: Console, finding: Finding) -> None:
    line = Table.grid(padding=(0, 2, 0, 0))
    line.add_column(width=4, style=COLOURS[finding.level])
    line.add_column(width=16)
    line.add_column(overflow="fold")  # do not cut paths
    line.add_row(finding.level, finding.check, Text(finding.found))
    if finding.fix:
        line.add_row("", "", Text(f"-> {finding.fix}"))
    console.print(line)
