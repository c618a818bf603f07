"""A loaded model to its proof: how it must be run, and the vectors of a few known texts."""

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

WORDS = ("harbour", "tomato", "winter", "copper", "letter", "seven")  # where there are no own ones


def proof_of(
    model: SentenceTransformer, folder: Path, embed: Embed, tolerance: float = TOLERANCE
) -> Proof:
    """Prove a model that has embedded no long text yet; ModelError if that fails.

    `embed`: one forward pass of the model in `folder`.
    """
    words = _words(model)
    between = " " if _reads(model, " ".join(words[:2])) else ""  # some tokenizers know no blank
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
    except (MemoryError, OSError):  # of this moment, not of the model
        raise
    except Exception as error:  # of torch and transformers: whatever they raise
        raise ModelError(f"{folder} fails on plain texts: {said(error)}") from error
    return Proof(tuple(known), np.stack(list(known.values())), batching, texts.short)


def said(error: BaseException) -> str:
    """What an error says first, in a whole sentence, with its kind where it says little else."""
    sentence, kind = first_sentence(str(error).splitlines()), type(error).__name__
    if not sentence:
        return kind
    return f"{kind} {sentence}" if isinstance(error, LookupError) else sentence


def _words(model: SentenceTransformer) -> Sequence[str]:
    """Words of the model's own vocabulary that it can read, as far as it has one."""
    tokenizer: Any = getattr(input_module(model), "tokenizer", None)
    if not hasattr(tokenizer, "get_vocab"):
        return WORDS
    words = own_words(list(tokenizer.get_vocab()), getattr(tokenizer, "all_special_tokens", ()))
    return [word for word in words if _reads(model, word)] or WORDS


def _count(model: SentenceTransformer, text: str) -> int:
    """Tokens of a text; words, for a model that counts no tokens."""
    count = whole_tokens(model, text, None)
    return len(text.split()) if count is None else count


def _reads(model: SentenceTransformer, text: str) -> bool:
    try:
        model.preprocess([text])
    except Exception:  # of any tokenizer
        return False
    return True
