"""Do once, before the measurements, what a contender would keep between runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import BUILD, environments
from benchmarks.contenders import exported, tool
from benchmarks.trial import OFFLINE, warm_up
from benchmarks.twin import is_random

CALIBRATION_TEXTS = 400
FEW_SAMPLES = 16  # for random weights, whose scores mean nothing; the default takes many minutes


def prepare(contender: str, model: Path, corpus: Path, two_rows: Path) -> None:
    """Make the contender's environment and its files for the model, or fill semscore's cache."""
    chosen = tool(contender)
    if chosen.environment:
        environments.make(chosen.environment)
    if chosen.backend:
        export(contender, model, corpus)
    warm_up(contender, two_rows, str(model))


def export(contender: str, model: Path, corpus: Path) -> None:
    """Export a model for a backend of sentence-transformers, unless that has been done."""
    folder = exported(contender, str(model))
    if folder.is_dir():
        return
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    chosen = tool(contender)
    python = environments.python(chosen.environment)
    start = [str(python), "-m", "benchmarks.peers.export", str(chosen.backend)]
    samples = ["--samples", str(FEW_SAMPLES)] if is_random(model) else []
    log = BUILD / "logs" / f"export-{chosen.backend}-{folder.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        done = subprocess.run(
            [*start, str(model), str(unfinished), str(calibration(corpus)), *samples],
            env=os.environ | OFFLINE,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    if done.returncode:
        raise RuntimeError(f"the export failed with exit code {done.returncode}; see {log}")
    unfinished.rename(folder)


def calibration(corpus: Path) -> Path:
    """Return a folder with a file of texts from the end of a corpus, which is not measured."""
    folder = BUILD.resolve() / "calibration" / corpus.name
    if not folder.is_dir():
        table = pq.read_table(corpus)
        texts = table["text2"].slice(max(len(table) - CALIBRATION_TEXTS, 0))
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        unfinished.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"sentence": texts}), unfinished / "texts.parquet")
        unfinished.rename(folder)
    return folder
