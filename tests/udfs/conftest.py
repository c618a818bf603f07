"""Fixtures: a model that can be computed by hand, demo pairs, and tokenizers trained on them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from semscore.jobs.demo import pairs as demo
from semscore.udfs.recipe import Kind, Prompt
from semscore.udfs.texts.encoder import Encoder

SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
VOCABULARY = 1500
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
JUST_48 = " ".join(["a"] * 46)  # tokens, with the two special ones
SENTENCES = [
    "the cat sat on the mat",
    "unbelievable words of considerable length are tokenised, aren't they?",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich",
    "漢字仮名交じり文を書く。日本語には空白がない。",
    "====================----------------***************aaaaaaaaaaaaaaaa",
    "0123456789 2024-05-06 3.14159 1000000 00000000",
    "🎉 party 👩‍👩‍👧 family 🙂🙂🙂",
]


@dataclass
class ModelFiles:
    """The files of a sentence-transformers model: a BERT with eight tokens, and pooling."""

    folder: Path
    words: tuple[str, ...] = (*SPECIAL, "some", "ordinary", "little", "words")

    def __post_init__(self) -> None:
        self.modules(("", "Transformer"), ("1_Pooling", "Pooling"))
        self.json("config.json", {"model_type": "bert", "max_position_embeddings": 512})
        self.json("config_sentence_transformers.json", {"prompts": {}})
        self.json("1_Pooling/config.json", {"pooling_mode": "mean"})
        self.json("tokenizer.json", self.tokenizer())
        self.weights("model.safetensors", {"weight": (6,)})

    def json(self, name: str, value: Any) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(json.dumps(value))

    def modules(self, *modules: tuple[str, str]) -> None:
        """Path and type of each; sentence-transformers' own by their class alone."""
        types = [t if "." in t else f"sentence_transformers.models.{t}" for _, t in modules]
        listed = [
            {"idx": n, "name": str(n), "path": path, "type": kind}
            for n, ((path, _), kind) in enumerate(zip(modules, types, strict=True))
        ]
        self.json("modules.json", listed)

    def weights(self, name: str, shapes: dict[str, tuple[int, ...]]) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        tensors = {key: np.zeros(shape, np.float32) for key, shape in shapes.items()}
        save_file(tensors, self.folder / name)

    def tokenizer(self, words: Sequence[str] | None = None) -> dict[str, Any]:
        """Return the content of a tokenizer.json."""
        words = self.words if words is None else words
        special = [word for word in words if word.startswith("[")]
        return {
            "model": {"type": "WordPiece", "vocab": {word: n for n, word in enumerate(words)}},
            "added_tokens": [
                {"id": words.index(word), "content": word, "special": True} for word in special
            ],
        }

    def remove(self, *names: str) -> None:
        for name in names:
            (self.folder / name).unlink()


@pytest.fixture
def files(tmp_path: Path) -> ModelFiles:
    return ModelFiles(tmp_path / "model")


@dataclass
class FakeInputs:
    texts: list[str]
    lengths: NDArray[np.int64]
    truncated: NDArray[np.bool_]
    refused: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass
