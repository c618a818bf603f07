"""The vocabulary in a module's folder: there, whole, and no larger than its embedding table.

Without its files transformers does not refuse a tokenizer but makes one up, of some special tokens:
every word is then the unknown token, and any two texts score alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from semscore.udfs.errors import ModelError
from semscore.udfs.models.complete import AGAIN
from semscore.udfs.models.layout import Module, read_dict

FEW = 4  # tokens beside the special ones; what transformers makes up has two at most
CUT = 0.9  # of the embedding table's rows: a list of tokens that fills less has lost its end
PADDING = 256  # rows by which tables exceed vocabularies, so that they suit the hardware
SPECIAL = re.compile(r"\s*|▁|<.*>|\[.*\]|<.*>NOTUSED")  # what special tokens look like
FAST = "tokenizer.json"
READERS = ("CLIPModel", "Transformer")  # modules whose tokenizer is one of transformers'
WRAPPED = "TransformersTokenizerWrapper"
# Tokenizers of bytes and characters need no list of tokens.
LISTLESS = ("ByT5Tokenizer", "CanineTokenizer", "PerceiverTokenizer")
LISTLESS_TYPES = ("canine", "perceiver")
OTHER_LISTS = ("*.model", "*.spm", "*.tiktoken", "tekken.json", "vocab-*.json", "bpe_encoder.bin")
WORDS = {  # word embeddings' own tokenizers, and the files that they are kept in
    "PhraseTokenizer": "phrasetokenizer_config.json",
    "WhitespaceTokenizer": "whitespacetokenizer_config.json",
}
TABLES = (  # ends of the names of embedding tables
    "embed_in.weight",
    "embed_tokens.weight",
    "emb_layer.weight",
    "shared.weight",
    "tok_embeddings.weight",
    "token_embedding.weight",
    "tokens_embed.weight",
    "word_embedding.weight",
    "word_embeddings.weight",
    "wte.weight",
)
STATIC_TABLES = ("mapping", "embedding.weight", "embeddings")  # the first that is there


@dataclass(frozen=True)
class Vocabulary:
    """The tokens that a tokenizer's files list."""

    path: Path  # of the file
    tokens: frozenset[str]
    size: int  # the highest id + 1
    special: frozenset[str] = frozenset()  # those that the file calls special

    @property
    def ordinary(self) -> int:
        """How many tokens are not special, counted up to FEW."""
        return ordinary(self.tokens, self.special)


def ordinary(tokens: Iterable[str], special: Iterable[str]) -> int:
    """How many of some tokens stand for text, counted up to FEW."""
    left = set(special)
    found = (token for token in tokens if token not in left and not SPECIAL.fullmatch(token))
    return sum(1 for _ in islice(found, FEW))


def check_vocabulary(module: Module) -> None:
    """Raise ModelError, naming the file, if a module's tokenizer is not all there."""
    vocabulary = read_vocabulary(module)
    if vocabulary is None:
        return
    if vocabulary.ordinary < FEW:
        raise ModelError(
            f"{vocabulary.path} lists {vocabulary.size:,} tokens, of which {vocabulary.ordinary} "
            f"are not special: it is not a whole vocabulary; {AGAIN}"
        )
    rows = table_rows(module)
    if rows is None:
        return
    if vocabulary.size > rows:
        raise ModelError(
            f"{vocabulary.path} goes to token {vocabulary.size - 1:,}, and the model's embedding "
            f"table has {rows:,} rows: the tokenizer belongs to another model; {AGAIN}"
        )
    cut_short = vocabulary.size < min(CUT * rows, rows - PADDING)
    if cut_short and vocabulary.path.suffix == ".txt":
        raise ModelError(
            f"{vocabulary.path} lists {vocabulary.size:,} tokens, and the model's embedding table "
            f"has {rows:,} rows: the end of the file is missing; {AGAIN}"
        )


def read_vocabulary(module: Module) -> Vocabulary | None:
    """The vocabulary that a module's files list; None for a module that needs none, or one whose
    list only its library can read.

    Raises ModelError if there is no list of tokens.
    """
    if module.name == "StaticEmbedding":
        if not (module.folder / FAST).is_file():
            raise ModelError(f"{module.folder} has no tokenizer: {FAST} is missing; {AGAIN}")
        return _from_json(module.folder / FAST)
    if module.name == "WordEmbeddings":
        kind = str(read_dict(module.folder / "wordembedding_config.json").get("tokenizer_class"))
        if not kind.endswith(WRAPPED):
            return _words(module, kind)
    elif module.name not in READERS:
        return None
    return _of_transformer(module)


