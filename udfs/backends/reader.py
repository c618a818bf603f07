"""What is needed to tokenise texts without the model: its fast tokenizer and limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from semscore.udfs.backends.tokens import Tokens, can_refuse, tokenize
from semscore.udfs.errors import ModelError

FILE = "tokenizer.json"


@dataclass(frozen=True)
class TokenReader:
    """A model's own fast tokenizer, and what the model takes in addition to the IDs."""

    tokenizer: Tokenizer  # truncates to `limit`, does not pad
    limit: int | None  # tokens of a text that the model reads
    pad_id: int = 0
    pad_left: bool = False
    type_ids: bool = False  # whether the transformer takes token_type_ids
    specials: bool = True  # whether special tokens are added around a text

    @cached_property
    def whole(self) -> bool:
        """Return whether the tokenizer must read whole texts, not only their beginnings."""
        cuts_the_beginning = (self.tokenizer.truncation or {}).get("direction") == "left"
        return cuts_the_beginning or can_refuse(self.tokenizer)

    def read(self, texts: Sequence[str], prompt: str = "") -> Tokens:
        """Return the token IDs of n texts, equal to those that the model would make.

        `prompt` is put before each text.
        """
        prompted = [prompt + text for text in texts] if prompt else texts
        return tokenize(
            prompted, self.tokenizer, self.limit, specials=self.specials, whole=self.whole
        )

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the tokenizer to a folder. Returns the other facts that `load` needs, for JSON."""
        self.tokenizer.save(str(folder / FILE))
        return {
            "limit": self.limit,
            "pad_id": self.pad_id,
            "pad_left": self.pad_left,
            "type_ids": self.type_ids,
            # The only setting of a tokenizer that is not part of its file
            "split_special_tokens": self.tokenizer.encode_special_tokens,
        }

    @classmethod
    def load(
        cls, folder: Path, facts: Mapping[str, Any], max_seq_length: int | None = None
    ) -> TokenReader:
        """Load a reader from a folder. `max_seq_length` replaces its limit."""
        limit = max_seq_length or facts["limit"]
        tokenizer = Tokenizer.from_file(str(folder / FILE))
        # Older calibrations lack this fact. They are used only for models that do not split.
        split = facts.get("split_special_tokens", False)
        return cls(
            tokenizer=as_set(tokenizer, limit, split),
            limit=limit,
            pad_id=facts["pad_id"],
            pad_left=facts["pad_left"],
            type_ids=facts.get("type_ids", False),
        )


def copied(
    tokenizer: Tokenizer, limit: int | None, split_special_tokens: bool, direction: str = "right"
) -> Tokenizer:
    """Return a copy of a tokenizer that truncates to `limit` and never pads."""
    copy = Tokenizer.from_str(tokenizer.to_str())
    return as_set(copy, limit, split_special_tokens, direction)


def as_set(
    tokenizer: Tokenizer, limit: int | None, split_special_tokens: bool, direction: str = "right"
) -> Tokenizer:
    """Apply the settings that a tokenizer's file lacks, or has for other purposes. Returns it.

    Raises ModelError for a limit that leaves no token of a text, because tokenizers would ignore
    it.
    """
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if limit:
        specials = tokenizer.num_special_tokens_to_add(False)
        if limit <= specials:
            raise ModelError(
                f"Recipe.max_seq_length {limit} leaves no room for a text, because the tokenizer "
                f"adds {specials} special tokens; use a larger value"
            )
        tokenizer.enable_truncation(limit, direction=direction)
    tokenizer.encode_special_tokens = split_special_tokens
    return tokenizer