class FakeBackend:
    """Three whole numbers for a text: characters, code points and first character, all + 1.

    A token is a character; beyond `limit` of them a text is cut. Fails on a batch that holds a
    text of `poison`, gives zeros for "zero" and NaN for "nan"; has no memory for more than `memory`
    padded tokens.
    """

    limit: int = 6
    default_prompt: str = "d:"
    poison: tuple[str, ...] = ()
    unreadable: str = ""  # a text with this in it is refused before it is embedded
    memory: int = 1 << 30
    device: str = "cpu"
    name: str = "fake"
    flat: bool = False
    kind: Kind = "bi-encoder"
    dim: int = 3
    token_budget: int = 2048
    stretch: float = 2.0
    max_texts: int | None = None
    batches: list[list[str]] = field(default_factory=list)  # in the order of calls, with prompts

    def prepare(self, texts: Sequence[str], asked: Prompt) -> FakeInputs:
        prompt = self.default_prompt if asked.text is None else asked.text
        prompted = [prompt + text for text in texts]
        full = np.array([len(text) for text in prompted], dtype=np.int64)
        cut = self.limit + len(prompt)
        refused = [bool(self.unreadable) and self.unreadable in text for text in texts]
        read = np.where(refused, 0, np.minimum(full, cut))
        places = np.flatnonzero(refused)
        return FakeInputs([text[:cut] for text in prompted], read, full > cut, places)

    def forward(
        self,
        inputs: FakeInputs,
        rows: NDArray[np.int64],
        prompt: Prompt,
    ) -> NDArray[np.float32]:
        batch = [inputs.texts[row] for row in rows]
        self.batches.append(batch)
        if len(batch) * max(map(len, batch)) > self.memory:
            raise RuntimeError("CUDA out of memory. Tried to allocate 1.00 GiB")
        for text in batch:
            if any(word in text for word in self.poison):
                raise RuntimeError(f"poisoned by {text!r}")
        return np.array([self.vector(text) for text in batch], dtype=np.float32)

    def widths(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        return lengths

    def vectors(self, n: int) -> NDArray[np.float32]:
        return np.zeros((n, self.dim), np.float32)

    def wait(self) -> None:
        pass

    def move(self, device: str) -> None:
        self.device = device

    @staticmethod
    def vector(text: str) -> list[float]:
        if "zero" in text:
            return [0, 0, 0]
        if "nan" in text:
            return [1, math.nan, 1]
        return [1 + len(text), 1 + sum(map(ord, text)) % 101, 1 + ord((text or "\0")[0]) % 53]


@pytest.fixture
def make_backend() -> type[FakeBackend]:
    return FakeBackend


@pytest.fixture
def make_encoder() -> Callable[..., Encoder]:
    """Make an encoder around a fake backend with the given fields."""

    def make(
        token_budget: int | None = None, batch_size: int | None = None, **fields: Any
    ) -> Encoder:
        return Encoder(FakeBackend(**fields), token_budget, batch_size)

    return make


@pytest.fixture(scope="session")
def demo_pairs() -> list[tuple[str | None, str | None]]:
    """100 pairs of docstrings, all graded ones and all odd ones."""
    stdlib = demo.stdlib_pairs()
    pairs = [*demo.evenly(stdlib, 100), *demo.graded_pairs(), *demo.odd_pairs(stdlib)]
    return [(pair.text1, pair.text2) for pair in pairs]


@pytest.fixture(scope="session")
def odd_texts(demo_pairs: list[tuple[str | None, str | None]]) -> list[str]:
    """About eighty different texts that have a score: graded and odd ones, short and long."""
    given = [text for pair in demo_pairs[240:] for text in pair if text and text.strip()]
    short = [text for text in dict.fromkeys(given) if len(text) < 300][::2]
    return [*short, " ".join(SENTENCES), "the cat sat, " * 300, "漢字" * 400, "\u200b", JUST_48]


@pytest.fixture(scope="session")
def corpus() -> list[str]:
    graded = [text for pair in demo.graded_pairs() for text in (pair.text1, pair.text2) if text]
    return [*graded, *SENTENCES * 5]


@pytest.fixture(scope="session")
def byte_level_bpe(corpus: list[str]) -> Tokenizer:
    """A tokenizer like RoBERTa's: bytes, no normalisation, <s> text </s>."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        show_progress=False,
        special_tokens=SPECIALS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return between_specials(tokenizer)


@pytest.fixture(scope="session")
def unigram(corpus: list[str]) -> Tokenizer:
    """A tokenizer like XLM-R's: normalised, words split by Metaspace, <s> text </s>."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCABULARY, show_progress=False, special_tokens=SPECIALS, unk_token="<unk>"
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return between_specials(tokenizer)


@pytest.fixture(scope="session")
def wordpiece(corpus: list[str]) -> Tokenizer:
    """A tokenizer like BERT's: lower case, accents stripped, [CLS] text [SEP]."""
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY, show_progress=False, special_tokens=specials
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return between_specials(tokenizer, "[CLS]", "[SEP]")


def between_specials(tokenizer: Tokenizer, first: str = "<s>", last: str = "</s>") -> Tokenizer:
    ids = [(name, tokenizer.token_to_id(name)) for name in (first, last)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=ids
    )
    return tokenizer
