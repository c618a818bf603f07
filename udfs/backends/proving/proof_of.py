"""The proof of a loaded model: how it must be run, and the vectors of a few known texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semscore.udfs.backends.load import input_module, token_limit, whole_tokens
from semscore.udfs.errors import CanaryFailed, ModelError
from semscore.udfs.models.fetch import transformer
from semscore.udfs.processes.said import first_sentence
from semscore.udfs.proofs.known_texts import known_vectors
from semscore.udfs.proofs.neighbours import (
    TOLERANCE,
    DependsOnOthers,
    Embed,
    batching_of,
    proof_texts,
    proof_tokens,
)
from semscore.udfs.proofs.proof import Proof
from semscore.udfs.proofs.samples import own_words

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Used if a model has no words of its own
WORDS = ("harbour", "tomato", "winter", "copper", "letter", "seven")


def proof_of(
    model: SentenceTransformer, folder: Path, embed: Embed, tolerance: float = TOLERANCE
) -> Proof:
    """Return the proof of a model that has not embedded a long text yet.

    `embed` is one forward pass of the model in `folder`. Raises ModelError if the model cannot be
    proved.
    """
    words = _words(model)
    between = " " if _reads(model, " ".join(words[:2])) else ""  # some tokenizers reject blanks
    tokens = proof_tokens(token_limit(model), transformer(folder)[1])
    texts = proof_texts(words, tokens, lambda text: _count(model, text), between)
    try:
        known = known_vectors(embed, words)
        batching = batching_of(embed, texts, tolerance)
    except DependsOnOthers as error:
        raise ModelError(
            f"{folder} cannot be scored: {error}, even one at a time. A smaller --max-seq-length "
            "may avoid it"
        ) from error
    except CanaryFailed as error:
        raise ModelError(f"{folder} cannot be scored: {error}") from error
    except (MemoryError, OSError):  # not caused by the model
        raise
    except Exception as error:  # torch and transformers may raise anything
        raise ModelError(f"{folder} fails on plain texts: {said(error)}") from error
    return Proof(tuple(known), np.stack(list(known.values())), batching, texts.short)


def said(error: BaseException) -> str:
    """Return the first sentence of an error's message, with its class if the message needs that."""
    sentence, kind = first_sentence(str(error).splitlines()), type(error).__name__
    if not sentence:
        return kind
    return f"{kind} {sentence}" if isinstance(error, LookupError) else sentence


def _words(model: SentenceTransformer) -> Sequence[str]:
    """Return words of the model's own vocabulary that it can read, or WORDS without such words."""
    tokenizer: Any = getattr(input_module(model), "tokenizer", None)
    if not hasattr(tokenizer, "get_vocab"):
        return WORDS
    words = own_words(list(tokenizer.get_vocab()), getattr(tokenizer, "all_special_tokens", ()))
    return [word for word in words if _reads(model, word)] or WORDS


def _count(model: SentenceTransformer, text: str) -> int:
    """Return the number of tokens of a text, or of words if the model does not count tokens."""
    count = whole_tokens(model, text, None)
    return len(text.split()) if count is None else count


def _reads(model: SentenceTransformer, text: str) -> bool:
    try:
        model.preprocess([text])
    except Exception:  # tokenizers may raise anything
        return False
    return True
