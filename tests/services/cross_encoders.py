"""Small cross-encoders of many architectures, with random weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.sentence_transformer import modules as st
from tokenizers import Tokenizer, processors
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    MPNetConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
    RobertaConfig,
    XLMRobertaConfig,
)

DIM = 32
LIMIT = 48  # tokens of a pair
SIZES: dict[str, Any] = {
    "hidden_size": DIM,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "initializer_range": 0.3,
}
BERT = {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "pad_token": "[PAD]"}
ROBERTA = {"cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
# Templates of a text and of a pair, as in the tokenizers of these architectures
LIKE_BERT = ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")
LIKE_ROBERTA = ("<s> $A </s>", "<s> $A </s> </s> $B </s>")
NO_TEMPLATE = ("$A", "$A $B:1")
TOKENIZERS = {  # name of the fixture, special tokens, templates
    "wordpiece": (BERT, LIKE_BERT),
    "byte_level_bpe": (ROBERTA, LIKE_ROBERTA),
    "unigram": (ROBERTA, LIKE_ROBERTA),
}
QUESTION = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "Does the document answer the query?"
)

Build = Callable[["Workshop"], CrossEncoder | None]
BUILDS: dict[str, Build] = {}


class Workshop:
    """The folder where a model is built, and tokenizers by the names of their fixtures."""

    def __init__(self, folder: Path, tokenizers: Mapping[str, Tokenizer]) -> None:
        self.folder = folder
        self.tokenizers = tokenizers

    def save(
        self,
        config: Any,
        tokenizer: str,
        labels: int = 1,
        auto: Any = AutoModelForSequenceClassification,
        limit: int | None = LIMIT,
        templates: tuple[str, str] | None = None,
        **options: Any,
    ) -> str:
        """Save a bare transformer with random weights. Return its folder."""
        torch.manual_seed(1)
        specials, usual = TOKENIZERS[tokenizer]
        own = Tokenizer.from_str(self.tokenizers[tokenizer].to_str())
        single, pair = templates or usual
        named = [(token, own.token_to_id(token)) for token in specials.values()]
        own.post_processor = processors.TemplateProcessing(
            single=single, pair=pair, special_tokens=named
        )
        fast = PreTrainedTokenizerFast(
            tokenizer_object=own, **{**specials, "model_max_length": limit, **options}
        )
        config.vocab_size = len(fast)
        config.pad_token_id = fast.pad_token_id
        config.num_labels = labels
        model = auto.from_config(config)
        for name, weights in model.named_parameters():
            if name.startswith(("classifier", "score")) and weights.ndim > 1:
                torch.nn.init.normal_(weights, std=0.5)  # so that pairs differ
        model.save_pretrained(self.folder)
        fast.save_pretrained(self.folder)
        return str(self.folder)

    def loaded(self, *arguments: Any, **options: Any) -> CrossEncoder:
        """Save a transformer and load it as a cross-encoder."""
        return CrossEncoder(self.save(*arguments, **options), device="cpu")


def member(build: Build) -> Build:
    BUILDS[build.__name__] = build
    return build


@member
def bert(shop: Workshop) -> CrossEncoder:
    return shop.loaded(BertConfig(**SIZES), "wordpiece")


@member
def bare_bert(shop: Workshop) -> None:
    """Save only the files of transformers, as sentence-transformers did until version 5."""
    shop.save(BertConfig(**SIZES), "wordpiece")
    file = shop.folder / "config.json"
    tanh = {"sbert_ce_default_activation_function": "torch.nn.modules.activation.Tanh"}
    file.write_text(json.dumps(json.loads(file.read_text()) | tanh))


@member
def bert_with_three_labels(shop: Workshop) -> CrossEncoder:
    config = BertConfig(**SIZES)
    model = shop.loaded(config, "wordpiece", labels=3)
    model[0].model.config.id2label = {0: "contradiction", 1: "entailment", 2: "neutral"}
    return model


@member
def distilbert(shop: Workshop) -> CrossEncoder:
    config = DistilBertConfig(dim=DIM, n_layers=2, n_heads=2, hidden_dim=64, initializer_range=0.3)
    names = ["input_ids", "attention_mask"]
    return shop.loaded(config, "wordpiece", model_input_names=names)


@member
def electra(shop: Workshop) -> CrossEncoder:
    return shop.loaded(ElectraConfig(**SIZES, embedding_size=DIM), "wordpiece")


@member
def deberta_v2(shop: Workshop) -> CrossEncoder:
    relative = {"relative_attention": True, "position_buckets": 16, "pos_att_type": ["p2c", "c2p"]}
    config = DebertaV2Config(**SIZES, **relative, type_vocab_size=0, max_relative_positions=-1)
    return shop.loaded(config, "wordpiece")


@member
def roberta(shop: Workshop) -> CrossEncoder:
    """A model with 64 positions, which states two more."""
    config = RobertaConfig(**SIZES, max_position_embeddings=66)
    return shop.loaded(config, "byte_level_bpe", limit=None)


@member
def xlm_roberta(shop: Workshop) -> CrossEncoder:
    return shop.loaded(XLMRobertaConfig(**SIZES), "unigram")


@member
def mpnet(shop: Workshop) -> CrossEncoder:
    return shop.loaded(MPNetConfig(**SIZES), "byte_level_bpe", limit=37)


@member
def modernbert(shop: Workshop) -> CrossEncoder:
    specials = dict.fromkeys(["bos_token_id", "cls_token_id", "eos_token_id", "sep_token_id"], 0)
    config = ModernBertConfig(**SIZES, local_attention=16, pad_token_id=1, **specials)
    names = ["input_ids", "attention_mask"]
    return shop.loaded(config, "byte_level_bpe", limit=128, model_input_names=names)


@member
def qwen3(shop: Workshop) -> CrossEncoder:
    config = Qwen3Config(**SIZES, num_key_value_heads=2, head_dim=16)
    names = ["input_ids", "attention_mask"]
    options = {"templates": NO_TEMPLATE, "model_input_names": names}
    return shop.loaded(config, "byte_level_bpe", **options)


@member
def pooled(shop: Workshop) -> CrossEncoder:
    """A transformer, a pooling and a dense head."""
    folder = shop.save(BertConfig(**SIZES), "wordpiece", auto=AutoModel)
    torch.manual_seed(2)
    names = {"module_input_name": "sentence_embedding", "module_output_name": "scores"}
    head = st.Dense(DIM, 1, activation_function=torch.nn.Identity(), **names)
    modules = [st.Transformer(folder), st.Pooling(DIM, "mean"), head]
    return CrossEncoder(modules=modules, device="cpu")


@member
def left_truncation(shop: Workshop) -> CrossEncoder:
    return shop.loaded(BertConfig(**SIZES), "wordpiece", truncation_side="left")


@member
def prompts(shop: Workshop) -> CrossEncoder:
    folder = shop.save(BertConfig(**SIZES), "wordpiece")
    named = {"web": "search the web: ", "mail": "search mail: "}
    return CrossEncoder(folder, device="cpu", prompts=named, default_prompt_name="web")


@member
def language_model(shop: Workshop) -> CrossEncoder:
    """A decoder that answers yes or no, with a chat template."""
    config = Qwen3Config(**SIZES, num_key_value_heads=2, head_dim=16)
    names = ["input_ids", "attention_mask"]
    folder = shop.save(
        config,
        "byte_level_bpe",
        auto=AutoModelForCausalLM,
        limit=96,
        templates=NO_TEMPLATE,
        padding_side="left",
        model_input_names=names,
        chat_template=QUESTION,
    )
    transformer = st.Transformer(folder, transformer_task="text-generation")
    from sentence_transformers.cross_encoder.modules import LogitScore

    return CrossEncoder(modules=[transformer, LogitScore(20, 30)], device="cpu")


def build(name: str, folder: Path, tokenizers: Mapping[str, Tokenizer]) -> Path:
    """Build a model in `folder`. Return its folder."""
    shop = Workshop(folder / "transformer", tokenizers)
    model = BUILDS[name](shop)
    if model is None:
        return shop.folder
    model.save_pretrained(str(folder / "model"))
    return folder / "model"
