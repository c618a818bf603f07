"""Names of partition folders, as INPUT has them; those that rows make are asked of Spark."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from semscore.jobs.dataset.columns import Layout
from semscore.jobs.dataset.footers import Footer
from semscore.jobs.dataset.listing import SourceFile
from semscore.jobs.dataset.partitions import check_folders
from semscore.jobs.dataset.source import Source
from semscore.udfs.errors import UserError

LOCAL, S3 = "file:///out", "s3a://bucket/scored"


def check(*folders: str, url: str = LOCAL) -> None:
    """Check the folders that an output of the same columns as INPUT will have."""
    columns = tuple(part.partition("=")[0] for part in folders[0].split("/"))
    source = Source(
        files=tuple(SourceFile("file:///in", f"{name}/a.parquet", 1, "t") for name in folders),
        counts={},
        first=("a.parquet", Footer(1, 1, {}, frozenset(), (), {})),
        strings=frozenset(columns),
        partition_columns=columns,
        nanoseconds={},
        row_bytes={},
        skipped=(),
        ignored=(),
    )
    output: Any = SimpleNamespace(url=url, name=url)
    unasked: Any = None  # Spark
    check_folders(unasked, source, Layout(columns, columns), output)


def test_a_name_has_255_bytes_on_a_disk() -> None:
    check(f"k={'x' * 253}", "k=é")
    with pytest.raises(UserError, match=r"'x{40}'… would have a name of 256 bytes, but file"):
        check("k=a", f"k={'x' * 254}")


def test_spark_escapes_more_than_other_writers() -> None:
    check(f"k={'~' * 90}")
    with pytest.raises(UserError, match="a name of 272 bytes"):
        check(f"k={'^' * 90}")
    with pytest.raises(UserError, match="a name of 272 bytes"):
        check(f"k={'%5E' * 90}")


def test_on_s3_the_whole_key_counts() -> None:
    check(f"k={'x' * 500}", url=S3)
    check(f"a={'x' * 300}/b={'y' * 300}", url=S3)
    with pytest.raises(UserError, match=r"-by a,b: .* 806 bytes in total .* leaves only 718"):
        check(f"a={'x' * 500}/b={'y' * 300}", url=S3)
    with pytest.raises(UserError, match=r"leaves only 524 bytes for them below s3a://bucket/z"):
        check(f"k={'x' * 600}", url=f"s3a://bucket/{'z' * 200}")


def test_many_folders_are_refused() -> None:
    check(*(f"k={n}" for n in range(10_000)))
    with pytest.raises(UserError, match="would create 10,001 folders; at most 10,000"):
        check(*(f"k={n}" for n in range(10_001)))
