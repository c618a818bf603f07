"""Options that mean nothing for a kind of model are refused, others are resolved."""

from __future__ import annotations

from typing import Any

import pytest

from semscore.udfs.errors import ModelError, RecipeError
from semscore.udfs.models.fitted import fitted, passages
from semscore.udfs.recipe import Recipe

NLI = {
    "model_type": "bert",
    "architectures": ["BertForSequenceClassification"],
    "id2label": {"0": "contradiction", "1": "entailment"},
}


@pytest.fixture
def bi_encoder(files: Any) -> Any:
    prompts = {"query": "q: ", "passage": "p: ", "clustering": "c: "}
    files.json("config_sentence_transformers.json", {"prompts": prompts})
    return files.folder


@pytest.fixture
def cross_encoder(files: Any) -> Any:
    files.remove("modules.json")
    files.json("config.json", NLI)
    return files.folder


@pytest.fixture
def late(files: Any) -> Any:
    files.json("config_sentence_transformers.json", {"model_type": "ColBERT"})
    return files.folder


def test_kind_and_label_are_resolved(bi_encoder: Any) -> None:
    assert fitted(Recipe(), bi_encoder) == Recipe(kind="bi-encoder", metric="cosine")


@pytest.mark.parametrize("label", ["entailment", "1", "ENTAILMENT"])
def test_a_label_has_the_name_that_the_model_gives_it(cross_encoder: Any, label: str) -> None:
    expected = Recipe(kind="cross-encoder", label="entailment")
    assert fitted(Recipe(label=label), cross_encoder) == expected


def test_a_prompt_for_both_texts_is_one_for_the_first_in_a_cross_encoder(
    cross_encoder: Any,
) -> None:
    asked = Recipe(label="1", prompt1="is it: ", prompt2="is it: ")
    assert fitted(asked, cross_encoder).prompts[1].text is None
    with pytest.raises(ModelError, match=r"Recipe.prompt2 cannot be used with .*: its prompt is"):
        fitted(Recipe(label="1", prompt2="is it: "), cross_encoder)


@pytest.mark.parametrize(
    ("folder", "options", "message"),
    [
        (
            "bi_encoder",
            {"label": "1"},
            "Recipe.label cannot be used with .*, a bi-encoder",
        ),
        (
            "cross_encoder",
            {"metric": "dot"},
            "Recipe.metric cannot be used with .*, a cross",
        ),
        # The value that is the default elsewhere means nothing either.
        (
            "cross_encoder",
            {"metric": "cosine"},
            "Recipe.metric cannot be used with .*, a cross",
        ),
        (
            "cross_encoder",
            {"truncate_dim": 8},
            "Recipe.truncate_dim cannot be used with .*: it has no vec",
        ),
        (
            "cross_encoder",
            {"role2": "query"},
            "Recipe.role2 cannot be used with .*: its prompt",
        ),
        ("late", {"metric": "dot"}, "Recipe.metric cannot be used with .*: it compares tokens"),
        (
            "late",
            {"role1": "document"},
            "Recipe.role1 cannot be used with .*: the first",
        ),
        (
            "late",
            {"max_seq_length": 4},
            "Recipe.max_seq_length cannot be used with .*: it has",
        ),
        (
            "late",
            {"truncate_dim": 4},
            "Recipe.truncate_dim cannot be used with .*, a late",
        ),
    ],
)
def test_an_option_that_means_nothing_is_refused_by_name(
    request: pytest.FixtureRequest, folder: str, options: Any, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        fitted(Recipe(**options), request.getfixturevalue(folder))


@pytest.mark.parametrize("role", ["query", "document", "passage", "clustering"])
def test_a_role_is_one_of_sentence_transformers_or_a_prompt_of_the_model(
    bi_encoder: Any, role: str
) -> None:
    assert fitted(Recipe(role1=role), bi_encoder).role1 == role


def test_a_wrong_role_names_the_right_ones(bi_encoder: Any) -> None:
    with pytest.raises(
        ModelError, match=r"role 'pasage' is not .*: query, document, passage, clus"
    ):
        fitted(Recipe(role2="pasage"), bi_encoder)


def test_a_role_and_a_prompt_exclude_each_other() -> None:
    with pytest.raises(
        RecipeError, match=r"Recipe\.role1 'query' and Recipe\.prompt1 'q: ' exclude each other"
    ):
        Recipe(role1="query", prompt1="q: ")


def test_a_document_without_a_prompt_in_a_model_with_passages_is_warned_about(
    bi_encoder: Any,
) -> None:
    assert passages(Recipe(role2="document"), bi_encoder) == (
        "the model has a prompt for passages but none for documents, so the role document puts no "
        "prompt before texts; the role passage uses the model's prompt"
    )
    assert passages(Recipe(role2="passage"), bi_encoder) is None
