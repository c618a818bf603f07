"""Only models that give each text one vector are accepted, whatever their folder looks like."""

from __future__ import annotations

from typing import Any

import pytest

from semscore.udfs.errors import ModelError
from semscore.udfs.models.fetch import check_model

PYLATE = "pylate.models.Dense.Dense"
BERT = {"model_type": "bert"}


def dense(files: Any, path: str) -> None:
    files.json(f"{path}/config.json", {"in_features": 6, "out_features": 3})
    files.weights(f"{path}/model.safetensors", {"linear.weight": (3, 6)})


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("architecture", ["HF_ColBERT", "ColPaliForRetrieval"])
def test_late_interaction_is_recognised_by_its_architecture(
    files: Any, architecture: str, listed: bool
) -> None:
    files.json("config.json", BERT | {"architectures": [architecture]})
    if not listed:
        files.remove("modules.json")
    with pytest.raises(ModelError, match=rf"late interaction: {architecture}\); use a model"):
        check_model(files.folder)


@pytest.mark.parametrize("kind", ["ColBERT", "MultiVectorEncoder"])
def test_late_interaction_is_recognised_by_its_type(files: Any, kind: str) -> None:
    files.json("config_sentence_transformers.json", {"model_type": kind})
    with pytest.raises(ModelError, match=f"is a {kind}; use a model"):
        check_model(files.folder)


@pytest.mark.parametrize("kind", ["Dense", PYLATE])
def test_a_model_without_pooling_gives_each_token_a_vector(files: Any, kind: str) -> None:
    files.modules(("", "Transformer"), ("1_Dense", kind))
    dense(files, "1_Dense")
    with pytest.raises(ModelError, match=r"late interaction: no Pooling in modules\.json"):
        check_model(files.folder)


def test_colbert_of_old_is_recognised_by_its_metadata(files: Any) -> None:
    files.remove("modules.json")
    files.json("artifact.metadata", {})
    with pytest.raises(ModelError, match=r"late interaction: artifact\.metadata"):
        check_model(files.folder)


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
    with pytest.raises(ModelError, match=r"is a classifier \(BertForSequenceClassification\)"):
        check_model(files.folder)


def test_a_classifier_is_recognised_by_its_task(files: Any) -> None:
    files.json("sentence_bert_config.json", {"transformer_task": "sequence-classification"})
    with pytest.raises(ModelError, match=r"is a classifier \(transformer_task sequence-class"):
        check_model(files.folder)


@pytest.mark.parametrize("head", ["classifier.weight", "classifier.dense.weight", "score.weight"])
def test_a_classifier_of_no_architecture_is_known_by_its_head(files: Any, head: str) -> None:
    files.weights("model.safetensors", {"weight": (6,), head: (1, 6)})
    check_model(files.folder)  # with modules.json it is sentence-transformers' own
    files.remove("modules.json")
    with pytest.raises(ModelError, match=rf"is a classifier \(it has the weights {head}\)"):
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
    with pytest.raises(ModelError, match=r"--max-seq-length 65 is larger than .* can read: 64"):
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
