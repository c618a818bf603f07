"""Attention by offsets is attention by runs of equal length; see also test_gpu.py."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from semscore.udfs.backends.flat import varlen
from semscore.udfs.backends.flat.attention import flat_attention
from semscore.udfs.backends.flat.runs import Run, Runs
from semscore.udfs.backends.flat.varlen import Packed
from tests.services.varlen import varlen_on_cpu

LENGTHS = np.array([5, 5, 9, 1, 3, 3])
HEADS, SIZE = 4, 8
CUDA = torch.device("cuda:0")


def packed(lengths: Any) -> Packed:
    offsets = torch.from_numpy(np.append(0, np.cumsum(lengths))).int()
    return Packed(offsets, int(lengths.sum()), int(lengths.max()), varlen_on_cpu)


def queries(tokens: int, shared: int) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(1)
    heads = (HEADS, HEADS // shared, HEADS // shared)
    return tuple(torch.randn(1, each, tokens, SIZE) for each in heads)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [None, 1, 3, 20])
@pytest.mark.parametrize("shared", [1, 2])  # queries for each key
def test_both_ways_are_the_same(causal: bool, window: int | None, shared: int) -> None:
    query, key, value = queries(int(LENGTHS.sum()), shared)
    found, expected = (
        flat_attention(
            SimpleNamespace(),
            *(query, key, value, None),
            scaling=0.3,
            is_causal=causal,
            sliding_window=window,
            texts=texts,
        )[0]
        for texts in (packed(LENGTHS), Runs.of(LENGTHS))
    )
    assert found.shape == expected.shape == (1, LENGTHS.sum(), HEADS, SIZE)
    torch.testing.assert_close(found, expected)


def test_a_text_sees_its_own_tokens_only() -> None:
    query, key, value = queries(int(LENGTHS.sum()), 1)
    found, _ = flat_attention(SimpleNamespace(), query, key, value, None, texts=packed(LENGTHS))
    third = slice(10, 19)
    alone = scaled_dot_product_attention(*(part[:, :, third] for part in (query, key, value)))
    torch.testing.assert_close(found[:, third], alone.transpose(1, 2))


def test_first_tokens_attend_as_in_the_whole_text() -> None:
    query, key, value = (part[0].transpose(0, 1) for part in queries(int(LENGTHS.sum()), 1))
    texts = packed(LENGTHS)
    whole = texts.attend(query, key, value, False, None, SIZE**-0.5)
    first = texts.first_tokens()
    torch.testing.assert_close(texts.attend_first(query[first], key, value), whole[first])


def test_texts_without_tokens_behind_the_others_do_no_harm() -> None:
    lengths = np.array([2, 3, 0, 0])
    query, key, value = (part[0].transpose(0, 1) for part in queries(5, 1))
    texts = packed(lengths)
    assert texts.first_tokens().tolist() == [0, 2, 4, 4]
    found = texts.attend_first(query[texts.first_tokens()], key, value)
    assert found[:2].isfinite().all() and found[2:].tolist() == torch.zeros(2, 4, 8).tolist()


def test_runs_are_found_by_length() -> None:
    runs = Runs.of(LENGTHS)
    assert runs.parts == (Run(0, 0, 2, 5), Run(2, 10, 1, 9), Run(3, 19, 1, 1), Run(4, 20, 2, 3))
    assert runs.tokens == 26
    assert runs.first_tokens().tolist() == [0, 5, 10, 19, 20, 23]


# -- which kernel there is -------------------------------------------------------------------------


def of_2_10(query: Any, cu_seq_q: Any, max_q: int, is_causal: bool = False) -> Any: ...
def of_2_11(query: Any, *, scale: Any = None, window_size: Any = (-1, -1)) -> Any: ...
def of_2_13(query: Any, *, scale: Any = None, window_size: Any = (-1, -1), gqa: Any = 0) -> Any: ...


@pytest.mark.parametrize(
    ("function", "capability", "dtype", "usable"),
    [
        (of_2_10, (9, 0), torch.bfloat16, False),
        (of_2_11, (9, 0), torch.bfloat16, True),
        (of_2_13, (8, 0), torch.float16, True),
        (of_2_13, (9, 0), torch.float32, False),
        (of_2_13, (7, 5), torch.float16, False),  # T4
        (of_2_13, (7, 0), torch.float16, False),  # V100
    ],
)
def test_the_kernel_is_used_where_it_can_be(
    monkeypatch: pytest.MonkeyPatch, function: Any, capability: Any, dtype: Any, usable: bool
) -> None:
    module = pytest.importorskip("torch.nn.attention.varlen")
    monkeypatch.setattr(module, "varlen_attn", function)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert varlen.varlen_kernel(CUDA, dtype) is (function if usable else None)


def test_without_the_module_there_is_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    monkeypatch.setitem(__import__("sys").modules, "torch.nn.attention.varlen", None)
    assert varlen.varlen_kernel(CUDA, torch.bfloat16) is None


def test_the_installed_torch_has_the_kernel_that_is_expected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("torch.nn.attention.varlen")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    assert varlen.varlen_kernel(CUDA, torch.bfloat16) is not None
