"""A model folder to a loaded SentenceTransformer, and to the reader of its tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    Router,
    StaticEmbedding,
    Transformer,
)

from semscore.udfs.backends.features import DeviceTokens
from semscore.udfs.backends.positions import positions
from semscore.udfs.backends.reader import TokenReader, copied
from semscore.udfs.errors import ModelError
from semscore.udfs.models import layout
from semscore.udfs.models import token_limit as limits
from semscore.udfs.models.kinds import ALIASES
from semscore.udfs.models.layout import read_modules
from semscore.udfs.models.vocabulary import FEW, ordinary, read_vocabulary
from semscore.udfs.proofs import tokenizer as proof

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def load_model(
    folder: Path, precision: str, device: str, max_seq_length: int | None = None
) -> SentenceTransformer:
    """A sentence-transformers model from local safetensors, no code of its own run.

    Its transformer is in `precision`, all that follows (pooling, dense) in float32. It reads no
    more tokens than it has positions for, and `max_seq_length` where that is given. Raises
    ModelError if it has fewer, or if its tokenizer does not have the vocabulary of its files.
    """
    options: dict[str, Any] = {
        "device": device,
        "local_files_only": True,
        "trust_remote_code": False,
        "model_kwargs": {"dtype": getattr(torch, precision), "use_safetensors": True},
    }
    if any(module.type in ALIASES for module in read_modules(folder)):
        classes = dict.fromkeys(ALIASES, Dense)
        model = SentenceTransformer._load_with_module_classes(str(folder), classes, **options)
    else:
        model = SentenceTransformer(str(folder), **options)
    for module in model:
        # Not the transformer: it came in `dtype`, but for what must stay in float32
        if not isinstance(module, Transformer):
            module.float()
    model.eval()
    _check_vocabulary(model, folder)
    _set_limit(model, folder, max_seq_length)
    return model


def input_module(model: SentenceTransformer) -> Any:
    """The module that reads the texts: the first, or the first of a Router's usual route."""
    module: Any = model[0]
    while isinstance(module, Router):
        routes: Any = module.sub_modules
        module = routes[module._resolve_route(modality="text")][0]
    return module


def most_tokens(model: SentenceTransformer, folder: Path) -> int | None:
    """Tokens of a text for which the model has positions; None: as many as there are."""
    module = input_module(model)
    probe = module.preprocess([probe_text(model)])
    features = {
        name: value.to(model.device) if isinstance(value, torch.Tensor) else value
        for name, value in probe.items()
    }
    found = positions(module, features), limits.positions(layout.input_module(folder))
    return min(filter(None, found), default=None)


def token_limit(model: SentenceTransformer) -> int | None:
    """Tokens of a text that the model reads; None: all."""
    module = input_module(model)
    own = _own(module)
    if isinstance(module, StaticEmbedding):
        limit = (module.tokenizer.truncation or {}).get("max_length")
    elif own.get("truncation", True) in (False, None, "do_not_truncate"):
        limit = None
    else:
        limit = own.get("max_length", getattr(module, "max_seq_length", None))
    return None if limit is None or limit >= limits.NO_LIMIT else int(limit)


def whole_tokens(model: SentenceTransformer, text: str, prompt: str | None) -> int | None:
    """Tokens of a whole text, as the model counts them; None: it does not count.

    Raises whatever the tokenizer raises for a text that it refuses.
    """
    module = input_module(model)
    if isinstance(module, Transformer):
        uncut: Any = {"text": {"truncation": False, "max_length": None}}
        features = module.preprocess([text], prompt=prompt, processing_kwargs=uncut)
        return int(features["input_ids"].shape[1])
    prompted = (prompt or "") + text
    tokenizer: Any = getattr(module, "tokenizer", None)
    if isinstance(module, StaticEmbedding):
        encoding = module.tokenizer.encode(prompted, add_special_tokens=False)
        return len(encoding.ids) + sum(len(piece.ids) for piece in encoding.overflowing)
    if hasattr(tokenizer, "tokenize"):  # of word embeddings
        return len(tokenizer.tokenize(prompted))
    return None


def probe_text(model: SentenceTransformer) -> str:
    """A short text that the model's tokenizer does not refuse; ModelError if it refuses all."""
    tokenizer = getattr(input_module(model), "tokenizer", None)
    if not hasattr(tokenizer, "get_vocab"):
        return "word "
    try:
        return proof.probe_word(_listed(tokenizer), lambda text: model.preprocess([text]))
    except ValueError as error:
        raise ModelError(f"the model's tokenizer cannot be used: {error}") from error


def token_reader(model: SentenceTransformer) -> TokenReader | None:
    """How to tokenise for `model` outside of it; None if only the model itself knows.

    Decided by trying: see `reads_as`.
    """
    module = model[0]
    if isinstance(module, StaticEmbedding):
        reader = _static_reader(module)
    elif isinstance(module, Transformer):
        found = _transformer_reader(model, module)
        if found is None:
            return None
        reader = found
    else:
        return None
    return reader if reads_as(reader, model) else None


