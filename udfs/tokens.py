"""Texts to token ids: each text once, and only as much of it as the model will read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

HEAD_CHARS = 8  # of a text's head, per token that the model reads: English has about 4.5
HEAD_GROWTH = 4
MARGIN = 8  # tokens beyond the limit that prove a head long enough, wherever it was cut
CHUNK_CHARS = 4_000_000  # per call of the tokenizer: bounds the memory of its encodings


@dataclass(frozen=True)
class Tokens:
    """Token ids of n texts, special tokens included, one after another."""

    ids: NDArray[np.int32]  # (total,)
    starts: NDArray[np.int64]  # (n + 1,): text i is ids[starts[i]:starts[i + 1]]
    truncated: NDArray[np.bool_]  # (n,): the text was longer than the model reads

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text: (n,)."""
        return np.diff(self.starts)

    def padded(
        self, rows: NDArray[np.int64], pad_id: int, left: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Ids and attention mask of some texts, padded to the longest: two (len(rows), width)."""
        lengths = self.lengths[rows]
        places = np.arange(lengths.max())
        mask = np.less.outer(places, lengths).T
        if left:
            mask = mask[:, ::-1]
        ids = np.full(mask.shape, pad_id, dtype=np.int64)
        ids[mask] = np.concatenate([self.ids[self.starts[i] : self.starts[i + 1]] for i in rows])
        return ids, mask.astype(np.int64)


def tokenize(texts: Sequence[str], tokenizer: Tokenizer, max_length: int | None) -> Tokens:
    """Tokenize `texts` as `tokenizer` would in full, at a cost bounded by `max_length`.

    `tokenizer` truncates to `max_length` tokens (None: it does not truncate). Of a long text only
    the head is tokenised; where that gives too few tokens (runs of blanks, endless words) a longer
    head is tried, up to the whole text, so that the ids are those of the whole text.
    """
    encodings: dict[int, Encoding] = {}
    pending = list(range(len(texts)))
    chars = HEAD_CHARS * max_length if max_length else None
    while pending:
        heads = [_head(texts[i], chars) for i in pending]
        retry = []
        for i, head, encoding in zip(pending, heads, _encode(heads, tokenizer), strict=True):
            if len(head) == len(texts[i]) or _proves_truncation(encoding):
                encodings[i] = encoding
            else:
                retry.append(i)
        pending = retry
        chars = chars * HEAD_GROWTH if chars else None
    ids = [encodings[i].ids for i in range(len(texts))]
    lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
    return Tokens(
        ids=np.fromiter((token for text in ids for token in text), np.int32, int(lengths.sum())),
        starts=np.concatenate([[0], np.cumsum(lengths)]),
        truncated=np.array([bool(encodings[i].overflowing) for i in range(len(texts))], dtype=bool),
    )


def _head(text: str, chars: int | None) -> str:
    """The first `chars` characters, cut where a word ends if there is such a place."""
    if chars is None or len(text) <= chars:
        return text
    cut = max(text.rfind(" ", chars // 2, chars), text.rfind("\n", chars // 2, chars))
    return text[: cut if cut > 0 else chars]


def _proves_truncation(encoding: Encoding) -> bool:
    """Whether tokens lie so far beyond the limit that the cut of the head cannot matter."""
    overflowing = encoding.overflowing
    return len(overflowing) > 1 or (len(overflowing) == 1 and len(overflowing[0].ids) > MARGIN)


def _encode(texts: Sequence[str], tokenizer: Tokenizer) -> list[Encoding]:
    encodings: list[Encoding] = []
    chunk: list[str] = []
    chars = 0
    for text in texts:
        chunk.append(text)
        chars += len(text)
        if chars >= CHUNK_CHARS:
            encodings += tokenizer.encode_batch_fast(chunk)
            chunk, chars = [], 0
    return encodings + tokenizer.encode_batch_fast(chunk)
