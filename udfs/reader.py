"""How a model reads texts, without the model: its fast tokenizer, limit and prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from semscore.udfs.tokens import Tokens, tokenize

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True)
class TokenReader:
    """A transformer's own fast tokenizer, and what goes into the transformer beside the ids."""

    tokenizer: Tokenizer  # truncates to `limit`, does not pad
    limit: int | None  # tokens of a text that the model reads
    pad_id: int
    pad_left: bool
    type_ids: bool  # whether the transformer takes token_type_ids

    def read(self, texts: Sequence[str]) -> Tokens:
        """Token ids of n texts, as the model would make them."""
        return tokenize(texts, self.tokenizer, self.limit)


@dataclass(frozen=True)
class Prompts:
    """A model's own prompts."""

    named: Mapping[str, str | None] = field(default_factory=dict)
    default_name: str | None = None

    def text(self, prompt: str | None) -> str:
        """What stands before each text; None: the model's default prompt."""
        return prompt if prompt is not None else self.named.get(self.default_name or "") or ""
