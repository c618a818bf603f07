"""Token ids on the device: padded there, as the model's own tokenizer would."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from semscore.udfs.backends.features import DeviceTokens, DeviceVectors
from semscore.udfs.backends.reader import TokenReader
from semscore.udfs.backends.tokens import Tokens

CPU = torch.device("cpu")
TOKENS = Tokens(
    ids=np.array([1, 2, 3, 5, 6, 7], dtype=np.int32),
    starts=np.array([0, 3, 4, 6]),
    truncated=np.zeros(3, dtype=bool),
)


def reader(tokenizer: Tokenizer, left: bool, type_ids: bool = False) -> TokenReader:
    return TokenReader(tokenizer, None, pad_id=9, pad_left=left, type_ids=type_ids)


@pytest.mark.parametrize(
    ("left", "ids", "mask"),
    [
        (False, [[6, 7, 9], [1, 2, 3], [5, 9, 9]], [[1, 1, 0], [1, 1, 1], [1, 0, 0]]),
        (True, [[9, 6, 7], [1, 2, 3], [9, 9, 5]], [[0, 1, 1], [1, 1, 1], [0, 0, 1]]),
    ],
)
def test_rows_are_padded_to_the_longest_of_them(
    wordpiece: Tokenizer, left: bool, ids: list[list[int]], mask: list[list[int]]
) -> None:
    found = DeviceTokens(TOKENS, CPU).features(np.array([2, 0, 1]), reader(wordpiece, left))
    assert found.keys() == {"input_ids", "attention_mask", "modality"}
    assert found["input_ids"].tolist() == ids
    assert found["attention_mask"].tolist() == mask


def test_type_ids_are_all_zero(wordpiece: Tokenizer) -> None:
    found = DeviceTokens(TOKENS, CPU).features(np.array([1, 2]), reader(wordpiece, False, True))
    assert found["token_type_ids"].tolist() == [[0, 0], [0, 0]]
    assert found["input_ids"].dtype == found["attention_mask"].dtype == torch.int64


def test_vectors_come_out_as_they_went_in() -> None:
    vectors = DeviceVectors(4, 2, CPU)
    vectors[np.array([3, 1])] = torch.tensor([[3.0, 33.0], [1.0, 11.0]])
    assert vectors[np.array([1, 2, 3, 1])].tolist() == [[1, 11], [0, 0], [3, 33], [1, 11]]


def test_texts_lie_one_after_another(wordpiece: Tokenizer) -> None:
    rows, lengths = np.array([2, 0, 1, 0]), np.array([2, 3, 1, 2])
    found = DeviceTokens(TOKENS, CPU).packed(rows, lengths, reader(wordpiece, False, True))
    assert found.ids.tolist() == [6, 7, 1, 2, 3, 5, 1, 2]
    assert found.places.tolist() == [0, 1, 0, 1, 2, 0, 0, 1]
    assert found.offsets.tolist() == [0, 2, 5, 6, 8]
    assert found.types is not None and found.types.tolist() == [0] * 8
    assert (found.ids.dtype, found.offsets.dtype) == (torch.int64, torch.int32)


def test_second_texts_of_pairs_have_their_type(wordpiece: Tokenizer) -> None:
    pairs = replace(TOKENS, before_second=np.array([1, 1, 0]))
    rows, lengths = np.array([0, 2, 1]), np.array([3, 2, 0])
    found = DeviceTokens(pairs, CPU).packed(rows, lengths, reader(wordpiece, False, True))
    assert found.types is not None and found.types.tolist() == [0, 1, 1, 1, 1]
    assert DeviceTokens(pairs, CPU).packed(rows, lengths, reader(wordpiece, False)).types is None
