"""This machine's measured speed, and the cost of a row of the dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semscore.jobs.planner.bench import Lengths, Measured
from semscore.jobs.planner.duplicates import SampledRows
from semscore.jobs.planner.estimate import Estimate
from semscore.udfs.meters import Meters, worker_of
from semscore.udfs.models.flops import Architecture, countable
from semscore.udfs.recipe import Precision


@dataclass(frozen=True, kw_only=True)
class Speed:
    """The speed of one worker on this machine while all of them worked."""

    hardware: str
    device: str  # cpu, mps, gpu:0
    backend: str
    precision: Precision
    workers: int  # at once
    rows: int  # scored by each
    seconds: float  # the median worker's, for these rows
    flop_per_s: float  # over all of this time
    forward_flop_per_s: float  # over the time of forward passes
    tokenize_s: float  # per token, on one core
    other_s: float  # per row, on one core: everything except tokenising and forward passes


@dataclass(frozen=True)
class ItemCosts:
    """What the items (texts or pairs) of n rows of the sample cost if the model runs on each."""

    rows: NDArray[np.int64]  # (n,) indices among the sample's m rows that can be scored
    tokens: NDArray[np.float64]  # (n, k)
    flop: NDArray[np.float64]  # (n, k)
    truncated: NDArray[np.bool_]  # (n,)
    chars: float  # of an item, on average
    histogram: dict[int, int]  # bin b: items of 2^b to 2^(b+1) - 1 tokens

    def per_row(self, sampled: SampledRows, weights: NDArray[np.float64]) -> RowCost:
        """Return the mean cost of a row. A repeated item counts as often as it is run."""
        row_weights = weights[self.rows]
        return RowCost(
            run_share=sampled.mean(weights.mean(axis=1)).within(0.0, 1.0),
            tokens=sampled.mean((self.tokens * row_weights).sum(axis=1), self.rows),
            flop=sampled.mean((self.flop * row_weights).sum(axis=1), self.rows),
        )


@dataclass(frozen=True)
class RowCost:
    """The mean cost of one row of the dataset."""

    run_share: Estimate  # items that are run, because they are not repeated in their window
    tokens: Estimate
    flop: Estimate


def evenly(rows: int, most: int) -> NDArray[np.int64]:
    """Return at most `most` row numbers at equal distances, or all `rows` of them."""
    return np.arange(rows) if rows <= most else np.arange(most) * rows // most


def item_costs(
    sampled: SampledRows,
    rows: NDArray[np.int64],
    codes: NDArray[np.int64],
    found: Lengths,
    model: Architecture,
) -> ItemCosts:
    """Compute the costs of some rows.

    `codes`: sorted indices of the items whose lengths are in `found`.
    """
    at = np.searchsorted(codes, sampled.codes[rows])
    tokens = found.tokens.astype(float)
    bins = np.log2(np.maximum(found.tokens, 1)).astype(int)
    chars = [
        len("".join(sampled.items[code][0])) for code in sampled.codes[rows].reshape(-1).tolist()
    ]
    return ItemCosts(
        rows=rows,
        tokens=tokens[at],
        flop=countable(model).flop(tokens)[at],
        truncated=found.truncated[at].any(axis=1),
        chars=float(np.mean(chars)) if chars else 0.0,
        histogram=dict(sorted(Counter(bins[at].reshape(-1).tolist()).items())),
    )


def speed_of(measured: Sequence[Measured], model: Architecture, precision: Precision) -> Speed:
    """Return the speed of one worker, from what all workers did together."""
    total = sum((each.meters for each in measured), Meters())
    seconds = sum(each.seconds for each in measured)
    flop = sum(
        countable(model).flop_of(each.meters.token_hist, each.meters.tokens) for each in measured
    )
    worker = worker_of(measured[0].label)
    other = seconds - total.forward_s - total.tokenize_s
    return Speed(
        hardware=measured[0].hardware,
        device=worker.device,
        backend=worker.backend,
        precision=precision,
        workers=len(measured),
        rows=total.rows // len(measured),
        seconds=float(np.median([each.seconds for each in measured])),
        flop_per_s=flop / seconds,
        forward_flop_per_s=flop / max(total.forward_s, 1e-9),
        tokenize_s=total.tokenize_s / max(total.tokens, 1),
        other_s=max(other, 0.0) / total.rows,
    )
