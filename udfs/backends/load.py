"""Loading of a model folder with sentence-transformers, and what a loaded model reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import torch
from sentence_transformers import CrossEncoder, MultiVectorEncoder, SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    Router,
    StaticEmbedding,
    Transformer,
)

from semscore.udfs.backends.positions import positions
from semscore.udfs.errors import ModelError
from semscore.udfs.models import layout
from semscore.udfs.models import token_limit as limits
from semscore.udfs.models.kinds import ALIASES
from semscore.udfs.models.layout import read_modules
from semscore.udfs.models.vocabulary import FEW, ordinary, read_vocabulary
from semscore.udfs.proofs import tokenizer as proof
from semscore.udfs.recipe import Kind

Item: TypeAlias = "str | tuple[str, str]"  # what a model scores or embeds


CLASSES: dict[Kind, type[Any]] = {
    "bi-encoder": SentenceTransformer,
    "cross-encoder": CrossEncoder,
    "late-interaction": MultiVectorEncoder,
}


def load_model(
    folder: Path,
    precision: str,
    device: str,
    max_seq_length: int | None = None,
    kind: Kind = "bi-encoder",
) -> Any:
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
    loader = CLASSES[kind]
    if kind == "bi-encoder" and any(module.type in ALIASES for module in read_modules(folder)):
        classes = dict.fromkeys(ALIASES, Dense)
        model = loader._load_with_module_classes(str(folder), classes, **options)
    else:
        model = loader(str(folder), **options)
    for module in model:
        # The transformer was loaded in `dtype`, except for parts that must stay in float32
        if not isinstance(module, Transformer):
            module.float()
    model.eval()
    _check_vocabulary(model, folder)
    _set_limit(model, folder, max_seq_length)
    return model


def one_vector_each(features: dict[str, Any], kind: Kind) -> torch.Tensor:
    """Return one vector for each text or pair from what a model's modules have left: (n, dim).

    A cross-encoder's vectors are its logits. Token vectors are averaged.
    """
    if kind == "late-interaction":
        mask = features["attention_mask"][..., None].float()
        total = (features["token_embeddings"].float() * mask).sum(1)
        mean: torch.Tensor = total / mask.sum(1).clamp(min=1)
        return mean
    vectors: torch.Tensor = features["scores" if kind == "cross-encoder" else "sentence_embedding"]
    # A conversion without effect would give the last node of a traced graph another name.
    return vectors if vectors.dtype == torch.float32 else vectors.float()


def input_module(model: Any, task: str | None = None) -> Any:
    """Return the module that reads the texts: the first, or the first of a Router's route."""
    module: Any = model[0]
    while isinstance(module, Router):
        routes: Any = module.sub_modules
        module = routes[module._resolve_route(task=task, modality="text")][0]
    return module


def most_tokens(model: Any, folder: Path) -> int | None:
    """Return the number of tokens for which the model has positions, or None if unlimited."""
    module = input_module(model)
    probe = module.preprocess([probe_text(model)])
    features = {
        name: value.to(model.device) if isinstance(value, torch.Tensor) else value
        for name, value in probe.items()
    }
    known = positions(module, features), limits.positions(layout.input_module(folder))
    return min(filter(None, known), default=None)


def token_limit(model: Any, task: str | None = None) -> int | None:
    """Return the maximum number of tokens that the model reads of a text, or None for all."""
    module = input_module(model, task)
    own = _own(module)
    if isinstance(module, StaticEmbedding):
        limit = (module.tokenizer.truncation or {}).get("max_length")
    elif own.get("truncation", True) in (False, None, "do_not_truncate"):
        limit = None
    else:
        of_task = getattr(module, f"{task}_length", None) if task else None
        expansion = getattr(module, "query_expansion", None) if task == "query" else None
        if expansion and expansion["strategy"] == "fixed":
            return int(expansion["length"])
        limit = own.get("max_length", of_task or getattr(module, "max_seq_length", None))
    return None if limit is None or limit >= limits.NO_LIMIT else int(limit)


def whole_tokens(model: Any, item: Item, prompt: str | None, task: str | None = None) -> int | None:
    """Return the number of tokens of a whole text or pair.

    Returns None if the model does not count tokens. Raises the tokenizer's exception for a text
    that it rejects.
    """
    module = input_module(model, task)
    if isinstance(module, Transformer):
        uncut: Any = {"text": {"truncation": False, "max_length": None}}
        features = module.preprocess([item], prompt=prompt, processing_kwargs=uncut)
        return int(features["input_ids"].shape[1])
    assert isinstance(item, str)  # only transformers read pairs
    text = item
    prompted = (prompt or "") + text
    tokenizer: Any = getattr(module, "tokenizer", None)
    if isinstance(module, StaticEmbedding):
        encoding = module.tokenizer.encode(prompted, add_special_tokens=False)
        return len(encoding.ids) + sum(len(piece.ids) for piece in encoding.overflowing)
    if hasattr(tokenizer, "tokenize"):  # a tokenizer for word embeddings
        return len(tokenizer.tokenize(prompted))
    return None


def probe_text(model: Any) -> str:
    """Return a short text that the tokenizer accepts. Raises ModelError if it rejects all."""
    tokenizer = getattr(input_module(model), "tokenizer", None)
    if not hasattr(tokenizer, "get_vocab"):
        return "word "
    try:
        return proof.probe_word(_listed(tokenizer), lambda text: model.preprocess([text]))
    except ValueError as error:
        raise ModelError(f"the model's tokenizer cannot be used: {error}") from error


def _check_vocabulary(model: Any, folder: Path) -> None:
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


def _set_limit(model: Any, folder: Path, max_seq_length: int | None) -> None:
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
