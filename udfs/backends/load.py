"""Loading of a model folder as a SentenceTransformer, and of the reader for its tokens."""

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
    """Load a sentence-transformers model from local safetensors files, without running its code.

    The transformer is in `precision`, everything after it (pooling, dense) in float32. The model
    reads `max_seq_length` tokens, or else at most as many tokens as it has positions for. Raises
    ModelError if it has fewer positions than `max_seq_length`, or if its tokenizer does not have
    the vocabulary of its files.
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
        # The transformer was loaded in `dtype`, except for parts that must stay in float32
        if not isinstance(module, Transformer):
            module.float()
    model.eval()
    _check_vocabulary(model, folder)
    _set_limit(model, folder, max_seq_length)
    return model


def input_module(model: SentenceTransformer) -> Any:
    """Return the module that reads the texts: the first, or the first of a Router's default."""
    module: Any = model[0]
    while isinstance(module, Router):
        routes: Any = module.sub_modules
        module = routes[module._resolve_route(modality="text")][0]
    return module


def most_tokens(model: SentenceTransformer, folder: Path) -> int | None:
    """Return the number of tokens for which the model has positions, or None if unlimited."""
    module = input_module(model)
    probe = module.preprocess([probe_text(model)])
    features = {
        name: value.to(model.device) if isinstance(value, torch.Tensor) else value
        for name, value in probe.items()
    }
    known = positions(module, features), limits.positions(layout.input_module(folder))
    return min(filter(None, known), default=None)


def token_limit(model: SentenceTransformer) -> int | None:
    """Return the maximum number of tokens that the model reads of a text, or None for all."""
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
    """Return the number of tokens of a whole text, or None if the model does not count tokens.

    Raises the tokenizer's exception for a text that it rejects.
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
    if hasattr(tokenizer, "tokenize"):  # a tokenizer for word embeddings
        return len(tokenizer.tokenize(prompted))
    return None


def probe_text(model: SentenceTransformer) -> str:
    """Return a short text that the tokenizer accepts. Raises ModelError if it rejects all."""
    tokenizer = getattr(input_module(model), "tokenizer", None)
    if not hasattr(tokenizer, "get_vocab"):
        return "word "
    try:
        return proof.probe_word(_listed(tokenizer), lambda text: model.preprocess([text]))
    except ValueError as error:
        raise ModelError(f"the model's tokenizer cannot be used: {error}") from error


def token_reader(model: SentenceTransformer) -> TokenReader | None:
    """Return a reader that tokenises for `model` without it, or None if only the model can do so.

    The reader is tested against the model: see `reads_as`.
    """
    module = model[0]
    if isinstance(module, StaticEmbedding):
        reader = _static_reader(module)
    elif isinstance(module, Transformer):
        transformer_reader = _transformer_reader(model, module)
        if transformer_reader is None:
            return None
        reader = transformer_reader
    else:
        return None
    return reader if reads_as(reader, model) else None


def reads_as(reader: TokenReader, model: SentenceTransformer) -> bool:
    """Return whether a reader makes the same features as the model itself.

    Both are tried on texts in many scripts, texts with added tokens, nearly empty texts, and texts
    with lengths around the limit and far beyond it.
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
    """Return the reader for a table of token vectors, without special tokens and padding."""
    cut = module.tokenizer.truncation or {}
    limit, direction = cut.get("max_length"), cut.get("direction", "right")
    split = module.tokenizer.encode_special_tokens
    tokenizer = copied(module.tokenizer, limit, split, direction)
    return TokenReader(tokenizer, limit, specials=False)


def _check_vocabulary(model: SentenceTransformer, folder: Path) -> None:
    """Raise ModelError for a tokenizer that does not fit the model's files.

    This is one that transformers has created because the files for its class are missing, or one
    with more tokens than the model has vectors for.
    """
    module = input_module(model)
    tokenizer: Any = getattr(module, "tokenizer", None)
    if not (isinstance(module, Transformer) and getattr(tokenizer, "is_fast", False)):
        return
    ids: dict[str, int] = tokenizer.get_vocab()
    listed = read_vocabulary(layout.input_module(folder))
    where = listed.path if listed else folder
    lost = listed and sum(token not in ids for token in listed.tokens) > len(listed.tokens) // 2
    if ordinary(ids, map(str, tokenizer.all_special_tokens)) < FEW or lost:
        raise ModelError(
            f"{where} does not contain what transformers needs for this kind of model: without it, "
            f"the tokenizer ({type(tokenizer).__name__}) has only {len(ids):,} tokens; copy all "
            "files of the tokenizer again from the model's source"
        )
    rows = getattr(module.auto_model.get_input_embeddings(), "num_embeddings", None)
    if rows is not None and max(ids.values()) >= rows:
        last = max(ids, key=ids.__getitem__)
        raise ModelError(
            f"the tokenizer of {folder} has the token {last!r} with the ID {ids[last]:,}, but the "
            f"model's embedding table has only {rows:,} rows: they do not belong together, or "
            "tokenizer_config.json adds tokens that the model does not know"
        )


def _set_limit(model: SentenceTransformer, folder: Path, max_seq_length: int | None) -> None:
    """Make the model truncate texts at the user's limit, or where its positions end."""
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
    """Return the options that a transformer passes to its tokenizer."""
    own = getattr(module, "processing_kwargs", {})
    return {**own.get("text", {}), **own.get("common", {})}


def _listed(tokenizer: Any) -> Iterator[str]:
    """Yield the tokens of a vocabulary in the order of their IDs."""
    ids = tokenizer.get_vocab()
    yield from sorted(ids, key=ids.__getitem__) if isinstance(ids, dict) else ids
