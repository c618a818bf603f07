"""What runs achieved on their hardware, for the plans of later ones."""

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

VERSION = 1  # of a calibration's form
KEY = "calibration"  # in report.json
STEPS = ("read_s", "tokenize_s", "wait_input_s", "forward_s", "compare_s", "emit_s", "load_s")


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What a run did with one kind of hardware, backend and precision."""

    hardware: str  # as the system calls it: "NVIDIA A10G", "AMD EPYC, 1 thread"
    backend: str
    precision: str
    rows: int
    distinct_texts: int
    tokens: int
    flop: float
    wall_s: float  # from the first unit's start to the last one's end, loading left out
    devices: int  # GPUs, or on CPUs workers, at once
    workers: int
    seconds: dict[str, float]  # step -> of all workers together
    flop_per_s: float  # of one device, over all of the wall time
    v: int = VERSION


def calibrations(run: Mapping[str, Any], records: Sequence[UnitRecord]) -> list[Calibration]:
    """One for each kind of hardware, backend and precision that units were scored with.

    `run`: run.json. Units that several kinds of hardware shared are left out, for their workers
    do not say which of these they had.
    """
    model = countable(Architecture(**run["model"]))
    kinds: dict[tuple[str, str], list[UnitRecord]] = {}
    for record in records:
        backends = {worker_of(label).backend for label in record.workers}
        if len(record.hardware) == len(backends) == 1:
            kinds.setdefault((next(iter(record.hardware)), backends.pop()), []).append(record)
    return [
        _calibration(hardware, backend, str(run["recipe"]["precision"]), model, some)
        for (hardware, backend), some in sorted(kinds.items())
    ]


def read_calibrations(place: str) -> list[Calibration]:
    """Those in a report.json, or in that of an OUTPUT folder.

    Raises UserError if there are none, or not such as this version reads.
    """
    where, again = f"--past-run {place}", "Write the report anew with `semscore report OUTPUT`"
    parent, _, name = place.rpartition("/")
    folder, path = (parent or ".", name) if name.endswith(".json") else (place, ledger.REPORT)
    try:
        content = Storage().folder(folder).read(path)
        report = json.loads(content or b"null")
    except OSError as error:
        raise UserError(f"{where}: {path} cannot be read: {error}. {again}") from error
    except ValueError as error:
        raise UserError(f"{where}: {path} is no JSON: {error}. {again}") from error
    if content is None:
        raise UserError(f"{where}: there is no {path} in {folder}. {again}")
    listed = report.get(KEY) if isinstance(report, dict) else None
    if not isinstance(listed, list) or not listed:
        raise UserError(f"{where}: {path} has no {KEY!r}, or none in it. {again}")
    return [_checked(one, where, again) for one in listed]


def _checked(told: Any, where: str, again: str) -> Calibration:
    names = {field.name for field in fields(Calibration)}
    version = told.get("v") if isinstance(told, dict) else None
    if version != VERSION:
        raise UserError(
            f"{where}: a calibration is of version {version}, expected {VERSION}. {again}"
        )
    if told.keys() != names:
        odd = ", ".join(sorted(told.keys() ^ names))
        raise UserError(f"{where}: a calibration lacks, or should not have: {odd}. {again}")
    figures = ("rows", "distinct_texts", "tokens", "flop", "wall_s", "devices", "flop_per_s")
    if not all(isinstance(told[name], int | float) and told[name] > 0 for name in figures):
        raise UserError(f"{where}: all of {', '.join(figures)} must be numbers above 0. {again}")
    return Calibration(**told)


def _calibration(
    hardware: str, backend: str, precision: str, model: Architecture, records: list[UnitRecord]
) -> Calibration:
    each = [pair for record in records for pair in record.workers.items()]
    total, load = dict[str, float](), dict[str, float]()
    for label, sums in each:
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
    """GPUs; on CPUs, workers at once, for those that ended are followed by others.

    These are as many as one unit had, or, where each has few, as were busy on average.
    """
    used = [set(map(worker_of, record.workers)) for record in records]
    gpus = {(one.host, one.device) for some in used for one in some if one.device != "cpu"}
    return len(gpus) or max(*map(len, used), busy, 1)