def table_rows(module: Module) -> int | None:
    """Rows of a module's embedding table, by its weights or its configuration; None: unknown."""
    if module.name == "StaticEmbedding":
        found = [module.shapes[name][0] for name in STATIC_TABLES if name in module.shapes][:1]
    else:
        found = [shape[0] for name, shape in module.shapes.items() if name.endswith(TABLES)]
    size = module.config.get("vocab_size")
    return max(found, default=size if isinstance(size, int) else None)


def _of_transformer(module: Module) -> Vocabulary | None:
    """As transformers finds it: tokenizer.json, or the older files of one kind of tokenizer."""
    folder = module.folder
    if module.reading.get("tokenizer_name_or_path"):
        return None  # it is elsewhere
    fast = [FAST, *module.tokenizer_config.get("fast_tokenizer_files", ())]
    for name in fast:
        if (folder / name).is_file():
            return _from_json(folder / name)
    if any(any(folder.glob(name)) for name in OTHER_LISTS):
        _refuse_empty(path for name in OTHER_LISTS for path in folder.glob(name))
        return None
    if (folder / "vocab.txt").is_file():
        return _from_lines(folder / "vocab.txt")
    if (folder / "vocab.json").is_file():
        return _from_merges(folder)
    listless = module.tokenizer_config.get("tokenizer_class") in LISTLESS
    if listless or module.config.get("model_type") in LISTLESS_TYPES:
        return None
    raise ModelError(
        f"{folder} has no tokenizer: {FAST} is missing, and so are the older vocab.txt, vocab.json "
        f"with merges.txt, and *.model; {AGAIN}"
    )


def _from_json(path: Path) -> Vocabulary:
    """What a file of the tokenizers library lists."""
    content = read_dict(path)
    model = content.get("model")
    listed = model.get("vocab") if isinstance(model, dict) else None
    if not listed or not isinstance(listed, dict | list):
        raise ModelError(f"{path} lists no tokens; {AGAIN}")
    try:
        if isinstance(listed, dict):
            ids = {str(token): int(id_) for token, id_ in listed.items()}
        else:
            ids = {str(entry[0]): place for place, entry in enumerate(listed)}
        added = content.get("added_tokens") or []
        ids |= {str(token["content"]): int(token["id"]) for token in added}
        special = frozenset(str(token["content"]) for token in added if token.get("special"))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ModelError(f"{path} is not the file of a tokenizer; {AGAIN}") from error
    return Vocabulary(path, frozenset(ids), max(ids.values()) + 1, special)


def _from_lines(path: Path) -> Vocabulary:
    """One token a line, as BERT's."""
    try:
        tokens = path.read_text("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ModelError(f"{path} is not text: {error}; fetch it again") from error
    return Vocabulary(path, frozenset(tokens), max(len(tokens), _added(path.parent)))


def _from_merges(folder: Path) -> Vocabulary:
    """Tokens and the merges that lead to them, as RoBERTa's."""
    path, merges = folder / "vocab.json", folder / "merges.txt"
    if not merges.is_file():
        raise ModelError(f"{folder} has vocab.json and no merges.txt beside it; {AGAIN}")
    tokens = read_dict(path)
    found = sum(1 for line in merges.read_text("utf-8").splitlines() if line.strip())
    if found < len(tokens) // 2:
        raise ModelError(
            f"{merges} lists {found:,} merges for {len(tokens):,} tokens: the end of the file is "
            f"missing; {AGAIN}"
        )
    size = max((int(id_) + 1 for id_ in tokens.values()), default=0)
    return Vocabulary(path, frozenset(tokens), max(size, _added(folder)))


def _added(folder: Path) -> int:
    """The highest id + 1 in the older list of added tokens."""
    ids = read_dict(folder / "added_tokens.json").values()
    return max((int(id_) + 1 for id_ in ids), default=0)


def _words(module: Module, kind: str) -> Vocabulary:
    """The word list of a tokenizer of sentence-transformers' own."""
    name = WORDS.get(kind.rpartition(".")[2])
    if name is None or not kind.startswith("sentence_transformers."):
        raise ModelError(
            f"{module.folder} needs code of its own ({kind}), which is never run; use a model made "
            "of sentence-transformers' modules"
        )
    path = module.folder / name
    if not path.is_file():
        raise ModelError(f"{module.folder} has no tokenizer: {name} is missing; {AGAIN}")
    listed = read_dict(path).get("vocab")
    words = listed if isinstance(listed, list) else []
    return Vocabulary(path, frozenset(map(str, words)), len(words))


def _refuse_empty(paths: Iterable[Path]) -> None:
    for path in paths:
        with path.open("rb") as file:
            start = file.read(100)
        if not start or start.startswith(b"version https://git-lfs"):
            raise ModelError(
                f"{path} holds no tokens; fetch it again (with git, large files need git-lfs)"
            )
