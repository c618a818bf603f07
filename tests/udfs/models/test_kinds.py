"""The kind of a model, whatever its folder looks like; what scores no pairs is refused."""

from __future__ import annotations

from typing import Any

import pytest

from semscore.udfs.errors import ModelError
from semscore.udfs.models.fetch import check_model
from semscore.udfs.models.kinds import model_kind

PYLATE = "pylate.models.Dense.Dense"
BERT = {"model_type": "bert"}


def dense(files: Any, path: str) -> None:
    files.json(f"{path}/config.json", {"in_features": 6, "out_features": 3})
    files.weights(f"{path}/model.safetensors", {"linear.weight": (3, 6)})


def listed(files: Any, saved_as: str | None, *modules: tuple[str, str]) -> None:
    if saved_as:
        files.json("config_sentence_transformers.json", {"model_type": saved_as})
    if modules:
        files.modules(*modules)


def bare(files: Any, *architectures: str) -> None:
    files.remove("modules.json")
    files.json("config.json", BERT | {"architectures": list(architectures)})


@pytest.mark.parametrize(
    ("saved_as", "kind"),
    [
        (None, "bi-encoder"),
        ("SentenceTransformer", "bi-encoder"),
        ("CrossEncoder", "cross-encoder"),
        ("MultiVectorEncoder", "late-interaction"),
        ("ColBERT", "late-interaction"),
    ],
)
def test_a_saved_model_is_of_the_kind_that_its_configuration_names(
    files: Any, saved_as: str | None, kind: str
) -> None:
    listed(files, saved_as)
    assert model_kind(files.folder) == kind


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [
        (None, "bi-encoder"),
        ("BertModel", "bi-encoder"),
        ("BertForMaskedLM", "bi-encoder"),
        ("BertForSequenceClassification", "cross-encoder"),
        ("HF_ColBERT", "late-interaction"),
    ],
)
def test_a_bare_transformer_is_of_the_kind_of_its_architecture(
    files: Any, architecture: str | None, kind: str
) -> None:
    bare(files, *([architecture] if architecture else []))
    assert model_kind(files.folder) == kind


def test_what_the_configuration_says_wins_over_the_architecture(files: Any) -> None:
    listed(files, "SentenceTransformer")
    files.json("config.json", BERT | {"architectures": ["BertForSequenceClassification"]})
    assert model_kind(files.folder) == "bi-encoder"
    listed(files, "CrossEncoder")
    files.json("config.json", BERT | {"architectures": ["BertModel"]})
    assert model_kind(files.folder) == "cross-encoder"


def test_without_modules_json_the_type_of_the_configuration_does_not_count(files: Any) -> None:
    listed(files, "CrossEncoder")
    bare(files, "BertModel")
    assert model_kind(files.folder) == "bi-encoder"  # as in sentence-transformers


def test_a_kind_that_scores_no_pairs_is_refused_by_name(files: Any) -> None:
    listed(files, "SparseEncoder")
    with pytest.raises(ModelError, match="is a SparseEncoder; use a bi-encoder"):
        check_model(files.folder)


@pytest.mark.parametrize("asked", ["cross-encoder", "late-interaction"])
def test_another_kind_than_asked_is_refused(files: Any, asked: Any) -> None:
    assert model_kind(files.folder, "bi-encoder") == "bi-encoder"
    with pytest.raises(
        ModelError, match=f"is a bi-encoder model, not a {asked} model; leave out Recipe.kind"
    ):
        model_kind(files.folder, asked)


def test_a_language_model_asks_how_it_is_to_be_used(files: Any) -> None:
    bare(files, "Qwen3ForCausalLM")
    with pytest.raises(
        ModelError, match=r"\(Qwen3ForCausalLM\) .* which Recipe.kind bi-encoder asks for"
    ):
        check_model(files.folder)
    check_model(files.folder, kind="bi-encoder")
    with pytest.raises(ModelError, match="without the module LogitScore"):
        check_model(files.folder, kind="cross-encoder")


@pytest.mark.parametrize("head", ["TokenClassification", "QuestionAnswering", "MultipleChoice"])
def test_a_model_for_another_task_is_refused_unless_its_vectors_are_asked_for(
    files: Any, head: str
) -> None:
    bare(files, f"BertFor{head}")
    with pytest.raises(
        ModelError, match=rf"trained for another task \(BertFor{head}\). With Recipe.kind"
    ):
        check_model(files.folder)
    check_model(files.folder, kind="bi-encoder")


def test_a_comparison_with_images_is_refused(files: Any) -> None:
    bare(files, "ColPaliForRetrieval")
    with pytest.raises(ModelError, match=r"compares texts with images \(ColPaliForRetrieval\)"):
        check_model(files.folder)


@pytest.mark.parametrize("architecture", ["HF_ColBERT", "ColPaliForRetrieval"])
def test_vectors_of_tokens_are_not_averaged(files: Any, architecture: str) -> None:
    files.json("config.json", BERT | {"architectures": [architecture]})
    with pytest.raises(ModelError, match=rf"gives each token a vector \({architecture}\), but was"):
        check_model(files.folder)


