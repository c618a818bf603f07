"""Fixtures with records of a run that are small enough to check by hand."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs.gold.agreement import against_gold
from semscore.jobs.gold.read import Labels
from semscore.jobs.history.records import Records
from semscore.jobs.ledger import ledger
from semscore.jobs.ledger.committed import VERSION, Committed, DataFile, UnitRecord
from semscore.jobs.ledger.seals import seal_path
from semscore.jobs.options.slices import Report
from semscore.jobs.reporting.facts import Facts, gather
from semscore.udfs.stores.local_folder import LocalFolder

RUN = "20261101T100000-abcdef01"
SCRIPT = "<script>alert('x')</script>"


def unit(
    k: int,
    started: str,
    ended: str,
    rows: int = 100,
    run: str = RUN,
    label: str = "host-a 11 cpu torch",
    **sums: float,
) -> UnitRecord:
    """Make the record of a unit. `started`, `ended`: minutes and seconds after ten o'clock."""
    figures = {
        "rows": rows,
        "texts": 2 * rows,
        "distinct_texts": rows,
        "tokens": 20 * rows,
        "padded_tokens": 25 * rows,
        "oom_retries": 0,
        "load_s": 1.0,
        "read_s": 1.0,
        "tokenize_s": 3.0,
        "wait_input_s": 2.0,
        "forward_s": 5.0,
        "compare_s": 0.5,
        "emit_s": 0.5,
    } | sums
    return UnitRecord(
        id=f"{k:012x}",
        run=run,
        lease=1,
        fingerprint="f" * 64,
        sources=[{"path": f"file:///in/{k}.parquet", "size": 9, "tag": "t", "rows": rows}],
        files=[DataFile(f"lang={'de' if k == 1 else 'en'}/part-{k}.zstd.parquet", rows, 1000)],
        rows=rows,
        statuses={"ok": rows - 2, "null": 1, "blank": 1},
        started=f"2026-11-01T10:{started}.000+00:00",
        ended=f"2026-11-01T10:{ended}.000+00:00",
        meters=figures,
        workers={label: figures},
        hist={"score": {20: rows // 2, 39: rows // 2 - 2}, "tokens": {4: rows}},
        hardware={"a CPU, 1 thread": rows},
        slots=2,
    )


def run_record(**changes: Any) -> dict[str, Any]:
    columns = {
        "text1": "text1",
        "text2": "text2",
        "score_column": "semanticScore",
        "status_column": "semanticStatus",
    }
    return {
        "v": VERSION,
        "run": RUN,
        "input": ["s3://in/pairs"],
        "recipe": {"model": "m", "metric": "cosine", "precision": "float32", "revision": None},
        "fingerprint": "f" * 64,
        "precision": {"asked": "float32"},
        "model_sha256": "a" * 64,
        "versions": {"semscore": "0.1.0", "python": "3.11"},
        "master": "local[2]",
        "model": {"weights": 1_000_000, "layers": 6, "hidden": 384},
        "options": {
            "columns": columns,
            "rows": {"where": None, "limit": None},
            "report": asdict(Report()),
        },
    } | changes


def manifest(rows: int) -> dict[str, Any]:
    return {"audit": {"rows_in": rows, "rows_out": rows, "skipped_files": []}}


@pytest.fixture
def units() -> Callable[..., UnitRecord]:
    return unit


@pytest.fixture
def run() -> Callable[..., dict[str, Any]]:
    return run_record


@pytest.fixture
def ended() -> Callable[[int], dict[str, Any]]:
    return manifest


@pytest.fixture
def both() -> list[UnitRecord]:
    """Two units of 100 rows, one after the other on two workers, 10 s each."""
    return [
        unit(1, "00:20", "00:30"),
        unit(2, "00:30", "00:40", label="host-b 12 gpu:0 torch", forward_s=6.0),
    ]


@pytest.fixture
def records(both: list[UnitRecord]) -> Records:
    progress = {"rows_total": 200, "set_aside": []}
    return Records(run_record(), Committed(both), manifest(200), progress)


@pytest.fixture
def rows() -> pd.DataFrame:
    """Ten rows with scores 0.0 to 0.8 and one null."""
    return pd.DataFrame(
        {
            "text1": [SCRIPT, *(f"one {k}" for k in range(1, 9)), None],
            "text2": [f"two {k}" for k in range(10)],
            "score": [k / 10 for k in range(9)] + [None],
            "status": ["ok"] * 9 + ["null"],
            "partition": ["lang=de"] * 5 + ["lang=en"] * 5,
        }
    )


@pytest.fixture
def facts(records: Records, rows: pd.DataFrame) -> Facts:
    grades, scores = np.arange(9.0), np.arange(9) / 10
    labels = Labels(grades, scores, rows=200, labelled=10, pairs=9)
    gold = against_gold("grade", 4, labels, scores)
    return gather(records, rows, "s3://out/scored", price=3.6, gold=gold)


@pytest.fixture
def dataset(tmp_path: Path, records: Records, both: list[UnitRecord]) -> Path:
    """A dataset on disk whose two units are those of `records`, 100 rows in a file each."""
    home = tmp_path / "scored"
    for k, one in enumerate(both):
        file = home / one.files[0].path
        file.parent.mkdir(parents=True, exist_ok=True)
        scores = [None, None] + [n / 100 for n in range(98)]
        table = {
            "text1": [f"{SCRIPT} {k} {n}" for n in range(100)],
            "text2": [f"two {n}" for n in range(100)],
            "grade": [float(n // 20) for n in range(100)],
            "label": [n >= 80 for n in range(100)],
            "note": ["n"] * 100,
            "day": pa.array([dt.datetime(2026, 1, 1)] * 100, pa.timestamp("us")),
            "semanticScore": pa.array(scores, pa.float32()),
            "semanticStatus": ["null", "blank"] + ["ok"] * 98,
        }
        pq.write_table(pa.table(table), file, row_group_size=25)
    folder = LocalFolder(str(home))
    for path, content in {
        ledger.RUN: records.run,
        ledger.MANIFEST: records.manifest,
        ledger.PROGRESS: records.progress,
        seal_path(1): {"lease": 1, "units": []},
        **{one.path: asdict(one) for one in both},
    }.items():
        folder.write(path, json.dumps(content).encode())
    return home


@pytest.fixture
def bytes_read(spark: Any) -> Iterator[Callable[[], int]]:
    """All that tasks have read from files so far, by Spark's own count.

    It misses what Spark 4 reads in several ranges at once, so that is switched off.
    """
    context, jvm = spark.sparkContext, spark._jvm
    hadoop = context._jsc.hadoopConfiguration()
    hadoop.set("parquet.hadoop.vectored.io.enabled", "false")
    none, quantiles = jvm.java.util.ArrayList(), context._gateway.new_array(jvm.double, 0)

    def count() -> int:
        context._jsc.sc().listenerBus().waitUntilEmpty()
        store = context._jsc.sc().statusStore()
        stages = store.stageList(none, False, False, quantiles, none)
        return sum(stages.apply(k).inputBytes() for k in range(stages.size()))

    yield count
    hadoop.unset("parquet.hadoop.vectored.io.enabled")
