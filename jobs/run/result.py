"""The result of a run, and the contents of the dataset that it leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import Any

from semscore.jobs.failures.wording import counted
from semscore.jobs.history.records import embedded, read_ends
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import Committed
from semscore.jobs.table_logs.snapshot import described
from semscore.udfs.errors import JobError
from semscore.udfs.recipe import described_model
from semscore.udfs.statuses import STATUSES
from semscore.udfs.stores.folder import Folder


@dataclass(frozen=True)
class Result:
    """A dataset after a run, and what this run contributed to it."""

    output: Folder
    """OUTPUT; `output.name` is its path."""
    manifest: dict[str, Any] | None = field(repr=False)
    """The contents of manifest.json. None: the dataset is not complete."""
    units: Committed = field(repr=False)
    """The committed units of the whole dataset."""
    record: dict[str, Any] = field(repr=False)
    """The contents of run.json: how the dataset was started."""
    stopped: str | None = None
    """A sentence that says why and how far, if the run was stopped and its options allow that."""
    report: str | None = None
    """Where the report is. None: there is no report."""
    rows: int = 0
    """Rows that this run scored."""
    seconds: float = 0.0
    """Time from the first look at INPUT to the report."""
    scoring_seconds: float = 0.0
    """The part of `seconds` from the first unit's start to the last record."""

    @cached_property
    def statuses(self) -> Counter[str]:
        """Return the number of rows with each status in the whole dataset."""
        return self.units.statuses

    @property
    def shares(self) -> list[tuple[str, str, str]]:
        """Return each status that occurs with its rows and their share, as text."""
        counts = ((status, self.statuses[status]) for status in STATUSES)
        rows = self.statuses.total()
        return [(status, f"{n:,}", f"{n / rows:.1%}") for status, n in counts if n]

    @cached_property
    def score_hist(self) -> Counter[int]:
        """Return the histogram of the scores: bin of udfs.meters -> pairs."""
        return self.units.histogram("score")

    @property
    def sentences(self) -> list[str]:
        """Return sentences on time and speed, the audit, what scored, and where the files are."""
        files = self.units.files
        lines = [
            self._outcome(),
            *self._what_scored(),
            f"{counted(len(files), 'data file')}, "
            f"{sum(file.bytes for file in files) / 2**20:,.1f} MB in {self.output.name}",
        ]
        if self.rows:
            speed = self.rows / self.scoring_seconds
            what = "rows" if embedded(self.record) else "pairs"
            loading = ", including model loading" if self.record["model_sha256"] else ""
            lines.insert(
                0,
                f"{counted(self.rows, 'row')} in {self.seconds:.1f} s: "
                f"{self.scoring_seconds:.1f} s for scoring and writing{loading} "
                f"({speed:,.0f} {what}/s)",
            )
        return [*lines, f"report: {self.report}"] if self.report else lines

    def _outcome(self) -> str:
        """Return a sentence on the audit, or on what is left to do."""
        if self.manifest is None:
            return f"{self.stopped}. To score the rest, use --mode resume"
        audit = self.manifest["audit"]
        chosen = [f"{name} {audit[name]}" for name in ("where", "limit") if audit[name] is not None]
        skipped = audit["skipped_files"]
        table = self.manifest.get("table")
        return (
            f"audit: {counted(audit['rows_in'], 'row')} in, "
            f"{counted(audit['rows_out'], 'row')} out"
            + (f" ({', '.join(chosen)})" if chosen else "")
            + (f"; {counted(len(skipped), 'unreadable file')} set aside" if skipped else "")
            + (f"; committed as {described(table)}" if table else "")
        )

    def _what_scored(self) -> Iterator[str]:
        """Yield sentences on the model, the precision and, for SageMaker, the job."""
        if snapshot := self.record.get("snapshot"):
            yield f"scored: {described(snapshot)}"
        recipe, asked = self.record["recipe"], self.record["precision"]["asked"]
        model = described_model(
            recipe["model"], recipe.get("revision"), self.record["model_sha256"]
        )
        chosen = " (chosen by auto)" if asked == "auto" else ""
        kind = recipe.get("kind", "bi-encoder")
        if self.record["model_sha256"]:
            yield f"model: {model}; {kind}, precision {recipe['precision']}{chosen}"
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
    """Return a dataset that another process has written, in a run that ended as asked.

    Raises JobError if the run has not ended like that.
    """
    manifest, progress = read_ends(output)
    stopped = (progress or {}).get("reason")
    if manifest is None and not stopped:
        raise JobError(f"{output.name} is not complete: it has no {ledger.MANIFEST}")
    reports = (name for name in (ledger.PAGE, ledger.REPORT) if output.read(name) is not None)
    place = next(map(output.full, reports), None)
    record = ledger.read_run(output) or {}
    return Result(
        output=output,
        manifest=manifest,
        units=ledger.read_units(output),
        record=record,
        stopped=None if manifest else stopped,
        report=place,
    )
