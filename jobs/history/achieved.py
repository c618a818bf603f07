"""The speeds that a run achieved on its hardware, for plans of later runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from semscore.jobs.history.timeline import run_times
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.ledger import UnitRecord
from semscore.udfs.errors import UserError
from semscore.udfs.meters import worker_of
from semscore.udfs.models.flops import Architecture, countable
from semscore.udfs.stores.registry import Storage

VERSION = 1  # of the format of these entries
KEY = "calibration"  # in report.json
STEPS = ("read_s", "tokenize_s", "wait_input_s", "forward_s", "compare_s", "emit_s", "load_s")


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What a run achieved with one kind of hardware, one backend and one precision."""

    hardware: str  # the system's name: "NVIDIA A10G", "AMD EPYC, 1 thread"
    backend: str
    precision: str
    rows: int
    distinct_texts: int
    tokens: int
    flop: float
    wall_s: float  # from the first unit's start to the last unit's end, without loading the model
    devices: int  # GPUs, or on CPUs the workers, that computed at the same time
    workers: int
    seconds: dict[str, float]  # step -> seconds, summed over all workers
    flop_per_s: float  # of one device, averaged over wall_s
    v: int = VERSION


def calibrations(run: Mapping[str, Any], records: Sequence[UnitRecord]) -> list[Calibration]:
    """Return what a run achieved with each kind of hardware and backend that scored units.

    `run`: the content of run.json. Units that were scored by several kinds of hardware or several
    backends are left out, because their records do not say which worker had which hardware.
    """
    model = countable(Architecture(**run["model"]))
    kinds: dict[tuple[str, str], list[UnitRecord]] = {}
    for record in records:
        backends = {worker_of(label).backend for label in record.workers}
        if len(record.hardware) == len(backends) == 1:
            kinds.setdefault((next(iter(record.hardware)), backends.pop()), []).append(record)
    return [
        _calibration(hardware, backend, str(run["recipe"]["precision"]), model, units)
        for (hardware, backend), units in sorted(kinds.items())
    ]


def read_calibrations(place: str) -> list[Calibration]:
    """Read what a past run achieved, from a report.json or from the one in an OUTPUT folder.

    Raises UserError if there is no such report, or this version of semscore cannot read it.
    """
    where, again = f"--past-run {place}", "Write the report again with `semscore report OUTPUT`"
    parent, _, name = place.rpartition("/")
    folder, path = (parent or ".", name) if name.endswith(".json") else (place, ledger.REPORT)
    try:
        content = Storage().folder(folder).read(path)
        report = json.loads(content or b"null")
    except OSError as error:
        raise UserError(f"{where}: {path} cannot be read: {error}. {again}") from error
    except ValueError as error:
        raise UserError(f"{where}: {path} is not valid JSON: {error}. {again}") from error
    if content is None:
        raise UserError(f"{where}: there is no {path} in {folder}. {again}")
    entries = report.get(KEY) if isinstance(report, dict) else None
    if not isinstance(entries, list) or not entries:
        raise UserError(f"{where}: {path} has no {KEY!r} list, or the list is empty. {again}")
    return [_checked(entry, where, again) for entry in entries]


def _checked(entry: Any, where: str, again: str) -> Calibration:
    """Return an entry as a Calibration; UserError if fields are missing, unknown or not above 0."""
    names = {field.name for field in fields(Calibration)}
    version = entry.get("v") if isinstance(entry, dict) else None
    if version != VERSION:
        raise UserError(
            f"{where}: an entry of {KEY!r} has version {version}, expected {VERSION}. {again}"
        )
    if differing := ", ".join(sorted(entry.keys() ^ names)):
        raise UserError(
            f"{where}: an entry of {KEY!r} has missing or unexpected fields: {differing}. {again}"
        )
    figures = ("rows", "distinct_texts", "tokens", "flop", "wall_s", "devices", "flop_per_s")
    if not all(isinstance(entry[name], int | float) and entry[name] > 0 for name in figures):
        raise UserError(f"{where}: {', '.join(figures)} must all be numbers above 0. {again}")
    return Calibration(**entry)


def _calibration(
    hardware: str, backend: str, precision: str, model: Architecture, records: list[UnitRecord]
) -> Calibration:
    """Sum up what units achieved with one kind of hardware, one backend and one precision."""
    by_worker = [pair for record in records for pair in record.workers.items()]
    total, load = dict[str, float](), dict[str, float]()
    for label, sums in by_worker:
        load[label] = load.get(label, 0.0) + sums.get("load_s", 0.0)
        for name, value in sums.items():
            total[name] = total.get(name, 0.0) + value
    lengths = ledger.histogram(records, "tokens")
    scoring_s = sum(run.scoring_s for run in run_times(records))
    wall = max(scoring_s - max(load.values()), 1e-9)
    busy = sum(
        total.get(name, 0.0) for name in ("wait_input_s", "forward_s", "compare_s", "emit_s")
    )
    flop = model.flop_of(lengths, total["tokens"])
    devices = _devices(records, round(busy / wall))
    return Calibration(
        hardware=hardware,
        backend=backend,
        precision=precision,
        rows=int(total["rows"]),
        distinct_texts=int(total["distinct_texts"]),
        tokens=int(total["tokens"]),
        flop=flop,
        wall_s=wall,
        devices=devices,
        workers=len(load),
        seconds={name: round(total.get(name, 0.0), 3) for name in STEPS},
        flop_per_s=flop / wall / devices,
    )


def _devices(records: Sequence[UnitRecord], busy: int) -> int:
    """Count the GPUs, or on CPUs the workers that computed at the same time.

    Workers that end are replaced by others, so their total would be too high. The result is the
    largest number of workers in one unit, or, if units have few, the number busy on average.
    """
    workers = [set(map(worker_of, record.workers)) for record in records]
    gpus = {
        (worker.host, worker.device)
        for of_unit in workers
        for worker in of_unit
        if worker.device != "cpu"
    }
    return len(gpus) or max(*map(len, workers), busy, 1)
