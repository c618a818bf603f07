"""The speeds that a run achieved on its hardware, for plans of later runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from semscore.jobs.history.timeline import run_times
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import Kind, Tally
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


def calibrations(run: Mapping[str, Any], tallies: Mapping[Kind, Tally]) -> list[Calibration]:
    """Return what a run achieved with each kind of hardware and backend that scored units.

    `run`: the content of run.json. Units that were scored by several kinds of hardware or several
    backends are left out, because their records do not say which worker had which hardware.
    """
    model = countable(Architecture(**run["model"]))
    alike: dict[tuple[str, str], dict[Kind, Tally]] = {}
    for kind, tally in tallies.items():
        if len(kind.hardware) == len(kind.backends) == 1:
            alike.setdefault((*kind.hardware, *kind.backends), {})[kind] = tally
    return [
        _calibration(hardware, backend, str(run["recipe"]["precision"]), model, of_kind)
        for (hardware, backend), of_kind in sorted(alike.items())
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
    hardware: str,
    backend: str,
    precision: str,
    model: Architecture,
    tallies: Mapping[Kind, Tally],
) -> Calibration:
    """Sum up what units achieved with one kind of hardware, one backend and one precision."""
    total, load, lengths = Counter[str](), Counter[str](), Counter[int]()
    for tally in tallies.values():
        lengths.update(tally.hist.get("tokens", {}))
        for label, sums in tally.workers.items():
            load[label] += sums["load_s"]
            total.update(sums)
    scoring_s = sum(run.scoring_s for run in run_times(tallies))
    wall = max(scoring_s - max(load.values()), 1e-9)
    busy = sum(total[name] for name in ("wait_input_s", "forward_s", "compare_s", "emit_s"))
    flop = model.flop_of(lengths, total["tokens"])
    devices = _devices(tallies.values(), round(busy / wall))
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
        seconds={name: round(total[name], 3) for name in STEPS},
        flop_per_s=flop / wall / devices,
    )


def _devices(tallies: Iterable[Tally], busy: int) -> int:
    """Count the GPUs, or on CPUs the workers that computed at the same time.

    Workers that end are replaced by others, so their total would be too high. The result is the
    largest number of workers in one unit, or, if units have few, the number busy on average.
    """
    most, gpus = 0, set[tuple[str, str]]()
    for tally in tallies:
        most = max(most, tally.most_workers)
        workers = map(worker_of, tally.workers)
        gpus |= {(worker.host, worker.device) for worker in workers if worker.device != "cpu"}
    return len(gpus) or max(most, busy, 1)
