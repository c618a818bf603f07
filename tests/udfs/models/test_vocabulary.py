"""A model without its tokenizer, or with half of one, is refused: transformers would invent one."""

from __future__ import annotations

from typing import Any

import pytest

from semscore.udfs.errors import ModelError
from semscore.udfs.models.fetch import check_model

WORDS = [f"word{number}" for number in range(40)]
NO_TOKENIZER = r"has no tokenizer: tokenizer\.json is missing"
LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 90868376\n"


@pytest.fixture
def bare(files: Any) -> Any:
    """The model without any file of a tokenizer."""
    files.remove("tokenizer.json")
    return files


def write(files: Any, name: str, content: str) -> None:
    (files.folder / name).write_text(content, "utf-8")


def test_a_model_without_a_tokenizer_is_refused(bare: Any) -> None:
    with pytest.raises(ModelError, match=NO_TOKENIZER):
        check_model(bare.folder)


def test_a_tokenizers_settings_are_not_its_vocabulary(bare: Any) -> None:
    bare.json("tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})
    bare.json("special_tokens_map.json", {"unk_token": "[UNK]"})
    bare.json("added_tokens.json", {"[MASK]": 4})
    with pytest.raises(ModelError, match=NO_TOKENIZER):
        check_model(bare.folder)


def test_a_bare_transformer_needs_its_tokenizer_too(bare: Any) -> None:
    bare.remove("modules.json")
    with pytest.raises(ModelError, match=NO_TOKENIZER):
        check_model(bare.folder)


@pytest.mark.parametrize(
    "files_of_old",
    [
        {"vocab.txt": "\n".join(WORDS)},
        {"vocab.json": str({w: n for n, w in enumerate(WORDS)}), "merges.txt": "a b\n" * 20},
        {"sentencepiece.bpe.model": "protobuf"},
        {"spiece.model": "protobuf"},
        {"tokenizer.model": "protobuf"},
        {"tekken.json": "{}"},
    ],
    ids=lambda names: next(iter(names)),
)
def test_older_files_of_tokenizers_are_accepted(bare: Any, files_of_old: dict[str, str]) -> None:
    for name, content in files_of_old.items():
        write(bare, name, content.replace("'", '"'))
    check_model(bare.folder)


def test_tokens_without_their_merges_are_refused(bare: Any) -> None:
    bare.json("vocab.json", {word: n for n, word in enumerate(WORDS)})
    with pytest.raises(ModelError, match=r"has vocab\.json but no merges\.txt"):
        check_model(bare.folder)
    write(bare, "merges.txt", "#version: 0.2\na b\n")
    with pytest.raises(ModelError, match=r"merges\.txt is missing: .* only 2 merges for 40 tokens"):
        check_model(bare.folder)


@pytest.mark.parametrize("name", ["spiece.model", "tokenizer.model"])
@pytest.mark.parametrize("content", ["", LFS_POINTER])
def test_an_empty_sentencepiece_model_is_refused(bare: Any, name: str, content: str) -> None:
    write(bare, name, content)
    with pytest.raises(ModelError, match=rf"{name} contains no tokens; fetch it again"):
        check_model(bare.folder)


@pytest.mark.parametrize(
    "settings", [{"tokenizer_class": "ByT5Tokenizer"}, {"tokenizer_class": "CanineTokenizer"}]
)
def test_a_tokenizer_of_bytes_has_no_vocabulary(bare: Any, settings: dict[str, str]) -> None:
    bare.json("tokenizer_config.json", settings)
    check_model(bare.folder)


@pytest.mark.parametrize("content", ["", "{", LFS_POINTER])
def test_a_broken_tokenizer_is_named(files: Any, content: str) -> None:
    write(files, "tokenizer.json", content)
    with pytest.raises(ModelError, match=r"tokenizer\.json is not valid JSON"):
        check_model(files.folder)


@pytest.mark.parametrize(
    "content",
    [{}, {"model": None}, {"model": {}}, {"model": {"vocab": {}}}, {"model": {"vocab": []}}],
)
def test_a_tokenizer_without_tokens_is_named(files: Any, content: Any) -> None:
    files.json("tokenizer.json", content)
    with pytest.raises(ModelError, match=r"tokenizer\.json lists no tokens"):
        check_model(files.folder)


def test_a_tokenizer_of_special_tokens_alone_is_refused(files: Any) -> None:
    invented = (
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
    )  # as transformers would
    files.json("tokenizer.json", files.tokenizer(invented))
    with pytest.raises(ModelError, match=r"complete vocabulary: .* 5 tokens, only 0 of which are"):
        check_model(files.folder)
    files.json("tokenizer.json", files.tokenizer((*invented, "a", "b", "c")))
    with pytest.raises(ModelError, match=r"lists 8 tokens, only 3 of which are not special"):
        check_model(files.folder)
    files.json("tokenizer.json", files.tokenizer((*invented, *"ACGT")))  # all that DNA needs
    check_model(files.folder)


def test_special_tokens_are_told_by_their_looks_where_no_flag_says_so(files: Any) -> None:
    vocabulary = [["<s>", 0], ["<pad>", 0], ["</s>", 0], ["<unk>", 0], ["\u2581", -2]]
    files.json("tokenizer.json", {"model": {"type": "Unigram", "vocab": vocabulary}})
    with pytest.raises(ModelError, match=r"lists 5 tokens, only 0 of which are not special"):
        check_model(files.folder)


def test_more_tokens_than_vectors_are_refused(files: Any) -> None:
    files.weights("model.safetensors", {"embeddings.word_embeddings.weight": (7, 3)})
    with pytest.raises(ModelError, match=r"has the ID 7, but the .* table has only 7 rows"):
        check_model(files.folder)
    files.weights("model.safetensors", {"embeddings.word_embeddings.weight": (8, 3)})
    check_model(files.folder)


def test_the_configuration_tells_how_many_vectors_there_are(files: Any) -> None:
    files.json("config.json", {"model_type": "bert", "vocab_size": 6})
    with pytest.raises(ModelError, match=r"belongs to another model: .* the ID 7, .* only 6 rows"):
        check_model(files.folder)


def test_an_added_token_beyond_the_vectors_is_refused(files: Any) -> None:
    files.json("config.json", {"model_type": "bert", "vocab_size": 8})
    check_model(files.folder)
    content = files.tokenizer()
    content["added_tokens"].append({"id": 8, "content": "<more>", "special": True})
    files.json("tokenizer.json", content)
    with pytest.raises(ModelError, match=r"the ID 8, .* only 8 rows"):
        check_model(files.folder)


def test_a_list_that_has_lost_its_end_is_refused(bare: Any) -> None:
    bare.json("config.json", {"model_type": "bert", "vocab_size": 30_522})
    write(bare, "vocab.txt", "\n".join(f"word{number}" for number in range(12_000)))
    with pytest.raises(ModelError, match=r"end of .* lists 12,000 tokens, .* 30,522 rows"):
        check_model(bare.folder)
    write(bare, "vocab.txt", "".join(f"word{number}\n" for number in range(30_500)))
    check_model(bare.folder)


def test_line_separators_inside_of_tokens_are_no_ends_of_lines(bare: Any) -> None:
    bare.json("config.json", {"model_type": "bert", "vocab_size": 5})
    write(bare, "vocab.txt", "a\u2028b\nc\x85d\ne\nf\ng\n")
    check_model(bare.folder)


# -- other modules ---------------------------------------------------------------------------------


def test_a_tokenizer_lies_in_the_folder_of_its_module(files: Any) -> None:
    files.modules(("0_Transformer", "Transformer"), ("1_Pooling", "Pooling"))
    files.json("0_Transformer/config.json", {"model_type": "bert"})
    files.weights("0_Transformer/model.safetensors", {"weight": (6,)})
    with pytest.raises(ModelError, match=f"0_Transformer {NO_TOKENIZER}"):
        check_model(files.folder)
    files.json("0_Transformer/tokenizer.json", files.tokenizer())
    check_model(files.folder)


def test_a_static_embedding_needs_its_tokenizer_and_a_vector_for_each_token(files: Any) -> None:
    files.modules(("0_Static", "StaticEmbedding"))
    files.weights("0_Static/model.safetensors", {"embedding.weight": (7, 3)})
    with pytest.raises(ModelError, match=f"0_Static {NO_TOKENIZER}"):
        check_model(files.folder)
    files.json("0_Static/tokenizer.json", files.tokenizer())
    with pytest.raises(ModelError, match=r"the ID 7, .* only 7 rows"):
        check_model(files.folder)
    shared = {"embeddings": (3, 3), "mapping": (8,)}  # tokens that share vectors
    files.weights("0_Static/model.safetensors", shared)
    check_model(files.folder)


@pytest.mark.parametrize("kind", ["Whitespace", "Phrase"])
def test_word_embeddings_have_word_lists_of_their_own(files: Any, kind: str) -> None:
    files.modules(("0_Words", "WordEmbeddings"), ("1_Pooling", "Pooling"))
    files.weights("0_Words/model.safetensors", {"emb_layer.weight": (40, 3)})
    tokenizer = f"sentence_transformers.models.tokenizer.{kind}Tokenizer"
    files.json("0_Words/wordembedding_config.json", {"tokenizer_class": tokenizer})
    name = f"{kind.lower()}tokenizer_config.json"
    with pytest.raises(ModelError, match=rf"0_Words has no tokenizer: {name} is missing"):
        check_model(files.folder)
    files.json(f"0_Words/{name}", {"vocab": [*WORDS, "one more"]})
    with pytest.raises(ModelError, match=r"the ID 40, .* only 40 rows"):
        check_model(files.folder)
    files.json(f"0_Words/{name}", {"vocab": WORDS})
    check_model(files.folder)


def test_word_embeddings_with_code_of_their_own_are_refused(files: Any) -> None:
    files.modules(("0_Words", "WordEmbeddings"), ("1_Pooling", "Pooling"))
    files.weights("0_Words/model.safetensors", {"emb_layer.weight": (40, 3)})
    files.json("0_Words/wordembedding_config.json", {"tokenizer_class": "mine.Tokenizer"})
    with pytest.raises(ModelError, match=r"needs its own code \(mine\.Tokenizer\)"):
        check_model(files.folder)
