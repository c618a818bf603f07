"""Shapes to which batches are filled, and passes that are recorded and replayed for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from semscore.udfs.backends.features import PackedTokens
from semscore.udfs.backends.flat import graphs as module
from semscore.udfs.backends.flat.buckets import STEPS, Shape, filled, shape_of
from semscore.udfs.backends.flat.graphs import MOST, OFTEN, Graphs, launch_bound, recorder

BOUND = 1000


@given(st.lists(st.integers(1, 600), min_size=1, max_size=300))
def test_batches_are_filled_to_their_shape(given: list[int]) -> None:
    lengths, rows = np.array(given), np.arange(len(given)) + 7
    shape = shape_of(lengths)
    all_rows, all_lengths = filled(rows, lengths, shape)
    assert len(all_rows) == len(all_lengths) == shape.texts
    assert all_lengths.sum() == shape.tokens
    assert all_lengths.max() <= lengths.max() <= shape.longest < 2 * lengths.max()
    assert all_lengths.min() >= 0
    assert all_rows[: len(rows)].tolist() == rows.tolist()
    assert all_lengths[: len(rows)].tolist() == given
    assert set(all_rows[len(rows) :].tolist()) <= {7 + int(lengths.argmax())}
    assert lengths.sum() <= shape.tokens <= lengths.sum() * (1 + 1 / STEPS) + 1


@pytest.mark.parametrize(
    ("lengths", "shape"),
    [
        ([7], Shape(7, 1, 8)),
        ([100, 30, 30], Shape(160, 4, 128)),
        ([100, 100], Shape(208, 4, 128)),
        ([64] * 1024, Shape(65_536, 1024, 64)),
        ([64] * 1023, Shape(65_536, 1024, 64)),
    ],
)
def test_shapes(lengths: list[int], shape: Shape) -> None:
    assert shape_of(np.array(lengths)) == shape


def batch_of(shape: Shape, start: int) -> PackedTokens:
    ids = torch.arange(start, start + shape.tokens)
    return PackedTokens(ids, ids * 0, None, torch.zeros(shape.texts + 1).int())


class Recorder:
    """Records like a GPU: the function runs once, and each replay reads and writes its tensors."""

    def __init__(self, error: Exception | None = None) -> None:
        self.recorded, self.error = 0, error

    def __call__(self, run: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        if self.error:
            raise self.error
        self.recorded += 1
        result = run()

        def replay() -> torch.Tensor:
            result.copy_(run())
            return result

        return replay


def doubled(batch: PackedTokens, longest: int) -> torch.Tensor:
    return batch.ids[:, None] * 2 + longest / 1000


def replayed(graphs: Graphs, lengths: Any) -> Shape | None:
    """Return the shape of a batch once it has occurred often enough."""
    shapes = [graphs.shape_for(np.array(lengths)) for _ in range(OFTEN)]
    assert shapes[:-1] == [None] * (OFTEN - 1)
    return shapes[-1]


def test_a_recorded_pass_computes_on_each_new_batch() -> None:
    record = Recorder()
    graphs = Graphs(doubled, record, BOUND)
    shape = replayed(graphs, [5, 3])
    assert shape == Shape(8, 2, 8)
    for start in (0, 50, 7):
        batch = batch_of(shape, start)
        found = graphs.run(batch, shape)
        torch.testing.assert_close(found, doubled(batch, 8))
        assert graphs.shape_for(np.array([4, 4])) is None  # of another shape
        assert graphs.shape_for(np.array([3, 5])) == shape
    assert record.recorded == 1


def test_large_passes_are_not_recorded() -> None:
    graphs = Graphs(doubled, Recorder(), BOUND)
    for _ in range(2 * OFTEN):
        assert graphs.shape_for(np.array([BOUND, 1])) is None
    assert replayed(graphs, [BOUND - 100]) is not None


def test_the_number_of_graphs_is_bounded() -> None:
    record = Recorder()
    graphs = Graphs(doubled, record, BOUND)
    shapes = [replayed(graphs, [tokens]) for tokens in range(1, MOST + 1)]
    for shape in shapes:
        assert shape is not None
        graphs.run(batch_of(shape, 0), shape)
    assert record.recorded == len(set(shapes)) == MOST
    for _ in range(2 * OFTEN):
        assert graphs.shape_for(np.array([100])) is None
    assert graphs.shape_for(np.array([1])) == shapes[0]


@pytest.mark.parametrize(
    "error", ["operation not permitted when stream is capturing", "out of memory"]
)
def test_after_a_failure_everything_still_runs(error: str) -> None:
    """Also if the driver's words are those of a GPU that has failed."""
    graphs = Graphs(doubled, Recorder(RuntimeError(f"CUDA error: {error}")), BOUND)
    shape = replayed(graphs, [5, 3])
    assert shape is not None
    batch = batch_of(shape, 3)
    torch.testing.assert_close(graphs.run(batch, shape), doubled(batch, 8))
    for _ in range(2 * OFTEN):
        assert graphs.shape_for(np.array([5, 3])) is None


def test_a_gpu_that_has_failed_is_noticed_in_the_next_pass() -> None:
    error = RuntimeError("CUDA error: uncorrectable ECC error encountered")

    def failing(*_: Any) -> torch.Tensor:
        raise error

    graphs = Graphs(failing, Recorder(error), BOUND)
    shape = replayed(graphs, [5, 3])
    assert shape is not None
    with pytest.raises(RuntimeError, match="ECC"):
        graphs.run(batch_of(shape, 0), shape)


def test_a_cpu_records_nothing() -> None:
    assert recorder(torch.device("cpu")) is None


@pytest.mark.parametrize(("starting", "waiting", "bound"), [(3.0, 0.0, 800), (1.0, 3.0, 200)])
def test_the_bound_is_where_starting_takes_as_long_as_computing(
    starting: float, waiting: float, bound: int
) -> None:
    now = [0.0]

    def spend(seconds: float) -> None:
        now[0] += seconds

    found = launch_bound(lambda: spend(starting), lambda: spend(waiting), 800, clock=lambda: now[0])
    assert found == bound
    assert module.TRIES > 1