@pytest.mark.parametrize("kind", ["Dense", PYLATE])
def test_a_model_without_pooling_gives_each_token_a_vector(files: Any, kind: str) -> None:
    files.modules(("", "Transformer"), ("1_Dense", kind))
    dense(files, "1_Dense")
    with pytest.raises(ModelError, match=r"a vector \(no Pooling in modules\.json\), but was not"):
        check_model(files.folder)
    listed(files, "ColBERT")
    assert model_kind(files.folder) == "late-interaction"


def test_colbert_of_old_is_recognised_by_its_metadata(files: Any) -> None:
    files.remove("modules.json")
    files.json("artifact.metadata", {})
    assert model_kind(files.folder) == "late-interaction"


def test_a_projection_of_pylate_behind_a_pooling_is_accepted(files: Any) -> None:
    files.modules(("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", PYLATE))
    dense(files, "2_Dense")
    check_model(files.folder)


@pytest.mark.parametrize("package", ["sparse_encoder", "cross_encoder", "multi_vector_encoder"])
def test_a_module_of_another_kind_is_refused(files: Any, package: str) -> None:
    kind = f"sentence_transformers.{package}.modules.Thing"
    files.modules(("", "Transformer"), ("1_Thing", kind))
    with pytest.raises(ModelError, match=rf"has a module of another kind \({kind}\)"):
        check_model(files.folder)


def test_modules_around_a_classifier_do_not_make_vectors_of_it(files: Any) -> None:
    files.json("config.json", BERT | {"architectures": ["BertForSequenceClassification"]})
    check_model(files.folder)  # saved by sentence-transformers as what gives vectors
    files.remove("config_sentence_transformers.json")
    with pytest.raises(
        ModelError, match=r"\(BertForSequenceClassification\), but its modules\.json"
    ):
        check_model(files.folder)


def test_a_classifier_is_recognised_by_its_task(files: Any) -> None:
    files.json("sentence_bert_config.json", {"transformer_task": "sequence-classification"})
    with pytest.raises(ModelError, match=r"does not have the model_type CrossEncoder"):
        check_model(files.folder)


@pytest.mark.parametrize("head", ["classifier.weight", "classifier.dense.weight", "score.weight"])
def test_a_classifier_of_no_architecture_is_known_by_its_head(files: Any, head: str) -> None:
    files.weights("model.safetensors", {"weight": (6,), head: (1, 6)})
    check_model(files.folder)  # with modules.json it is sentence-transformers' own
    files.remove("modules.json")
    with pytest.raises(
        ModelError, match=rf"it has the weights {head}\), but its config.json names no"
    ):
        check_model(files.folder)
    files.json("config.json", BERT | {"architectures": ["BertModel"]})
    check_model(files.folder)


def test_a_transformer_that_makes_vectors_of_texts_itself_needs_no_pooling(files: Any) -> None:
    files.modules(("", "Transformer"))
    files.json("sentence_bert_config.json", {"module_output_name": "sentence_embedding"})
    check_model(files.folder)


# -- routers ---------------------------------------------------------------------------------------


@pytest.fixture
def router(files: Any) -> Any:
    """Queries go to a table of token vectors, documents to a transformer and a pooling."""
    files.modules(("", "Router"))
    names = ("query_0_StaticEmbedding", "document_0_Transformer", "document_1_Pooling")
    kinds = ("StaticEmbedding", "Transformer", "Pooling")
    types = {
        name: f"sentence_transformers.models.{kind}"
        for name, kind in zip(names, kinds, strict=True)
    }
    structure = {"query": list(names[:1]), "document": list(names[1:])}
    config = {"types": types, "structure": structure, "parameters": {"default_route": "document"}}
    files.json("router_config.json", config)
    files.json(f"{names[0]}/tokenizer.json", files.tokenizer())
    files.weights(f"{names[0]}/model.safetensors", {"embedding.weight": (8, 3)})
    files.json(f"{names[1]}/config.json", BERT | {"max_position_embeddings": 64})
    files.json(f"{names[1]}/tokenizer.json", files.tokenizer())
    files.weights(f"{names[1]}/model.safetensors", {"weight": (6,)})
    files.json(f"{names[2]}/config.json", {"pooling_mode": "mean"})
    files.config = config
    return files


def test_a_router_is_accepted_and_its_usual_route_has_the_limit(router: Any) -> None:
    check_model(router.folder, max_seq_length=64)
    with pytest.raises(
        ModelError, match=r"Recipe.max_seq_length 65 is larger than .* can read: 64"
    ):
        check_model(router.folder, max_seq_length=65)


def test_what_is_inside_of_a_router_is_checked_too(router: Any) -> None:
    folder = router.folder / "document_0_Transformer"
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="document_0_Transformer has only pickled weights"):
        check_model(router.folder)
    router.config["types"]["document_0_Transformer"] = "custom.Module"
    router.json("router_config.json", router.config)
    with pytest.raises(ModelError, match=r"needs its own code \(custom\.Module\)"):
        check_model(router.folder)


def test_a_router_without_its_configuration_is_refused(router: Any) -> None:
    router.remove("router_config.json")
    with pytest.raises(ModelError, match=r"has no router_config\.json that names the modules"):
        check_model(router.folder)
