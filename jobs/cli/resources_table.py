"""The Spark settings that a run would use, and the reasons, on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from semscore.jobs.hosts.resources import Resources


def show(console: Console, resources: Resources) -> None:
    """Print the reasons as a table, and the settings as a properties file for spark-submit."""
    table = Table("", "", "why", box=None, pad_edge=False, show_header=False)
    for row in resources.reasons:
        table.add_row(*row)
    console.print(table)
    if resources.conf:
        console.print()
    for key, value in resources.conf.items():
        console.print(f"{key:45} {value}", soft_wrap=True, highlight=False)
