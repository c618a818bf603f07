"""Tokenisation: each text once, and only as much of it as the model reads."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

HEAD_CHARS = 8  # characters in a text's head for each token that the model reads; English has 4.5
HEAD_GROWTH = 4
MARGIN = 8  # tokens beyond the limit that prove that a head is long enough
CHUNK_CHARS = 4_000_000  # characters in one call of the tokenizer, to limit the memory it takes
UNSEEN = "\U0010fffe"  # a code point that will never be a character


@dataclass(frozen=True)
class Tokens:
    """Token IDs of n texts, or n pairs of texts, special tokens included, one after another."""

    ids: NDArray[np.int32]  # (total,)
    starts: NDArray[np.int64]  # (n + 1,): text i is ids[starts[i]:starts[i + 1]]
    truncated: NDArray[np.bool_]  # (n,): the text was longer than the model reads
    # (k,): indices of the texts that the tokenizer rejects; they have no tokens
    refused: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    # (n,): tokens of a pair before its second text; None for single texts
    before_second: NDArray[np.int64] | None = None

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Return the number of tokens of each text: (n,)."""
        return np.diff(self.starts)

    def padded(
        self, rows: NDArray[np.int64], width: int, pad_id: int, left: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return IDs and attention mask of k texts, padded to `width` tokens: two (k, width)."""
        lengths = self.lengths[rows, None]
        places = np.arange(width) - (width - lengths if left else 0)  # index within each text
        mask = (places >= 0) & (places < lengths)
        ids = self.ids[np.where(mask, self.starts[rows, None] + places, 0)].astype(np.int64)
        ids[~mask] = pad_id
        return ids, mask.astype(np.int64)

    def types(self, rows: NDArray[np.int64], width: int, left: bool) -> NDArray[np.int64]:
        """Return the token types of k texts padded to `width`, 1 in second texts: (k, width)."""
        if self.before_second is None:
            return np.zeros((len(rows), width), np.int64)
        lengths = self.lengths[rows, None]
        places = np.arange(width) - (width - lengths if left else 0)
        second = (places >= self.before_second[rows, None]) & (places < lengths)
        return second.astype(np.int64)


def tokenize(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    max_length: int | None,
    *,
    specials: bool = True,
    whole: bool = False,
) -> Tokens:
    """Tokenise texts with the same result as for whole texts, at a cost bounded by `max_length`.

    `tokenizer` truncates to `max_length` tokens, including the special tokens around a text if
    `specials`. If `max_length` is None, it does not truncate. Only the head of a long text is
    tokenised. The head ends at the end of a word, because a word that is cut may have different
    tokens from the first one on. If the head gives too few tokens (runs of blanks), a longer one is
    tried; if no word ends, the whole text is used. So the IDs are always those of the whole text.
    With `whole`, whole texts are tokenised. This is needed for a tokenizer that truncates at the
    beginning, or that may reject what follows the head.

    A text that the tokenizer rejects has no tokens, and is listed in `refused` of the result.
    """
    ids = [array("i")] * len(texts)
    truncated = np.zeros(len(texts), dtype=bool)
    refused: list[int] = []
    around = tokenizer.num_special_tokens_to_add(False) if specials else 0
    pending = list(range(len(texts)))
    chars = HEAD_CHARS * (max_length + MARGIN) if max_length and not whole else None
    while pending:
        heads = [_head(texts[i], chars) for i in pending]
        retry = []
        encodings = _encode(heads, tokenizer, specials)
        for i, head, encoding in zip(pending, heads, encodings, strict=True):
            if encoding is None:
                refused.append(i)
                continue
            beyond = [len(piece) - around for piece in encoding.overflowing]
            if len(head) == len(texts[i]) or sum(beyond) > MARGIN:
                ids[i] = array("i", encoding.ids)
                truncated[i] = bool(beyond)
            else:
                retry.append(i)
        pending = retry
        chars = chars * HEAD_GROWTH if chars else None
    lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
    return Tokens(
        ids=np.frombuffer(b"".join(ids), dtype=np.int32),
        starts=np.concatenate([[0], np.cumsum(lengths)]),
        truncated=truncated,
        refused=np.array(sorted(refused), np.int64),
    )


def can_refuse(tokenizer: Tokenizer) -> bool:
    """Return whether the tokenizer raises for some texts because it has no unknown token."""
    try:
        tokenizer.model.tokenize(UNSEEN)
    except Exception:  # tokenizers raises nothing more specific
        return True
    return False


def _head(text: str, chars: int | None) -> str:
    """Return about the first `chars` characters, up to the end of a word.

    Tries more characters if no word ends there, up to the whole text. If `chars` is None, returns
    the whole text.
    """
    while chars is not None and chars < len(text):
        cut = max(text.rfind(" ", chars // 2, chars), text.rfind("\n", chars // 2, chars))
        if cut >= 0:
            return text[:cut].rstrip()
        chars *= HEAD_GROWTH
    return text


def _encode(
    texts: Sequence[str], tokenizer: Tokenizer, specials: bool
) -> Iterator[Encoding | None]:
    """Yield the encoding of each text, or None if the tokenizer rejects it.

    Encodings take about 100 bytes for each token, so only those of one chunk exist at a time.
    """
    start = chars = 0
    for end, text in enumerate(texts, start=1):
        chars += len(text)
        if chars >= CHUNK_CHARS or end == len(texts):
            yield from _chunk(texts[start:end], tokenizer, specials)
            start, chars = end, 0


def _chunk(texts: Sequence[str], tokenizer: Tokenizer, specials: bool) -> list[Encoding | None]:
    """Return the encoding of each text, or None if the tokenizer rejects it.

    One bad text makes the tokenizer reject a whole batch, so the batch is halved until the bad text
    is alone.
    """
    try:
        encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=specials)
    except MemoryError:
        raise
    except Exception:  # tokenizers raises nothing more specific
        if len(texts) == 1:
            return [None]
        middle = len(texts) // 2
        parts = (texts[:middle], texts[middle:])
        return [encoding for part in parts for encoding in _chunk(part, tokenizer, specials)]
    return list(encodings)
