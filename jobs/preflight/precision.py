"""The precision of a run, decided once per dataset: a probe for `auto`, a calibration for int8."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cache, reduce
from math import ceil
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame

from semscore.jobs.dataset import frames
from semscore.jobs.ledger import ledger
from semscore.jobs.preflight.ranges import needs_ranges
from semscore.udfs.backends.openvino.calibration import (
    TEXTS,
    int8_sha256,
    quantized,
    read_calibration,
)
from semscore.udfs.driver.ask import on_executor
from semscore.udfs.embed import embedding_ranges
from semscore.udfs.errors import ModelError, UserError
from semscore.udfs.gpus.device import for_workers
from semscore.udfs.precision import PROBE_PAIRS, fastest
from semscore.udfs.vector_format import Ranges
from semscore.udfs.worker.probe import probe

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

    from semscore.jobs.dataset.source import Source
    from semscore.jobs.options.settings import Settings
    from semscore.udfs.recipe import Recipe
    from semscore.udfs.stores.folder import Folder

WORTH_A_PROBE = 2_000  # rows; fewer are scored in float32 faster than a probe takes
TOO_FEW = f"fewer than {WORTH_A_PROBE:,} rows are not worth a probe"
SAMPLE_FILES = 16
SAMPLE_ROWS = 512

log = logging.getLogger("semscore")


@dataclass(frozen=True)
class Settled:
    """The recipe with its precision decided, and how it was decided."""

    recipe: Recipe
    record: dict[str, Any]  # for run.json
    calibration: dict[str, bytes] = field(default_factory=dict)  # for int8: files by name
    ranges: Ranges | None = None  # of the values of embeddings, if their type needs them

    @property
    def int8_sha256(self) -> str | None:
        """The identity of the int8 calibration, if there is one."""
        return int8_sha256(self.calibration) if self.calibration else None

    def keep(self, output: Folder) -> Recipe:
        """Write the calibration, if any, to the dataset; return the recipe that refers to it."""
        if not self.calibration:
            return self.recipe
        place = f"{ledger.MODELS}/{self.int8_sha256}"
        for name, content in self.calibration.items():
            output.write(f"{place}/{name}", content)
        return replace(self.recipe, calibration=output.full(place))


def settle(
    spark: SparkSession,
    settings: Settings,
    source: Source,
    schema: StructType,
    recipe: Recipe,
    model_sha256: str,
) -> Settled:
    """Decide the precision of all scores of this dataset, on the hardware of an executor.

    If embeddings need the ranges of their values, these are measured too.

    Raises UserError if int8 is requested, but the model cannot be quantised, or the calibration in
    the recipe does not belong to it.
    """
    if not settings.needs_model:
        return Settled(recipe, {"asked": "float32", "why": "no model is run"})

    @cache
    def sample() -> list[tuple[str, ...]]:
        return _sample(spark, settings, source, schema)

    settled = _with_precision(spark, settings, source.rows, sample, recipe, model_sha256)
    if not needs_ranges(settings):
        return settled
    log.info("measuring the ranges of the embeddings' values")
    texts = [text for row in sample() for text in row]
    engine = for_workers(settings.engine, str(spark.sparkContext.master))
    normalize = settings.embeddings.normalize
    tried = replace(settled.recipe, precision="float32", calibration=None)
    ranges = on_executor(spark, lambda: embedding_ranges(texts, tried, engine, normalize))
    return replace(settled, ranges=ranges)


def _with_precision(
    spark: SparkSession,
    settings: Settings,
    dataset_rows: int,
    sample: Callable[[], list[tuple[str, ...]]],
    recipe: Recipe,
    model_sha256: str,
) -> Settled:
    record: dict[str, Any] = {"asked": recipe.precision}
    if recipe.precision == "auto":
        if min(dataset_rows, settings.rows.limit or dataset_rows) < WORTH_A_PROBE:
            log.info("precision float32: %s", TOO_FEW)
            return Settled(replace(recipe, precision="float32"), record | {"why": TOO_FEW})
        log.info("comparing the precisions on this hardware, to choose one")
        pairs = [pair_of(row) for row in sample()[:PROBE_PAIRS]]
        texts1, texts2 = [a for a, _ in pairs], [b for _, b in pairs]
        engine = for_workers(settings.engine, str(spark.sparkContext.master))
        candidates = on_executor(spark, lambda: probe(texts1, texts2, recipe, engine))
        precision, why = fastest(candidates, len(pairs))
        log.info("precision %s: %s", precision, why)
        record |= {"why": why, "probe": [asdict(candidate) for candidate in candidates]}
        return Settled(replace(recipe, precision=precision), record)
    if recipe.precision != "int8":
        return Settled(recipe, record)
    if recipe.calibration:
        try:
            files = read_calibration(recipe.calibration, model_sha256)
        except ModelError as error:
            raise UserError(str(error)) from error
        return Settled(recipe, record | {"calibration": recipe.calibration}, files)
    texts: Any = sample()
    log.info("precision int8: calibrating on up to %d texts or pairs", TEXTS)
    files = on_executor(spark, lambda: quantized(texts, recipe))
    return Settled(recipe, record, files)


def pair_of(texts: tuple[str, ...]) -> tuple[str, str]:
    """Return two texts whose vectors are compared to judge a precision.

    Of a single text, the vectors of its halves are compared.
    """
    if len(texts) > 1:
        return texts[0], texts[1]
    words = texts[0].split()
    middle = max(len(words) // 2, 1)
    return " ".join(words[:middle]), " ".join(words[middle:]) or texts[0]


def _sample(
    spark: SparkSession, settings: Settings, source: Source, schema: StructType
) -> list[tuple[str, ...]]:
    """Return the texts of rows from the beginnings of files that are spread over the dataset.

    These are pairs without a missing text, or single texts if texts are to be embedded.
    """
    files = source.counted_files
    files = files[:: ceil(len(files) / SAMPLE_FILES)]
    columns = frames.text_columns(settings)
    parts = [
        frames.read_files(spark, schema, source, [file])
        .select(*(column.alias(f"text{k}") for k, column in enumerate(columns)))
        .limit(ceil(SAMPLE_ROWS / len(files)))
        for file in files
    ]
    rows = list(map(tuple, reduce(DataFrame.union, parts).collect()))
    if settings.embeds:
        rows = [(text,) for row in rows for text in row]
    return [row for row in rows if all(text and text.strip() for text in row)]
