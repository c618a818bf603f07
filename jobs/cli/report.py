"""`semscore report`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from rich.console import Console


def report(
    output: str,
    *,
    gold: str | None = None,
    price: float | None = None,
    samples: bool | None = None,
    to: str | None = None,
    in_browser: Annotated[bool, Parameter(name="--open", negative="")] = False,
) -> int:
    """Make the report of a dataset anew, from its own records, and show what it says.

    Parameters
    ----------
    output
        OUTPUT of a run, which may be over or not.
    gold
        Column of grades in OUTPUT to compare the scores with; unset: as in the last report.
    price
        Price of one host per hour, in any currency; unset: as in the last report.
    samples
        Show pairs, or not, for private texts; unset: as in the last report.
    to
        Folder to write report.html and report.json to, in its _semscore; unset: OUTPUT.
    in_browser
        Open the page in the browser.
    """
    from semscore.jobs.report import show_report

    asked = {"gold": gold, "price": price, "samples": samples}
    given = {name: value for name, value in asked.items() if value is not None}
    show_report(Console(), output, given, to, in_browser)
    return 0
