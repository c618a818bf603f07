"""What a run has done, and what is in the dataset that it leaves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import Any

from semscore.jobs.ledger import ledger
from semscore.udfs.errors import JobError
from semscore.udfs.pairs.statuses import STATUSES
from semscore.udfs.stores.folder import Folder


@dataclass(frozen=True)
class Result:
    """A complete dataset, and what this run did of it."""

    output: Folder
    manifest: dict[str, Any] = field(repr=False)
    units: Sequence[ledger.UnitRecord] = field(repr=False)  # of the whole dataset
    report: str | None = None  # where it is; None: there is none
    rows: int = 0  # that this run scored
    seconds: float = 0.0  # from the first look at INPUT to the report
    scoring_seconds: float = 0.0  # of that, from the first unit's start to the last record

    @cached_property
    def statuses(self) -> Counter[str]:
        """Status -> rows of the whole dataset."""
        return ledger.statuses(self.units)

    @property
    def shares(self) -> list[tuple[str, str, str]]:
        """Each status that occurs, with its rows and their share, for people."""
        found = ((status, self.statuses[status]) for status in STATUSES)
        rows = self.manifest["rows"]
        return [(status, f"{n:,}", f"{n / rows:.1%}") for status, n in found if n]

    @cached_property
    def score_hist(self) -> Counter[int]:
        """Bin of udfs.meters -> pairs."""
        return ledger.histogram(self.units, "score")

    @property
    def sentences(self) -> list[str]:
        """For people: time and speed of this run, audit, and where the files are."""
        audit = self.manifest["audit"]
        chosen = [f"{name} {audit[name]}" for name in ("where", "limit") if audit[name] is not None]
        skipped = audit["skipped_files"]
        told = [
            f"audit: {audit['rows_in']:,} rows in, {audit['rows_out']:,} rows out"
            + (f" ({', '.join(chosen)})" if chosen else "")
            + (f"; {len(skipped)} unreadable files set aside" if skipped else ""),
            f"{len(self.manifest['files']):,} data files, {self.manifest['bytes'] / 2**20:,.1f} MB "
            f"in {self.output.name}",
        ]
        if self.rows:
            speed = self.rows / self.scoring_seconds
            told.insert(
                0,
                f"{self.rows:,} rows in {self.seconds:.1f} s: {self.scoring_seconds:.1f} s for "
                f"scoring and writing, models' loading included ({speed:,.0f} pairs/s)",
            )
        return [*told, f"report: {self.report}"] if self.report else told

    def _repr_html_(self) -> str:
        """For notebooks: what `semscore score` prints at its end, without the distribution."""
        cells = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in self.shares)
        rows = "".join(f"<tr>{row}</tr>" for row in cells)
        told = "<br>".join(map(escape, self.sentences))
        head = "<tr><th>status</th><th>rows</th><th>share</th></tr>"
        return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table><p>{told}</p>"


def read_result(output: Folder) -> Result:
    """A complete dataset that another process has written.

    Raises JobError if it is not complete.
    """
    manifest = json.loads(output.read(ledger.MANIFEST) or b"null")
    if manifest is None:
        raise JobError(f"{output.name} is not complete: it has no {ledger.MANIFEST}")
    reports = (name for name in (ledger.PAGE, ledger.REPORT) if output.read(name) is not None)
    place = next(map(output.full, reports), None)
    return Result(output, manifest, ledger.read_units(output), place)
