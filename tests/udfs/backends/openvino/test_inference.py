"""What OpenVINO gives belongs to the request that asked for it, or is never a vector."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from semscore.udfs.backends.openvino.inference import UNWRITTEN, Inference
from semscore.udfs.gpus.faults import Untrusted, fault_of

SHAPE = (2, 3)


@pytest.fixture
def inference(tmp_path: Path) -> Inference:
    """Adds four known positions to ids, and takes the first three: longer ids do not fit."""
    ids = ops.parameter([-1, -1], np.int64)
    numbers = ops.convert(ids, "f32")
    length = ops.gather(ops.shape_of(numbers), [1], 0)
    table = ops.constant(np.array([[10, 20, 30, 40]], np.float32))
    places = ops.slice(table, ops.constant([0]), length, ops.constant([1]), ops.constant([1]))
    total = ops.add(numbers, places)
    first = ops.slice(
        total, ops.constant([0]), ops.constant([3]), ops.constant([1]), ops.constant([1])
    )
    openvino.save_model(openvino.Model([first], [ids]), tmp_path / "m.xml", compress_to_fp16=False)
    return Inference(tmp_path / "m.xml", {"INFERENCE_PRECISION_HINT": "f32"})


def ids(*shape: int) -> list[np.ndarray]:
    return [np.arange(np.prod(shape)).reshape(shape)]


def test_an_output_is_what_the_graph_computes(inference: Inference) -> None:
    first = inference.run(ids(2, 3), SHAPE)
    assert first.tolist() == [[10, 21, 32], [13, 24, 35]]
    second = inference.run([ids(2, 3)[0] + 100], SHAPE)
    assert second.tolist() == [[110, 121, 132], [113, 124, 135]]
    assert first.tolist() == [[10, 21, 32], [13, 24, 35]]  # each call has its own


@pytest.mark.parametrize("shape", [(1, 9), (2, 9), (5, 40)])
def test_a_request_that_cannot_be_run_leaves_nothing_behind(
    inference: Inference, shape: tuple[int, int]
) -> None:
    inference.run(ids(2, 3), SHAPE)
    with pytest.raises(RuntimeError) as raised:
        inference.run(ids(*shape), (shape[0], 3))
    assert fault_of(raised.value) == "texts"
    for _ in range(2):
        assert inference.run(ids(2, 3), SHAPE).tolist() == [[10, 21, 32], [13, 24, 35]]
        assert inference.run(ids(1, 4), (1, 3)).tolist() == [[10, 21, 32]]


@pytest.fixture
def silent(inference: Inference, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """Requests, so many of which raise nothing and write nothing; the number of the calls."""

    def make(times: int) -> list[int]:
        calls: list[int] = []
        infer = inference._infer

        def some(inputs: Any, output: Any) -> tuple[int, ...]:
            calls.append(len(calls))
            return (2, 3) if len(calls) <= times else infer(inputs, output)

        monkeypatch.setattr(inference, "_infer", some)
        return calls

    return make


def test_an_output_that_was_not_written_is_asked_for_once_more(
    inference: Inference, silent: Callable[[int], list[int]]
) -> None:
    calls = silent(1)
    assert inference.run(ids(2, 3), SHAPE).tolist() == [[10, 21, 32], [13, 24, 35]]
    assert len(calls) == 2


def test_a_worker_whose_output_is_never_written_is_not_trusted(
    inference: Inference, silent: Callable[[int], list[int]]
) -> None:
    silent(2)
    with pytest.raises(Untrusted, match="did not write the output") as raised:
        inference.run(ids(2, 3), SHAPE)
    assert fault_of(raised.value) == "poisoned"


def test_an_output_of_another_shape_is_not_taken(inference: Inference) -> None:
    with pytest.raises((Untrusted, RuntimeError)):
        inference.run(ids(2, 3), (3, 3))


def test_no_computed_number_looks_unwritten(inference: Inference) -> None:
    with np.errstate(all="ignore"):
        odd = np.array([np.nan, -np.nan, np.inf - np.inf, 0 / np.float32(0)], np.float32)
    assert not (odd.view(np.uint32) == UNWRITTEN).any()
