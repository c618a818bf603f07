"""The reader for a loaded model: tokenisation without the model, tested to be the same."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from sentence_transformers.sentence_transformer.modules import StaticEmbedding, Transformer
from tokenizers import Tokenizer

from semscore.udfs.backends.features import DeviceTokens
from semscore.udfs.backends.load import Item, probe_text, token_limit, whole_tokens
from semscore.udfs.backends.pair_reader import PairReader
from semscore.udfs.backends.pair_texts import PairTexts
from semscore.udfs.backends.reader import TokenReader, copied
from semscore.udfs.proofs import tokenizer as proof

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from semscore.udfs.recipe import Kind

Reader: TypeAlias = "TokenReader | PairReader"

OWN_LIMITS = ("query_length", "document_length", "query_expansion")  # of roles, if a model has them
TASKS = ("feature-extraction", "sequence-classification")  # whose input is tokens and nothing else


def reader_of(model: Any, kind: Kind) -> Reader | None:
    """Return a reader that tokenises for `model` without it, or None if only the model can do so.

    It reads pairs for a cross-encoder, else texts. It is tested against the model: see `reads_as`.
    Models of late interaction read queries and documents differently, and have none.
    """
    if kind == "late-interaction":
        return None
    module = model[0]
    reader: Reader | None = None
    if isinstance(module, StaticEmbedding):
        reader = _static_reader(module)
    elif isinstance(module, Transformer) and _is_plain(module):
        reader = _pair_reader(model, module) if kind == "cross-encoder" else _reader(model, module)
    return reader if reader and reads_as(reader, model) else None


def reads_as(reader: Reader, model: Any) -> bool:
    """Return whether a reader makes the same features as the model itself.

    Both are tried on texts in many scripts, texts with added tokens, nearly empty texts, and texts
    with lengths around the limit and far beyond it.
    """

    def ours(items: Sequence[Item]) -> dict[str, Any]:
        taken: Any = _taken(items)
        tokens = reader.read(taken)
        if len(tokens.refused):
            raise ValueError("refused")
        rows = np.arange(len(items))
        return DeviceTokens(tokens, torch.device("cpu")).features(rows, reader)

    def theirs(items: Sequence[Item]) -> dict[str, Any]:
        features: dict[str, Any] = model.preprocess(list(items))
        return features

    def count(text: str) -> int:
        return whole_tokens(model, text, None) or 0

    added = [token.content for token in reader.tokenizer.get_added_tokens_decoder().values()]
    short, word = proof.short_texts(added), probe_text(model)
    long = proof.long_texts(word, reader.limit, count)
    groups: tuple[Sequence[Item], ...] = (short, long)
    if isinstance(reader, PairReader):
        halves = proof.long_texts(word, reader.limit // 2, count)[:-2] if reader.limit else []
        lengths = [word, *halves, *long]
        groups = (
            list(zip(short, short[1:] + short[:1], strict=True)),
            list(product(lengths, lengths)),
        )
    return all(proof.difference(ours, theirs, items) is None for items in groups)


def _taken(items: Sequence[Item]) -> Sequence[str] | PairTexts:
    """Return texts or pairs as a reader takes them."""
    pairs = [item for item in items if isinstance(item, tuple)]
    return PairTexts.of(pairs) if pairs else [item for item in items if isinstance(item, str)]


def _is_plain(module: Transformer) -> bool:
    """Return whether a transformer takes tokens of a fast tokenizer that cuts the ends of texts."""
    tokenizer: PreTrainedTokenizerBase | None = module.tokenizer
    return (
        tokenizer is not None
        and tokenizer.is_fast
        and tokenizer.truncation_side == "right"
        and module.transformer_task in TASKS
        and "message" not in module.modality_config
        and not any(getattr(module, name, None) for name in OWN_LIMITS)
    )


def _reader(model: Any, module: Transformer) -> TokenReader:
    tokenizer: Any = module.tokenizer
    limit = token_limit(model)
    return TokenReader(
        tokenizer=copied(tokenizer.backend_tokenizer, limit, tokenizer.split_special_tokens),
        limit=limit,
        pad_id=tokenizer.pad_token_id or 0,
        pad_left=tokenizer.padding_side == "left",
        type_ids="token_type_ids" in tokenizer.model_input_names,
    )


def _static_reader(module: StaticEmbedding) -> TokenReader:
    """Return the reader for a table of token vectors, without special tokens and padding."""
    cut = module.tokenizer.truncation or {}
    limit, direction = cut.get("max_length"), cut.get("direction", "right")
    split = module.tokenizer.encode_special_tokens
    tokenizer = copied(module.tokenizer, limit, split, direction)
    return TokenReader(tokenizer, limit, specials=False)


def _pair_reader(model: Any, module: Transformer) -> PairReader | None:
    tokenizer: Any = module.tokenizer
    copy = copied(tokenizer.backend_tokenizer, None, tokenizer.split_special_tokens)
    around = _around(copy, probe_text(model))
    if around is None:
        return None
    return PairReader(
        tokenizer=copy,
        around=around,
        limit=token_limit(model),
        pad_id=tokenizer.pad_token_id or 0,
        pad_left=tokenizer.padding_side == "left",
        type_ids="token_type_ids" in tokenizer.model_input_names,
    ).with_room()


def _around(
    tokenizer: Tokenizer, word: str
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] | None:
    """Return the IDs of the special tokens before, between and after two texts.

    None if the texts' own tokens are not found among those of the pair.
    """
    texts = (word, word * 3)
    first, second = (tokenizer.encode(text, add_special_tokens=False).ids for text in texts)
    ids = tokenizer.encode(*texts).ids
    begin = _find(first, ids, 0)
    middle = begin + len(first)
    last = _find(second, ids, middle)
    if begin < 0 or last < 0:
        return None
    return tuple(ids[:begin]), tuple(ids[middle:last]), tuple(ids[last + len(second) :])


def _find(part: list[int], whole: list[int], start: int) -> int:
    """Return the first place of some IDs among others, from `start` on, or -1."""
    places = range(start, len(whole) - len(part) + 1)
    return next((place for place in places if whole[place : place + len(part)] == part), -1)
