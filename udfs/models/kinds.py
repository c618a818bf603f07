"""The kind of model in a folder. Only models that give each text one vector can be used."""

from __future__ import annotations

from pathlib import Path

from semscore.udfs.errors import ModelError
from semscore.udfs.models.layout import ROUTERS, Module, read_dict

NEEDED = "a model that gives each text one vector"
OTHER_KINDS = ("ColBERT", "CrossEncoder", "MultiVectorEncoder", "SparseEncoder")
OTHER_PACKAGES = {"cross_encoder", "multi_vector_encoder", "sparse_encoder"}
CLASSIFIER = "ForSequenceClassification"
HEADS = ("classifier.", "score.")  # prefixes of the names of a classifier's own weights
LATE_INTERACTION = ("HF_ColBERT", "ForRetrieval")  # suffixes of the names of architectures
POOLED = ("BoW", "CLIPModel", "Pooling", "StaticEmbedding")  # modules that make one vector per text
# Classes of PyLate, each with the class of sentence-transformers that reads the same files
ALIASES = {"pylate.models.Dense.Dense": "sentence_transformers.models.Dense"}


def check_kind(folder: Path, modules: list[Module]) -> None:
    """Raise ModelError for a cross-encoder, a sparse or a late-interaction model."""
    path = folder / "config_sentence_transformers.json"
    kind = read_dict(path).get("model_type")
    if kind in OTHER_KINDS:
        raise ModelError(f"{folder} is a {kind}; {_needed()}")
    bare = not (folder / "modules.json").is_file()
    saved = not bare and path.is_file()  # by sentence-transformers, as a model that gives vectors
    for module in modules:
        if OTHER_PACKAGES & set(module.type.split(".")):
            raise ModelError(f"{folder} has a module of another kind ({module.type}); {_needed()}")
        for architecture in module.config.get("architectures") or ():
            if architecture.endswith(LATE_INTERACTION):
                raise ModelError(_late(folder, architecture))
            if architecture.endswith(CLASSIFIER) and not saved:
                raise ModelError(f"{folder} is a classifier ({architecture}); {_needed()}")
        task = module.reading.get("transformer_task", "feature-extraction")
        if task == "sequence-classification":
            raise ModelError(f"{folder} is a classifier (transformer_task {task}); {_needed()}")
    if bare and not modules[0].config.get("architectures"):
        head = next((name for name in modules[0].shapes if name.startswith(HEADS)), None)
        if head:
            raise ModelError(f"{folder} is a classifier (it has the weights {head}); {_needed()}")
    if (folder / "artifact.metadata").is_file():
        raise ModelError(_late(folder, "artifact.metadata"))


def check_pooled(folder: Path, modules: list[Module]) -> None:
    """Raise ModelError for a model that does not produce one vector for a whole text."""
    listed = (folder / "modules.json").is_file()  # a bare transformer gets a pooling added
    if listed and not any(map(_pools, modules)):
        raise ModelError(_late(folder, "no Pooling in modules.json"))


def _pools(module: Module) -> bool:
    """Return whether a module produces one vector for a text, or may do so."""
    return (
        module.name in POOLED
        or module.name in ROUTERS
        or module.reading.get("module_output_name") == "sentence_embedding"
    )


def _late(folder: Path, sign: str) -> str:
    return f"{folder} gives each token a vector (late interaction: {sign}); {_needed()}"


def _needed() -> str:
    return f"use {NEEDED}"
