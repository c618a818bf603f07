"""Write parquet folders, slices of them, and results that survive an interruption."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import BUILD


def write_parquet(table: pa.Table, folder: Path, files: int) -> None:
    """Write `table` as files of equal length. `folder` appears only when all files are written."""
    unfinished = folder.with_name(folder.name + ".unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    size = max(-(-len(table) // files), 1)  # rows per file, rounded up
    for k in range(files):
        path = unfinished / f"part-{k:05d}.parquet"
        pq.write_table(table.slice(k * size, size), path, compression="zstd")
    unfinished.rename(folder)


def first_rows(corpus: Path, rows: int, files: int = 8) -> Path:
    """Return a folder with the first `rows` of a corpus in `files` files; make it if needed."""
    files = min(files, rows)
    folder = BUILD / "slices" / f"{corpus.parent.name}-{corpus.name}-{rows}-in-{files}"
    if not folder.is_dir():
        table = pq.read_table(corpus)
        if len(table) < rows:
            raise ValueError(f"{corpus} has only {len(table):,} rows, but {rows:,} are needed")
        write_parquet(table.slice(0, rows), folder, files)
    return folder


def row_count(folder: Path) -> int:
    """Return the number of rows of a folder of parquet files."""
    return sum(pq.read_metadata(file).num_rows for file in folder.glob("*.parquet"))


def save_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, atomically: an interruption leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(value, indent=1) + "\n", "utf-8")
    unfinished.replace(path)


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a markdown table. Floats have three significant digits."""
    head = list(head)
    lines = [head, ["---"] * len(head)]
    lines += [[f"{c:,.3g}" if isinstance(c, float) else str(c) for c in row] for row in rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
