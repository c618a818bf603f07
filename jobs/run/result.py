"""The result of a run, and the contents of the dataset that it leaves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import Any

from semscore.jobs.failures.wording import counted
from semscore.jobs.ledger import ledger
from semscore.udfs.errors import JobError
from semscore.udfs.pairs.statuses import STATUSES
from semscore.udfs.recipe import described_model
from semscore.udfs.stores.folder import Folder


@dataclass(frozen=True)
class Result:
    """A complete dataset, and what this run contributed to it."""

    output: Folder
    manifest: dict[str, Any] = field(repr=False)
    units: Sequence[ledger.UnitRecord] = field(repr=False)  # of the whole dataset
    record: dict[str, Any] = field(repr=False)  # run.json: how the dataset was started
    report: str | None = None  # where the report is; None if there is none
    rows: int = 0  # that this run scored
    seconds: float = 0.0  # from the first look at INPUT to the report
    scoring_seconds: float = 0.0  # of `seconds`, from the first unit's start to the last record

    @cached_property
    def statuses(self) -> Counter[str]:
        """Return the number of rows with each status in the whole dataset."""
        return ledger.statuses(self.units)

    @property
    def shares(self) -> list[tuple[str, str, str]]:
        """Return each status that occurs with its rows and their share, as text."""
        counts = ((status, self.statuses[status]) for status in STATUSES)
        rows = self.manifest["rows"]
        return [(status, f"{n:,}", f"{n / rows:.1%}") for status, n in counts if n]

    @cached_property
    def score_hist(self) -> Counter[int]:
        """Return the histogram of the scores: bin of udfs.meters -> pairs."""
        return ledger.histogram(self.units, "score")

    @property
    def sentences(self) -> list[str]:
        """Return sentences on time and speed, the audit, what scored, and where the files are."""
        audit = self.manifest["audit"]
        chosen = [f"{name} {audit[name]}" for name in ("where", "limit") if audit[name] is not None]
        skipped = audit["skipped_files"]
        lines = [
            f"audit: {counted(audit['rows_in'], 'row')} in, "
            f"{counted(audit['rows_out'], 'row')} out"
            + (f" ({', '.join(chosen)})" if chosen else "")
            + (f"; {counted(len(skipped), 'unreadable file')} set aside" if skipped else ""),
            *self._what_scored(),
            f"{counted(len(self.manifest['files']), 'data file')}, "
            f"{self.manifest['bytes'] / 2**20:,.1f} MB in {self.output.name}",
        ]
        if self.rows:
            speed = self.rows / self.scoring_seconds
            lines.insert(
                0,
                f"{counted(self.rows, 'row')} in {self.seconds:.1f} s: "
                f"{self.scoring_seconds:.1f} s for scoring and writing, including model loading "
                f"({speed:,.0f} pairs/s)",
            )
        return [*lines, f"report: {self.report}"] if self.report else lines

    def _what_scored(self) -> Iterator[str]:
        """Yield sentences on the model, the precision and, for SageMaker, the job."""
        recipe, asked = self.record["recipe"], self.record["precision"]["asked"]
        model = described_model(
            recipe["model"], recipe.get("revision"), self.record["model_sha256"]
        )
        chosen = " (chosen by auto)" if asked == "auto" else ""
        yield f"model: {model}; precision {recipe['precision']}{chosen}"
        if job := self.record.get("job"):
            yield "SageMaker job: " + ", ".join(
                job[name] if name == "name" else f"{name} {job[name]}" for name in job
            )

    def _repr_html_(self) -> str:
        """Return for notebooks what `semscore score` prints at its end, but no distribution."""
        cells = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in self.shares)
        rows = "".join(f"<tr>{row}</tr>" for row in cells)
        text = "<br>".join(map(escape, self.sentences))
        head = "<tr><th>status</th><th>rows</th><th>share</th></tr>"
        return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table><p>{text}</p>"


def read_result(output: Folder) -> Result:
    """Return a complete dataset that another process has written.

    Raises JobError if it is not complete.
    """
    manifest = json.loads(output.read(ledger.MANIFEST) or b"null")
    if manifest is None:
        raise JobError(f"{output.name} is not complete: it has no {ledger.MANIFEST}")
    reports = (name for name in (ledger.PAGE, ledger.REPORT) if output.read(name) is not None)
    place = next(map(output.full, reports), None)
    record = ledger.read_run(output) or {}
    return Result(output, manifest, ledger.read_units(output), record, place)
