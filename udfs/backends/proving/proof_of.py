"""The proof of a loaded model: how it must be run, and the vectors of a few known texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from semscore.udfs.backends.load import input_module, token_limit, whole_tokens
from semscore.udfs.errors import CanaryFailed, ModelError
from semscore.udfs.models.fetch import transformer
from semscore.udfs.processes.said import first_sentence
from semscore.udfs.proofs.known_texts import known_pairs, known_vectors
from semscore.udfs.proofs.neighbours import (
    TOLERANCE,
    DependsOnOthers,
    batching_of,
    proof_texts,
    proof_tokens,
)
from semscore.udfs.proofs.proof import Proof
from semscore.udfs.proofs.samples import own_words
from semscore.udfs.recipe import Kind

LOGIT = 1.0  # smaller logits may differ as much as one of this size

# Used if a model has no words of its own
WORDS = ("harbour", "tomato", "winter", "copper", "letter", "seven")


def proof_of(
    model: Any,
    folder: Path,
    kind: Kind,
    embed: Callable[[Sequence[Any]], Any],
    tolerance: float = TOLERANCE,
) -> Proof:
    """Return the proof of a model that has not embedded a long text yet.

    `embed` is one forward pass of the model in `folder`: n texts, or n pairs if it is a
    cross-encoder -> (n, dim). Raises ModelError if the model cannot be proved.
    """
    words = _words(model)
    between = " " if _reads(model, " ".join(words[:2])) else ""  # some tokenizers reject blanks
    tokens = proof_tokens(token_limit(model), transformer(folder)[1])
    texts = proof_texts(words, tokens, lambda text: _count(model, text), between)

    def beside_a_word(batch: Sequence[str]) -> Any:
        return embed([(texts.short, text) for text in batch])

    known: dict[Any, Any]
    try:
        if kind == "cross-encoder":
            known = known_pairs(embed, words)
            batching = batching_of(beside_a_word, texts, tolerance, LOGIT)
            firsts, seconds = zip(*known, strict=True)
            given = (*firsts, *seconds)
        else:
            known = known_vectors(embed, words)
            batching = batching_of(embed, texts, tolerance)
            given = tuple(known)
    except DependsOnOthers as error:
        raise ModelError(
            f"{folder} cannot be scored: {error}, even one at a time. A smaller "
            "Recipe.max_seq_length may avoid it"
        ) from error
    except CanaryFailed as error:
        raise ModelError(f"{folder} cannot be scored: {error}") from error
    except (MemoryError, OSError):  # not caused by the model
        raise
    except Exception as error:  # torch and transformers may raise anything
        raise ModelError(f"{folder} fails on plain texts: {said(error)}") from error
    return Proof(given, np.stack(list(known.values())), batching, texts.short)


def said(error: BaseException) -> str:
    """Return the first sentence of an error's message, with its class if the message needs that."""
    sentence, kind = first_sentence(str(error).splitlines()), type(error).__name__
    if not sentence:
        return kind
    return f"{kind} {sentence}" if isinstance(error, LookupError) else sentence


def _words(model: Any) -> Sequence[str]:
    """Return words of the model's own vocabulary that it can read, or WORDS without such words."""
    tokenizer: Any = getattr(input_module(model), "tokenizer", None)
    if not hasattr(tokenizer, "get_vocab"):
        return WORDS
    words = own_words(list(tokenizer.get_vocab()), getattr(tokenizer, "all_special_tokens", ()))
    return [word for word in words if _reads(model, word)] or WORDS


def _count(model: Any, text: str) -> int:
    """Return the number of tokens of a text, or of words if the model does not count tokens."""
    count = whole_tokens(model, text, None)
    return len(text.split()) if count is None else count


def _reads(model: Any, text: str) -> bool:
    try:
        model.preprocess([text])
    except Exception:  # tokenizers may raise anything
        return False
    return True
