"""Recognise files of other formats than parquet by their names, and say how to convert them."""

from __future__ import annotations

import json
import shlex
from pathlib import PurePosixPath

from semscore.udfs.stores.registry import is_remote

NAMES = {
    ".arrow": "Arrow",
    ".avro": "Avro",
    ".csv": "CSV",
    ".feather": "Arrow",
    ".json": "JSON",
    ".jsonl": "JSON Lines",
    ".ndjson": "JSON Lines",
    ".orc": "ORC",
    ".tsv": "TSV",
    ".xls": "Excel",
    ".xlsx": "Excel",
}
COMPRESSED = (".bz2", ".gz", ".lz4", ".snappy", ".xz", ".zip", ".zst")
# With pyarrow alone, which every installation has. It leaves texts such as "NA" as they are.
CSV = (
    "from pyarrow import csv, parquet; t = csv.read_csv({path}, "
    "parse_options=csv.ParseOptions({options}newlines_in_values=True))"
)
READERS = {  # format -> code that reads such a file
    "Arrow": "from pyarrow import feather, parquet; t = feather.read_table({path})",
    "CSV": CSV.replace("{options}", ""),
    "JSON Lines": "from pyarrow import json, parquet; t = json.read_json({path})",
    "ORC": "from pyarrow import orc, parquet; t = orc.read_table({path})",
    "TSV": CSV.replace("{options}", 'delimiter="\\t", '),
}
ELSEWHERE = "docs/scoring.md#other-formats shows how"


def other_format(path: str) -> str | None:
    """Return the name of the format that a file's name stands for; None if it is not known."""
    return NAMES.get(_bare(path).suffix.lower())


def refusal(path: str) -> str | None:
    """Return why a file of another format cannot be scored, and what to do; None if not known."""
    name = other_format(path)
    if name is None:
        return None
    how = ELSEWHERE if is_remote(path) or name not in READERS else _conversion(name, path)
    return f"is a file in {name} format, but semscore reads parquet. Convert it first: {how}"


def _conversion(name: str, path: str) -> str:
    """Return the command that converts a local file of a format in READERS to parquet."""
    target = str(_bare(path).with_suffix(".parquet"))
    source, target = (json.dumps(name, ensure_ascii=False) for name in (path, target))
    script = f"{READERS[name].format(path=source)}; parquet.write_table(t, {target})"
    return f"python -c {shlex.quote(script)}"


def _bare(path: str) -> PurePosixPath:
    """Return the path without the suffix of a compression."""
    place = PurePosixPath(path)
    return place.with_suffix("") if place.suffix.lower() in COMPRESSED else place
