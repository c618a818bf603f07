"""Run one measurement: a contender scores pairs into a new output folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import BUILD
from benchmarks.contenders import command, is_ours, score_column
from benchmarks.files import row_count
from benchmarks.process import measure
from benchmarks.scores import difference

OFFLINE = {"HF_HUB_OFFLINE": "1"}  # all models are local, and no contender is to ask the hub


def trial(
    contender: str,
    data: Path,
    model: str,
    *,
    expected: pd.Series | None = None,
    options: Sequence[str] = (),
    env: dict[str, str] | None = None,
    limit_s: float = 3600,
) -> dict[str, Any]:
    """Run a contender, compare its scores with `expected`, and delete its output.

    A failure is returned as `error` in the result, so that the other contenders still run.
    """
    output = BUILD / "out" / f"{contender.replace(':', '-')}-{data.name}"
    log = BUILD / "logs" / f"{output.name}.log"
    shutil.rmtree(output, ignore_errors=True)
    cost = measure(
        command(contender, data, output, model, options), log, OFFLINE | (env or {}), limit_s
    )
    result = {"contender": contender, "rows": row_count(data), **asdict(cost)}
    if cost.exit_code:
        return result | {"error": f"exit code {cost.exit_code}; see {log}"}
    try:
        result |= records(output) if is_ours(contender) else {}
        if expected is not None:
            result |= difference(output, score_column(contender), expected)
    except (OSError, ValueError, KeyError) as error:
        return result | {"error": f"{type(error).__name__}: {error}"}
    shutil.rmtree(output)
    return result


def warm_up(contender: str, data: Path, model: str) -> None:
    """Let semscore fill its cache, so that no measured run has to."""
    if is_ours(contender):
        trial(contender, data, model)


def records(output: Path) -> dict[str, Any]:
    """Return the precision that semscore chose and the sums of its units' meters."""
    run = json.loads((output / "_semscore" / "run.json").read_text("utf-8"))
    total: dict[str, float] = {}
    for path in (output / "_semscore" / "units").glob("*.json"):
        for name, value in json.loads(path.read_text("utf-8"))["meters"].items():
            so_far = total.get(name, 0)
            total[name] = max(so_far, value) if name.startswith("peak_") else so_far + value
    return {"precision": run["recipe"]["precision"], "meters": total}
