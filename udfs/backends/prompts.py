"""A model's own prompts, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from semscore.udfs.recipe import Prompt

TASKS = ("query", "document")  # roles that also choose a route inside the model


@dataclass(frozen=True)
class Prompts:
    """The prompts of a model, and the one that is used by default."""

    named: Mapping[str, str | None] = field(default_factory=dict)
    default_name: str | None = None

    def text(self, prompt: Prompt) -> str:
        """Return the text to put before each text, empty for none.

        Like encode_query and encode_document of sentence-transformers, the roles `query` and
        `document` never use the default prompt.
        """
        if prompt.text is not None:
            return prompt.text
        return self.named.get(prompt.role or self.default_name or "") or ""


def task_of(prompt: Prompt) -> str | None:
    """Return the task that sentence-transformers gives to the modules of a model, or None."""
    return prompt.role if prompt.role in TASKS else None