def reads_as(reader: TokenReader, model: SentenceTransformer) -> bool:
    """Whether a reader makes the features that the model itself makes.

    Tried on texts of many scripts, with each added token, nearly empty ones, and those around the
    limit and far beyond it.
    """

    def ours(texts: Sequence[str]) -> dict[str, Any]:
        tokens = reader.read(texts)
        if len(tokens.refused):
            raise ValueError("refused")
        rows = np.arange(len(texts))
        return DeviceTokens(tokens, torch.device("cpu")).features(rows, reader)

    def count(text: str) -> int:
        return whole_tokens(model, text, None) or 0

    added = [token.content for token in reader.tokenizer.get_added_tokens_decoder().values()]
    groups = (
        proof.short_texts(added),
        proof.long_texts(probe_text(model), reader.limit, count),
    )
    return all(proof.difference(ours, model.preprocess, texts) is None for texts in groups)


def _transformer_reader(model: SentenceTransformer, module: Transformer) -> TokenReader | None:
    tokenizer: PreTrainedTokenizerBase | None = module.tokenizer
    if tokenizer is None or not tokenizer.is_fast:
        return None
    if module.transformer_task != "feature-extraction" or tokenizer.truncation_side != "right":
        return None
    limit = token_limit(model)
    return TokenReader(
        tokenizer=copied(tokenizer.backend_tokenizer, limit, tokenizer.split_special_tokens),
        limit=limit,
        pad_id=tokenizer.pad_token_id or 0,
        pad_left=tokenizer.padding_side == "left",
        type_ids="token_type_ids" in tokenizer.model_input_names,
    )


def _static_reader(module: StaticEmbedding) -> TokenReader:
    """That of a table of token vectors, which has no special tokens and no padding."""
    cut = module.tokenizer.truncation or {}
    limit, direction = cut.get("max_length"), cut.get("direction", "right")
    split = module.tokenizer.encode_special_tokens
    tokenizer = copied(module.tokenizer, limit, split, direction)
    return TokenReader(tokenizer, limit, specials=False)


def _check_vocabulary(model: SentenceTransformer, folder: Path) -> None:
    """Refuse a tokenizer that transformers has made up, for want of the files of its kind, and one
    with more tokens than the model has vectors for.
    """
    module = input_module(model)
    tokenizer: Any = getattr(module, "tokenizer", None)
    if not (isinstance(module, Transformer) and getattr(tokenizer, "is_fast", False)):
        return
    ids: dict[str, int] = tokenizer.get_vocab()
    found = read_vocabulary(layout.input_module(folder))
    where = found.path if found else folder
    lost = found and sum(token not in ids for token in found.tokens) > len(found.tokens) // 2
    if ordinary(ids, map(str, tokenizer.all_special_tokens)) < FEW or lost:
        raise ModelError(
            f"{where} does not hold what transformers reads for this kind of model: its tokenizer "
            f"({type(tokenizer).__name__}) has {len(ids):,} tokens without it; copy all files of "
            "the tokenizer from where the model came from"
        )
    rows = getattr(module.auto_model.get_input_embeddings(), "num_embeddings", None)
    if rows is not None and max(ids.values()) >= rows:
        last = max(ids, key=ids.__getitem__)
        raise ModelError(
            f"the tokenizer of {folder} has the token {last!r} with the number {ids[last]:,}, and "
            f"the model's embedding table has {rows:,} rows: they do not belong together, or "
            "tokenizer_config.json adds tokens that the model does not know"
        )


def _set_limit(model: SentenceTransformer, folder: Path, max_seq_length: int | None) -> None:
    """Let the model cut texts where its positions end, or where the user says."""
    module = input_module(model)
    if not isinstance(module, Transformer):
        if max_seq_length is not None:
            module.max_seq_length = max_seq_length
        return
    most = most_tokens(model, folder)
    if max_seq_length is not None and most is not None and max_seq_length > most:
        raise ModelError(limits.TOO_MANY.format(max_seq_length, folder, most))
    limit = max_seq_length or token_limit(model)
    if most is not None and (limit is None or limit > most):
        limit = most
    if limit is not None:
        module.max_seq_length = limit
        for own in module.processing_kwargs.values():
            if "max_length" in own:
                own["max_length"] = limit


def _own(module: torch.nn.Module) -> dict[str, Any]:
    """What a transformer passes to its tokenizer beside the texts."""
    own = getattr(module, "processing_kwargs", {})
    return {**own.get("text", {}), **own.get("common", {})}


def _listed(tokenizer: Any) -> Iterator[str]:
    """Tokens of a vocabulary, in the order of their ids."""
    ids = tokenizer.get_vocab()
    yield from sorted(ids, key=ids.__getitem__) if isinstance(ids, dict) else ids
