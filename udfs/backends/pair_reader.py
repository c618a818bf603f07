"""Tokenisation of pairs: each distinct text once, then pairs assembled from their tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from semscore.udfs.backends.pair_texts import PairTexts
from semscore.udfs.backends.protocol import Rows
from semscore.udfs.backends.reader import FILE
from semscore.udfs.backends.tokens import Tokens, can_refuse, tokenize
from semscore.udfs.errors import ModelError

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class PairReader:
    """A cross-encoder's own fast tokenizer, and the special tokens that it puts around two texts.

    A pair of n1 and n2 tokens is truncated as the tokenizers library does with the strategy
    `longest_first`: see `kept`.
    """

    tokenizer: Tokenizer  # truncates a text to `room` tokens, adds no special tokens, does not pad
    around: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]  # before, between, after
    limit: int | None  # tokens of a pair that the model reads, special tokens included
    pad_id: int = 0
    pad_left: bool = False
    type_ids: bool = False  # whether the transformer takes token_type_ids
    specials = True

    @cached_property
    def room(self) -> int | None:
        """Return the number of tokens for both texts together, or None if unlimited."""
        return None if self.limit is None else self.limit - sum(map(len, self.around))

    @cached_property
    def refuses(self) -> bool:
        """Return whether the tokenizer rejects some texts, so that it must see the whole texts."""
        return can_refuse(self.tokenizer)

    def read(self, pairs: PairTexts, prompt: str = "") -> Tokens:
        """Return the token IDs of n pairs, equal to those that the model would make.

        `prompt` is put before the first texts only. A pair is refused if one of its texts is.
        """
        firsts = [prompt + text for text in pairs.firsts] if prompt else pairs.firsts
        first, second = self._tokens(firsts), self._tokens(pairs.seconds)
        i, j = pairs.i, pairs.j
        n1, n2 = first.lengths[i], second.lengths[j]
        keep1, keep2 = n1, n2
        truncated = np.zeros(len(i), bool)
        if self.room is not None:
            truncated = first.truncated[i] | second.truncated[j] | (n1 + n2 > self.room)
            full1, full2 = n1 + first.truncated[i], n2 + second.truncated[j]
            # If the room is odd and both texts exceed it, the longer one gets a token more.
            both = np.flatnonzero(first.truncated[i] & second.truncated[j])
            if self.room % 2 and len(both):
                full1[both] = self._whole_lengths(firsts, i[both])
                full2[both] = self._whole_lengths(pairs.seconds, j[both])
            keep1, keep2 = kept(full1, full2, self.room)
        refused = np.flatnonzero(np.isin(i, first.refused) | np.isin(j, second.refused))
        ids, starts, before_second = self._assembled(first, second, i, j, keep1, keep2, refused)
        return Tokens(ids, starts, truncated, refused, before_second)

    def _tokens(self, texts: Sequence[str]) -> Tokens:
        return tokenize(texts, self.tokenizer, self.room, specials=False, whole=self.refuses)

    def _whole_lengths(self, texts: Sequence[str], rows: Rows) -> Counts:
        """Return the numbers of tokens of whole texts: (k,)."""
        distinct, places = np.unique(rows, return_inverse=True)
        whole = Tokenizer.from_str(self.tokenizer.to_str())
        whole.no_truncation()
        whole.encode_special_tokens = self.tokenizer.encode_special_tokens
        chosen = [texts[row] for row in distinct.tolist()]
        return tokenize(chosen, whole, None, specials=False).lengths[places]

    def _assembled(
        self,
        first: Tokens,
        second: Tokens,
        i: Rows,
        j: Rows,
        keep1: Counts,
        keep2: Counts,
        refused: Rows,
    ) -> tuple[NDArray[np.int32], Counts, Counts]:
        """Return IDs (total,), starts (n + 1,) and the tokens before each second text (n,)."""
        before, between, after = self.around
        begins = np.full(len(i), len(before), np.int64)
        middles = begins + keep1
        seconds = middles + len(between)
        ends = seconds + keep2
        lengths = ends + len(after)
        lengths[refused] = keep1[refused] = keep2[refused] = 0
        starts = np.concatenate([[0], np.cumsum(lengths)])
        ids = np.zeros(starts[-1], np.int32)
        taken = np.setdiff1d(np.arange(len(i)), refused)
        for tokens, offsets in ((before, 0 * begins), (between, middles), (after, ends)):
            for place, token in enumerate(tokens):
                ids[starts[taken] + offsets[taken] + place] = token
        _copy(first, i, keep1, ids, starts[:-1] + begins)
        _copy(second, j, keep2, ids, starts[:-1] + seconds)
        return ids, starts, seconds

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the tokenizer to a folder. Returns the other facts that `load` needs, for JSON."""
        self.tokenizer.save(str(folder / FILE))
        return {
            "limit": self.limit,
            "pad_id": self.pad_id,
            "pad_left": self.pad_left,
            "type_ids": self.type_ids,
            "around": self.around,
            "split_special_tokens": self.tokenizer.encode_special_tokens,
        }

    @classmethod
    def load(
        cls, folder: Path, facts: Mapping[str, Any], max_seq_length: int | None = None
    ) -> PairReader:
        """Load a reader from a folder. `max_seq_length` replaces its limit."""
        tokenizer = Tokenizer.from_file(str(folder / FILE))
        tokenizer.encode_special_tokens = facts["split_special_tokens"]
        before, between, after = map(tuple, facts["around"])
        return cls(
            tokenizer=tokenizer,
            around=(before, between, after),
            limit=max_seq_length or facts["limit"],
            pad_id=facts["pad_id"],
            pad_left=facts["pad_left"],
            type_ids=facts["type_ids"],
        ).with_room()

    def with_room(self) -> PairReader:
        """Make the tokenizer truncate each text to the room for both. Returns the reader itself.

        Raises ModelError for a limit that leaves no token of a text.
        """
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        if self.room is not None:
            if self.room < 1:
                raise ModelError(
                    f"Recipe.max_seq_length {self.limit} leaves no room for a pair of texts, "
                    f"because the tokenizer adds {sum(map(len, self.around))} special tokens; "
                    "use a larger value"
                )
            self.tokenizer.enable_truncation(self.room)
        return self


def kept(n1: Counts, n2: Counts, room: int) -> tuple[Counts, Counts]:
    """Return how many tokens remain of each text: (n,), (n,).

    A pair that does not fit loses tokens of its longer text until it fits or both are equally long,
    then of both. If an odd token is left, it is of the text that was longer, or else of the second.
    """
    shorter, longer = np.minimum(n1, n2), np.maximum(n1, n2)
    cut = np.where(shorter <= room, np.maximum(shorter, room - shorter), longer)
    halves = shorter + cut > room
    low = np.where(halves, room // 2, shorter)
    high = np.where(halves, room // 2 + room % 2, cut)
    fits = n1 + n2 <= room
    first_is_longer = n1 > n2
    keep1 = np.where(fits, n1, np.where(first_is_longer, high, low))
    keep2 = np.where(fits, n2, np.where(first_is_longer, low, high))
    return keep1, keep2


def _copy(
    source: Tokens, rows: Rows, lengths: Counts, ids: NDArray[np.int32], places: Counts
) -> None:
    """Copy the first `lengths` tokens of each text in `rows` to `places` in `ids`."""
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    ids[np.repeat(places, lengths) + within] = source.ids[
        np.repeat(source.starts[rows], lengths) + within
    ]
