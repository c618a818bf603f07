"""Checks that the vocabulary in a module's folder exists, is complete and fits the embedding table.

If files are missing, transformers does not fail, but creates a tokenizer that has only some special
tokens. Every word is then the unknown token, and all pairs of texts have the same score.
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

FEW = 4  # tokens besides special ones; a tokenizer that transformers creates has at most two
CUT = 0.9  # share of the embedding table's rows; a shorter list of tokens has lost its end
PADDING = 256  # rows by which tables exceed vocabularies to suit the hardware
SPECIAL = re.compile(r"\s*|▁|<.*>|\[.*\]|<.*>NOTUSED")  # what special tokens look like
FAST = "tokenizer.json"
READERS = ("CLIPModel", "Transformer")  # modules that use a tokenizer of transformers
WRAPPED = "TransformersTokenizerWrapper"
# Tokenizers for bytes and characters need no list of tokens.
LISTLESS = ("ByT5Tokenizer", "CanineTokenizer", "PerceiverTokenizer")
LISTLESS_TYPES = ("canine", "perceiver")
OTHER_LISTS = ("*.model", "*.spm", "*.tiktoken", "tekken.json", "vocab-*.json", "bpe_encoder.bin")
WORDS = {  # tokenizers for word embeddings, and the files in which they are saved
    "PhraseTokenizer": "phrasetokenizer_config.json",
    "WhitespaceTokenizer": "whitespacetokenizer_config.json",
}
TABLES = (  # suffixes of the names of embedding tables
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
STATIC_TABLES = ("mapping", "embedding.weight", "embeddings")  # the first that exists is used


@dataclass(frozen=True)
class Vocabulary:
    """The tokens that a tokenizer's files list."""

    path: Path  # of the file
    tokens: frozenset[str]
    size: int  # the highest id + 1
    special: frozenset[str] = frozenset()  # those that the file marks as special

    @property
    def ordinary(self) -> int:
        """Return the number of tokens that are not special, counted up to FEW."""
        return ordinary(self.tokens, self.special)


def ordinary(tokens: Iterable[str], special: Iterable[str]) -> int:
    """Return the number of tokens that stand for text, counted up to FEW."""
    excluded = set(special)
    plain = (token for token in tokens if token not in excluded and not SPECIAL.fullmatch(token))
    return sum(1 for _ in islice(plain, FEW))


def check_vocabulary(module: Module) -> None:
    """Raise ModelError, naming the file, if a module's tokenizer is incomplete."""
    vocabulary = read_vocabulary(module)
    if vocabulary is None:
        return
    if vocabulary.ordinary < FEW:
        raise ModelError(
            f"{vocabulary.path} is not a complete vocabulary: it lists {vocabulary.size:,} tokens, "
            f"only {vocabulary.ordinary} of which are not special; {AGAIN}"
        )
    rows = table_rows(module)
    if rows is None:
        return
    if vocabulary.size > rows:
        raise ModelError(
            f"{vocabulary.path} belongs to another model: its last token has the ID "
            f"{vocabulary.size - 1:,}, but the model's embedding table has only {rows:,} rows; "
            f"{AGAIN}"
        )
    cut_short = vocabulary.size < min(CUT * rows, rows - PADDING)
    if cut_short and vocabulary.path.suffix == ".txt":
        raise ModelError(
            f"the end of {vocabulary.path} is missing: it lists {vocabulary.size:,} tokens, but "
            f"the model's embedding table has {rows:,} rows; {AGAIN}"
        )


def read_vocabulary(module: Module) -> Vocabulary | None:
    """Return the vocabulary in a module's files.

    None if the module needs none, or if only its library can read the list. Raises ModelError if
    the list of tokens is missing.
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
    """Return the number of rows of a module's embedding table, or None if it is unknown.

    It comes from the weights, or else from the configuration.
    """
    if module.name == "StaticEmbedding":
        rows = [module.shapes[name][0] for name in STATIC_TABLES if name in module.shapes][:1]
    else:
        rows = [shape[0] for name, shape in module.shapes.items() if name.endswith(TABLES)]
    size = module.config.get("vocab_size")
    return max(rows, default=size if isinstance(size, int) else None)


def _of_transformer(module: Module) -> Vocabulary | None:
    """Read a vocabulary as transformers does: tokenizer.json, or the older files of a tokenizer."""
    folder = module.folder
    if module.reading.get("tokenizer_name_or_path"):
        return None  # the tokenizer is elsewhere
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
        f"{folder} has no tokenizer: {FAST} is missing, as are the older formats vocab.txt, "
        f"vocab.json with merges.txt, and *.model; {AGAIN}"
    )


def _from_json(path: Path) -> Vocabulary:
    """Read the vocabulary in a file of the tokenizers library."""
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
        raise ModelError(f"{path} is not a tokenizer's file; {AGAIN}") from error
    return Vocabulary(path, frozenset(ids), max(ids.values()) + 1, special)


def _from_lines(path: Path) -> Vocabulary:
    """Read a vocabulary with one token per line, as for BERT."""
    try:
        tokens = path.read_text("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ModelError(f"{path} is not a text file: {error}; fetch it again") from error
    return Vocabulary(path, frozenset(tokens), max(len(tokens), _added(path.parent)))


def _from_merges(folder: Path) -> Vocabulary:
    """Read a vocabulary with tokens and merges, as for RoBERTa."""
    path, merges = folder / "vocab.json", folder / "merges.txt"
    if not merges.is_file():
        raise ModelError(f"{folder} has vocab.json but no merges.txt; {AGAIN}")
    tokens = read_dict(path)
    count = sum(1 for line in merges.read_text("utf-8").splitlines() if line.strip())
    if count < len(tokens) // 2:
        raise ModelError(
            f"the end of {merges} is missing: it lists only {count:,} merges for {len(tokens):,} "
            f"tokens; {AGAIN}"
        )
    size = max((int(id_) + 1 for id_ in tokens.values()), default=0)
    return Vocabulary(path, frozenset(tokens), max(size, _added(folder)))


def _added(folder: Path) -> int:
    """Return the highest ID + 1 in the older file of added tokens."""
    ids = read_dict(folder / "added_tokens.json").values()
    return max((int(id_) + 1 for id_ in ids), default=0)


def _words(module: Module, kind: str) -> Vocabulary:
    """Read the word list of one of sentence-transformers' own tokenizers."""
    name = WORDS.get(kind.rpartition(".")[2])
    if name is None or not kind.startswith("sentence_transformers."):
        raise ModelError(
            f"{module.folder} needs its own code ({kind}), which is never run; use a model made of "
            "sentence-transformers' modules"
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
                f"{path} contains no tokens; fetch it again (with git, large files need git-lfs)"
            )
