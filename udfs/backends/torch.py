"""The forward pass in torch: any sentence-transformers model, on the CPU or a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Transformer
from tokenizers import Tokenizer

from semscore.udfs.recipe import Recipe
from semscore.udfs.tokens import Tokens, tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NO_LIMIT = 1_000_000  # tokens; a tokenizer without a limit states about 10^30


class TorchBackend:
    """A sentence-transformers model, run module by module.

    Its transformer runs in the recipe's precision, all that follows (pooling, dense) in float32.
    """

    def __init__(self, folder: Path, recipe: Recipe, device: str) -> None:
        model = SentenceTransformer(
            str(folder),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"dtype": getattr(torch, recipe.precision), "use_safetensors": True},
        )
        if recipe.max_seq_length is not None:
            model.max_seq_length = recipe.max_seq_length
        self.model = model.eval()
        for module in model:
            # Not the transformer: it came in `dtype`, but for what must stay in float32
            if not isinstance(module, Transformer):
                module.float()
        self.device = torch.device(device)
        self.truncate_dim = recipe.truncate_dim or model.truncate_dim
        with torch.inference_mode():
            self.dim = self._run(model.preprocess(["probe"])).shape[1]
        self.reader = _token_reader(model)

    def prepare(self, texts: Sequence[str], prompt: str | None) -> Tokens | Texts:
        """Tokenise n texts; a model without a plain fast tokenizer does so in the forward pass."""
        prompted = [self._prompt(prompt) + text for text in texts]
        if self.reader is None:
            return Texts(list(texts), *_count_tokens(prompted, self.model))
        return tokenize(prompted, self.reader.tokenizer, self.reader.limit)

    @torch.inference_mode()
    def forward(
        self, inputs: Tokens | Texts, rows: NDArray[np.int64], prompt: str | None
    ) -> NDArray[np.float32]:
        """Run some of the texts: (k,) indices -> (k, dim) float32."""
        prompt = self._prompt(prompt)
        if isinstance(inputs, Texts):
            features = self.model.preprocess([inputs.texts[i] for i in rows], prompt=prompt)
        else:
            assert self.reader is not None
            features = self.reader.features(inputs, rows)
            if prompt:  # some poolings leave the prompt's tokens out
                features["prompt_length"] = self._prompt_length(prompt)
        return self._run(features).cpu().numpy()

    def _prompt(self, prompt: str | None) -> str:
        if prompt is not None:
            return prompt
        return self.model.prompts.get(self.model.default_prompt_name or "") or ""

    @lru_cache  # noqa: B019 - the backend lives as long as its process
    def _prompt_length(self, prompt: str) -> Any:
        return self.model.preprocess(["probe"], prompt=prompt).get("prompt_length")

    def _run(self, features: dict[str, Any]) -> torch.Tensor:
        for name, value in features.items():
            if isinstance(value, torch.Tensor):
                features[name] = value.to(self.device)
        for module in self.model:
            features = module(features)
            for name, value in features.items():
                if isinstance(value, torch.Tensor) and value.is_floating_point():
                    features[name] = value.float()
        vectors: torch.Tensor = features["sentence_embedding"]
        return vectors[:, : self.truncate_dim]


@dataclass(frozen=True)
class Texts:
    """Texts that the model itself tokenises, batch by batch."""

    texts: list[str]  # without prompt
    lengths: NDArray[np.int64]  # (n,) tokens, prompt included
    truncated: NDArray[np.bool_]  # (n,) bool


def _count_tokens(
    texts: list[str], model: SentenceTransformer
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Tokens that the model reads of each text, and whether that is less than all: two (n,).

    For a model without tokenizer or limit: characters, and never.
    """
    limit = model.max_seq_length
    tokenizer = model.tokenizer
    if limit is None or limit >= NO_LIMIT or not hasattr(tokenizer, "num_special_tokens_to_add"):
        return np.array([len(text) for text in texts], np.int64), np.zeros(len(texts), bool)
    full = np.array([len(tokenizer(text, truncation=False)["input_ids"]) for text in texts])
    return np.minimum(full, limit).astype(np.int64), full > limit


@dataclass(frozen=True)
class TokenReader:
    """A transformer's own fast tokenizer, and how its features look."""

    tokenizer: Tokenizer
    limit: int | None  # tokens of a text that the model reads
    pad_id: int
    pad_left: bool
    type_ids: bool

    def features(self, tokens: Tokens, rows: NDArray[np.int64]) -> dict[str, Any]:
        """The transformer's input for some texts: tensors (len(rows), width)."""
        ids, mask = tokens.padded(rows, self.pad_id, self.pad_left)
        features: dict[str, Any] = {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(mask),
            "modality": "text",
        }
        if self.type_ids:
            features["token_type_ids"] = torch.zeros_like(features["input_ids"])
        return features


def _token_reader(model: SentenceTransformer) -> TokenReader | None:
    """How to tokenise for `model` outside of it; None if only the model itself knows.

    Decided by trying: the features must be those that the model makes for some sample texts.
    """
    tokenizer: PreTrainedTokenizerBase | None = getattr(model[0], "tokenizer", None)
    if not getattr(tokenizer, "is_fast", False) or getattr(model[0], "transformer_task", None) != (
        "feature-extraction"
    ):
        return None
    assert tokenizer is not None
    if tokenizer.truncation_side != "right":
        return None
    limit = model.max_seq_length
    limit = None if limit is None or limit >= NO_LIMIT else int(limit)
    own = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    own.no_padding()
    own.no_truncation()
    if limit:
        own.enable_truncation(limit)
    reader = TokenReader(
        tokenizer=own,
        limit=limit,
        pad_id=tokenizer.pad_token_id or 0,
        pad_left=tokenizer.padding_side == "left",
        type_ids="token_type_ids" in tokenizer.model_input_names,
    )
    samples = ["Probe", "a second, longer probe: 𝒳 é 漢字 " + "word " * 2 * min(limit or 1, 50_000)]
    expected = model.preprocess(samples)
    found = reader.features(tokenize(samples, own, limit), np.arange(len(samples)))
    same = expected.keys() == found.keys() and all(
        torch.equal(value, found[name]) if isinstance(value, torch.Tensor) else value == found[name]
        for name, value in expected.items()
    )
    return reader if same else None
