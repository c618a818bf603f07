"""Texts and models that the benchmark makes itself, because it has no network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

WORDS = ["time", "year", "people", "way", "day", "thing", "world", "school", "state", "student"]
LOG_MEAN, LOG_SPREAD = 2.7, 0.9  # of words in a text: median 15, 90% below 50
AROUND = 2  # special tokens around a text
POSITIONS = 512


class Sizes(NamedTuple):
    """The sizes of a BERT."""

    layers: int
    hidden: int
    heads: int
    words: int  # in the vocabulary


BERT_BASE = Sizes(12, 768, 12, 30_522)
TINY = Sizes(2, 32, 2, 300)


def mixed_texts(count: int, seed: int) -> list[str]:
    """Make texts as long as those of the English corpus, with hardly any repeats."""
    random = np.random.default_rng(seed)
    lengths = np.maximum(random.lognormal(LOG_MEAN, LOG_SPREAD, count).astype(int), 1)
    words = iter(random.choice(WORDS, lengths.sum()))
    return [" ".join(next(words) for _ in range(length)) for length in lengths.tolist()]


def texts_of(tokens: int, count: int, seed: int, sizes: Sizes) -> list[str]:
    """Make texts of exactly that many tokens for a model of `random_bert`."""
    random = np.random.default_rng(seed)
    words = random.integers(0, sizes.words - 10, (count, tokens - AROUND))
    return [" ".join(f"w{number}" for number in row) for row in words.tolist()]


def random_bert(folder: Path, sizes: Sizes) -> Path:
    """Make a sentence-transformers model with random weights and mean pooling. Returns its folder.

    Each word w0, w1, … of its vocabulary is one token.
    """
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = [*specials, *(f"w{number}" for number in range(sizes.words - len(specials)))]
    tokenizer = Tokenizer(
        models.WordPiece({word: k for k, word in enumerate(vocabulary)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {f"{name.strip('[]').lower()}_token": name for name in specials}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=POSITIONS, **names)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=sizes.words,
        hidden_size=sizes.hidden,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        intermediate_size=4 * sizes.hidden,
        max_position_embeddings=POSITIONS,
        initializer_range=0.05,
    )
    BertModel(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    # Written here, because the class that saves it loads the model first.
    kind = "sentence_transformers.models"
    parts = [("", f"{kind}.Transformer"), ("1_Pooling", f"{kind}.Pooling")]
    listed = [
        {"idx": number, "name": str(number), "path": path, "type": name}
        for number, (path, name) in enumerate(parts)
    ]
    (folder / "modules.json").write_text(json.dumps(listed), "utf-8")
    (folder / "1_Pooling").mkdir(exist_ok=True)
    pooling = {"embedding_dimension": sizes.hidden, "pooling_mode": "mean"}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling), "utf-8")
    return folder
