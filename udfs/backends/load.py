"""A model folder to a loaded SentenceTransformer, and to the reader of its tokens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Transformer
from tokenizers import Tokenizer

from semscore.udfs.backends.features import DeviceTokens
from semscore.udfs.reader import TokenReader

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NO_LIMIT = 1_000_000  # tokens; a tokenizer without a limit states about 10^30


def load_model(folder: Path, precision: str, device: str) -> SentenceTransformer:
    """A sentence-transformers model from local safetensors, no code of its own run.

    Its transformer is in `precision`, all that follows (pooling, dense) in float32.
    """
    model = SentenceTransformer(
        str(folder),
        device=device,
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"dtype": getattr(torch, precision), "use_safetensors": True},
    )
    for module in model:
        # Not the transformer: it came in `dtype`, but for what must stay in float32
        if not isinstance(module, Transformer):
            module.float()
    return model.eval()


def token_limit(model: SentenceTransformer) -> int | None:
    """Tokens of a text that the model reads; None: all."""
    limit = model.max_seq_length
    return None if limit is None or limit >= NO_LIMIT else int(limit)


def token_reader(model: SentenceTransformer) -> TokenReader | None:
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
    limit = token_limit(model)
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
    found = DeviceTokens(reader.read(samples), torch.device("cpu")).features(np.arange(2), reader)
    same = expected.keys() == found.keys() and all(
        torch.equal(value, found[name]) if isinstance(value, torch.Tensor) else value == found[name]
        for name, value in expected.items()
    )
    return reader if same else None
