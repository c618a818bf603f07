"""Labels and activation of a cross-encoder, as CrossEncoder.predict finds them."""

from __future__ import annotations

from typing import Any

import pytest

from semscore.udfs.errors import ModelError
from semscore.udfs.models.pair_head import PairHead, pair_head

CLASSIFIER = {"model_type": "bert", "architectures": ["BertForSequenceClassification"]}
NLI = {"0": "contradiction", "1": "entailment", "10": "neutral"}
SIGMOID = "torch.nn.modules.activation.Sigmoid"
TANH = "torch.nn.modules.activation.Tanh"


def head_of(files: Any, saved: dict[str, Any] | None = None, **config: Any) -> PairHead:
    files.json("config.json", CLASSIFIER | config)
    if saved is None:
        files.remove("modules.json")
    else:
        files.modules(("", "Transformer"))
        saved = {"model_type": "CrossEncoder", **saved}
        files.json("config_sentence_transformers.json", saved)
    return pair_head(files.folder)


@pytest.mark.parametrize(
    ("config", "labels"),
    [
        ({}, ("LABEL_0", "LABEL_1")),
        ({"num_labels": 1}, ("LABEL_0",)),
        ({"id2label": {"0": "LABEL_0"}}, ("LABEL_0",)),
        ({"id2label": NLI}, ("contradiction", "entailment", "neutral")),
        ({"architectures": ["BertModel"]}, ("score",)),
    ],
)
def test_the_labels_are_those_of_the_configuration(
    files: Any, config: Any, labels: tuple[str, ...]
) -> None:
    assert head_of(files, **config).labels == labels


def test_the_labels_of_a_dense_head_are_its_outputs(files: Any) -> None:
    files.json("config.json", CLASSIFIER | {"architectures": ["BertModel"]})
    files.json("config_sentence_transformers.json", {"model_type": "CrossEncoder"})
    files.json("2_Dense/config.json", {"module_output_name": "scores", "out_features": 3})
    files.modules(("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense"))
    assert pair_head(files.folder).labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    files.modules(
        ("", "Transformer"), ("2_Score", "sentence_transformers.cross_encoder.modules.LogitScore")
    )
    assert pair_head(files.folder).labels == ("score",)


ONE = {"id2label": {"0": "LABEL_0"}}


@pytest.mark.parametrize(
    ("saved", "config", "activation"),
    [
        (None, ONE, "Sigmoid"),
        (None, {}, "Identity"),
        (None, ONE | {"sbert_ce_default_activation_function": TANH}, "Tanh"),
        (None, ONE | {"sentence_transformers": {"activation_fn": TANH}}, "Tanh"),
        (
            None,
            ONE
            | {"sentence_transformers": {"activation_fn": TANH}}
            | {"sbert_ce_default_activation_function": SIGMOID},
            "Tanh",
        ),
        ({"activation_fn": "torch.nn.modules.linear.Identity"}, ONE, "Identity"),
        ({"activation_fn": TANH}, {"sbert_ce_default_activation_function": SIGMOID}, "Tanh"),
        ({"activation_fn": "my.own.Function"}, ONE, "Sigmoid"),
        ({"activation_fn": None}, ONE, "Sigmoid"),
    ],
)
def test_the_activation_is_the_first_that_is_named(
    files: Any, saved: Any, config: Any, activation: str
) -> None:
    assert head_of(files, saved, **config).activation == activation


@pytest.mark.parametrize(
    "path", ["torch.seed", "torch.hub.load", "torch.nn.modules.activation.Softmax", "torch.nn.GELU"]
)
def test_what_is_no_known_activation_is_never_called(files: Any, path: str) -> None:
    with pytest.raises(ModelError, match=f"names '{path}' as the activation of its scores, which"):
        head_of(files, {"activation_fn": path}, **ONE)


def test_labels_with_the_same_name_are_told_apart_by_number(files: Any) -> None:
    head = head_of(files, None, id2label={"0": "a", "1": "b", "2": "a"})
    assert head.labels == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_a_label_is_found_by_name_and_by_index() -> None:
    head = PairHead(("contradiction", "entailment", "neutral"), "Identity")
    assert [head.index(label) for label in ("entailment", "Entailment", "2")] == [1, 1, 2]
    assert PairHead(("score",), "Sigmoid").index(None) == 0


@pytest.mark.parametrize(
    ("labels", "label", "message"),
    [
        (
            ("a", "b"),
            None,
            r"has 2 labels \(0 'a', 1 'b'\); use Recipe.label to name the",
        ),
        (("entails", "b"), "entail", r"is not one of the model's labels: .*mean 'entails'\?\)"),
        (("a", "b"), "2", r"Recipe.label '2' is not one of the model's labels: 0 'a', 1 'b'"),
        (("a",), "a", "Recipe.label 'a' cannot be used, because the model has only one label"),
    ],
)
def test_a_label_that_is_missing_or_wrong_names_the_right_ones(
    labels: tuple[str, ...], label: str | None, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        PairHead(labels, "Identity").index(label)
