"""Fixtures with small models of many kinds, random weights, saved by sentence-transformers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules as st
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModel,
    BertConfig,
    DistilBertConfig,
    LlamaConfig,
    ModernBertConfig,
    MPNetConfig,
    Phi3Config,
    PreTrainedTokenizerFast,
    RobertaConfig,
    T5Config,
    XLMRobertaConfig,
)

DIM = 32
LIMIT = 48  # tokens, unless a model says otherwise
SIZES: dict[str, Any] = {
    "hidden_size": DIM,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "initializer_range": 0.5,  # so large that all texts differ
}
ORIGINALLY = "original_max_position_embeddings"
WORDS = ("the", "cat", "sat", "on", "a", "mat", "with", "words", "and", "towns")
BERT = {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "pad_token": "[PAD]"}
ROBERTA = {"cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}

Build = Callable[["Zoo"], SentenceTransformer | None]
BUILDS: dict[str, Build] = {}


def member(build: Build) -> Build:
    BUILDS[build.__name__] = build
    return build


class Zoo:
    """The folder where a model is built, and its tokenizers."""

    def __init__(self, folder: Path, tokenizers: dict[str, Tokenizer]) -> None:
        self.folder = folder
        self.tokenizers = tokenizers

    def transformer(
        self,
        config: Any,
        tokenizer: str,
        limit: int | None = LIMIT,
        added: Sequence[AddedToken] = (),
        **options: Any,
    ) -> st.Transformer:
        """Make a transformer with random weights, and load it from its own folder."""
        torch.manual_seed(1)
        specials = BERT if tokenizer == "wordpiece" else ROBERTA
        fast = PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer.from_str(self.tokenizers[tokenizer].to_str()),
            **{**specials, "model_max_length": limit, **options},
        )
        fast.add_tokens(list(added))
        config.vocab_size = len(fast)
        config.pad_token_id = fast.pad_token_id
        AutoModel.from_config(config).save_pretrained(self.folder)
        fast.save_pretrained(self.folder)
        return st.Transformer(str(self.folder))


def assembled(*modules: torch.nn.Module, **options: Any) -> SentenceTransformer:
    return SentenceTransformer(modules=list(modules), device="cpu", **options)


@member
def distilbert_with_dense(zoo: Zoo) -> SentenceTransformer:
    config = DistilBertConfig(dim=DIM, n_layers=2, n_heads=2, hidden_dim=64, initializer_range=0.5)
    names = ["input_ids", "attention_mask"]
    transformer = zoo.transformer(config, "wordpiece", model_input_names=names)
    dense = st.Dense(DIM, 24, activation_function=torch.nn.Tanh())
    return assembled(transformer, st.Pooling(DIM, "mean"), dense)


@member
def bert_with_cls(zoo: Zoo) -> SentenceTransformer:
    transformer = zoo.transformer(BertConfig(**SIZES), "wordpiece")
    return assembled(transformer, st.Pooling(DIM, "cls"), st.Normalize())


@member
def bert_with_many_poolings(zoo: Zoo) -> SentenceTransformer:
    transformer = zoo.transformer(BertConfig(**SIZES), "wordpiece")
    modes = ("max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
    return assembled(transformer, st.Pooling(DIM, modes))


@member
def roberta(zoo: Zoo) -> SentenceTransformer:
    config = RobertaConfig(**SIZES, max_position_embeddings=66)
    return assembled(zoo.transformer(config, "byte_level_bpe"), st.Pooling(DIM))


@member
def roberta_with_its_own_limit(zoo: Zoo) -> SentenceTransformer:
    config = RobertaConfig(**SIZES, max_position_embeddings=514)
    return assembled(zoo.transformer(config, "byte_level_bpe", limit=512), st.Pooling(DIM))


@member
def roberta_without_a_limit(zoo: Zoo) -> SentenceTransformer:
    """Make a model with 64 positions, which its configuration does not mention."""
    config = RobertaConfig(**SIZES, max_position_embeddings=66)
    return assembled(zoo.transformer(config, "byte_level_bpe", limit=None), st.Pooling(DIM))


@member
def split_special_tokens(zoo: Zoo) -> SentenceTransformer:
    transformer = zoo.transformer(BertConfig(**SIZES), "wordpiece", split_special_tokens=True)
    return assembled(transformer, st.Pooling(DIM))


@member
def flagged_tokens(zoo: Zoo) -> SentenceTransformer:
    added = [
        AddedToken("<Left>", lstrip=True, normalized=False),
        AddedToken("<Right>", rstrip=True, normalized=True),
        AddedToken("<Word>", single_word=True, special=True),
    ]
    config = RobertaConfig(**SIZES, max_position_embeddings=66)
    return assembled(zoo.transformer(config, "byte_level_bpe", added=added), st.Pooling(DIM))


@member
def no_unknown_token(zoo: Zoo) -> SentenceTransformer:
    """Make a model for proteins, whose tokenizer refuses other letters."""
    letters = [(letter, -3.0 - n / 10) for n, letter in enumerate("ACDEFGHIKLMNPQRSTVWY")]
    vocabulary = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("\u2581", -2.0), *letters]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=None))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    zoo.tokenizers["proteins"] = tokenizer
    transformer = zoo.transformer(BertConfig(**SIZES), "proteins", unk_token=None, mask_token=None)
    return assembled(transformer, st.Pooling(DIM))


@member
def xlm_roberta(zoo: Zoo) -> SentenceTransformer:
    return assembled(zoo.transformer(XLMRobertaConfig(**SIZES), "unigram"), st.Pooling(DIM))


@member
def mpnet(zoo: Zoo) -> SentenceTransformer:
    return assembled(zoo.transformer(MPNetConfig(**SIZES), "byte_level_bpe"), st.Pooling(DIM))


@member
def modernbert(zoo: Zoo) -> SentenceTransformer:
    specials = dict.fromkeys(["bos_token_id", "cls_token_id", "eos_token_id", "sep_token_id"], 0)
    config = ModernBertConfig(**SIZES, local_attention=16, pad_token_id=1, **specials)
    return assembled(zoo.transformer(config, "byte_level_bpe", limit=256), st.Pooling(DIM))


@member
def t5_without_a_limit(zoo: Zoo) -> SentenceTransformer:
    config = T5Config(d_model=DIM, d_kv=16, d_ff=64, num_layers=2, num_heads=2)
    transformer = zoo.transformer(config, "unigram", limit=None)
    return assembled(transformer, st.Pooling(DIM))


@member
def decoder_with_left_padding(zoo: Zoo) -> SentenceTransformer:
    config = LlamaConfig(**SIZES, num_key_value_heads=2)
    transformer = zoo.transformer(config, "byte_level_bpe", padding_side="left")
    return assembled(transformer, st.Pooling(DIM, "lasttoken"))


@member
def longrope(zoo: Zoo) -> SentenceTransformer:
    """Texts of more than 20 tokens, and all beside them, are read by other frequencies."""
    factors = {"short_factor": [1.0] * 8, "long_factor": [4.0] * 8}
    rope = {"rope_type": "longrope", "rope_theta": 1e4, ORIGINALLY: 20, **factors}
    config = Phi3Config(
        **SIZES, num_key_value_heads=2, rope_parameters=rope, original_max_position_embeddings=20
    )
    return assembled(zoo.transformer(config, "byte_level_bpe"), st.Pooling(DIM))


@member
def dynamic_rope(zoo: Zoo) -> None:
    """Frequencies are those of the longest text so far, from 20 tokens on."""
    rope = {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 4.0}
    config = LlamaConfig(
        **SIZES, num_key_value_heads=2, max_position_embeddings=20, rope_parameters=rope
    )
    model = assembled(zoo.transformer(config, "byte_level_bpe"), st.Pooling(DIM))
    model.save_pretrained(str(zoo.folder), create_model_card=False)
    file = zoo.folder / "sentence_bert_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"max_seq_length": LIMIT}))


@member
def left_truncation(zoo: Zoo) -> SentenceTransformer:
    transformer = zoo.transformer(BertConfig(**SIZES), "wordpiece", truncation_side="left")
    return assembled(transformer, st.Pooling(DIM))


@member
def processing_of_its_own(zoo: Zoo) -> SentenceTransformer:
    config = T5Config(d_model=DIM, d_kv=16, d_ff=64, num_layers=2, num_heads=2)
    transformer = zoo.transformer(config, "unigram", limit=2500)
    transformer.processing_kwargs = {"text": {"max_length": 1500, "add_special_tokens": False}}
    return assembled(transformer, st.Pooling(DIM))


@member
def limit_of_its_own(zoo: Zoo) -> SentenceTransformer:
    transformer = zoo.transformer(BertConfig(**SIZES), "wordpiece", limit=100)
    transformer.processing_kwargs = {"text": {"max_length": 30}}
    return assembled(transformer, st.Pooling(DIM))


@member
def prompts(zoo: Zoo) -> SentenceTransformer:
    transformer = zoo.transformer(BertConfig(**SIZES), "wordpiece")
    options = {"prompts": {"query": "the query: ", "document": "words: "}}
    return assembled(transformer, st.Pooling(DIM), default_prompt_name="document", **options)


@member
def prompts_left_out_of_the_pooling(zoo: Zoo) -> SentenceTransformer:
    transformer = zoo.transformer(BertConfig(**SIZES), "wordpiece")
    pooling = st.Pooling(DIM, ("mean", "weightedmean"), include_prompt=False)
    return assembled(
        transformer, pooling, prompts={"query": "the query: "}, default_prompt_name="query"
    )


@member
def prompts_left_out_with_left_padding(zoo: Zoo) -> SentenceTransformer:
    config = LlamaConfig(**SIZES, num_key_value_heads=2)
    transformer = zoo.transformer(config, "byte_level_bpe", padding_side="left")
    return assembled(transformer, st.Pooling(DIM, "mean", include_prompt=False))


@member
def truncated_dimensions(zoo: Zoo) -> SentenceTransformer:
    transformer = zoo.transformer(BertConfig(**SIZES), "wordpiece")
    return assembled(transformer, st.Pooling(DIM), truncate_dim=12)


@member
def static_embedding(zoo: Zoo) -> SentenceTransformer:
    torch.manual_seed(1)
    tokenizer = Tokenizer.from_str(zoo.tokenizers["wordpiece"].to_str())
    return assembled(st.StaticEmbedding(tokenizer, embedding_dim=DIM))


@member
def static_embedding_that_cuts(zoo: Zoo) -> SentenceTransformer:
    torch.manual_seed(1)
    tokenizer = Tokenizer.from_str(zoo.tokenizers["wordpiece"].to_str())
    tokenizer.enable_truncation(20)
    tokenizer.enable_padding(length=30)
    return assembled(st.StaticEmbedding(tokenizer, embedding_dim=DIM))


@member
def word_embeddings(zoo: Zoo) -> SentenceTransformer:
    torch.manual_seed(1)
    words = [
        "PADDING_TOKEN",
        *["the", "cat", "sat", "on", "a", "mat", "with", "words", "and", "towns"],
    ]
    tokenizer = st.tokenizer.WhitespaceTokenizer(words, stop_words=())
    module = st.WordEmbeddings(tokenizer, torch.randn(len(words), DIM), max_seq_length=5)
    return assembled(module, st.Pooling(DIM))


@member
def router(zoo: Zoo) -> SentenceTransformer:
    transformer = zoo.transformer(BertConfig(**SIZES), "wordpiece")
    query = [st.StaticEmbedding(transformer.tokenizer, embedding_dim=DIM)]
    routes = {"query": query, "document": [transformer, st.Pooling(DIM)]}
    return assembled(st.Router(routes, default_route="document"))


@member
def router_behind_the_pooling(zoo: Zoo) -> SentenceTransformer:
    transformer = zoo.transformer(BertConfig(**SIZES), "wordpiece")
    routes = {role: [st.Dense(DIM, DIM)] for role in ("query", "document")}
    router = st.Router(routes, default_route="document")
    return assembled(transformer, st.Pooling(DIM), router)


@member
def bare_transformer(zoo: Zoo) -> None:
    """Save only the files of transformers, not those of sentence-transformers."""
    zoo.transformer(BertConfig(**SIZES), "wordpiece")


@member
def layout_of_old(zoo: Zoo) -> None:
    """Make a model like those of 2020, with limit and lower case in sentence_bert_config.json."""
    zoo.transformer(BertConfig(**SIZES), "wordpiece", limit=None)
    kind = "sentence_transformers.models"
    parts = [("", f"{kind}.Transformer"), ("1_Pooling", f"{kind}.Pooling")]
    files: dict[str, Any] = {
        "modules.json": [
            {"idx": index, "name": str(index), "path": path, "type": kind}
            for index, (path, kind) in enumerate(parts)
        ],
        "sentence_bert_config.json": {"max_seq_length": 20, "do_lower_case": True},
        "1_Pooling/config.json": {
            "word_embedding_dimension": DIM,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": True,
        },
    }
    for name, content in files.items():
        (zoo.folder / name).parent.mkdir(exist_ok=True)
        (zoo.folder / name).write_text(json.dumps(content))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Use one thread, as in a Spark task. Several threads on busy cores are many times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def zoo(
    tmp_path_factory: pytest.TempPathFactory,
    wordpiece: Tokenizer,
    byte_level_bpe: Tokenizer,
    unigram: Tokenizer,
) -> Callable[[str], Path]:
    """Return the folder of a model by its name. Models are made when first used."""
    tokenizers = {"wordpiece": wordpiece, "byte_level_bpe": byte_level_bpe, "unigram": unigram}
    made: dict[str, Path] = {}

    def folder_of(name: str) -> Path:
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name) / "model"
            workshop = Zoo(made[name].with_name("transformer"), tokenizers)
            model = BUILDS[name](workshop)
            if model is None:
                shutil.move(workshop.folder, made[name])
            else:
                model.save_pretrained(str(made[name]), create_model_card=False)
        return made[name]

    return folder_of
