"""The kind of model in a folder, decided from its files before it is loaded.

sentence-transformers does not refuse a folder of another kind. It adds a pooling to a
cross-encoder, or a head with random weights to anything else.
"""

from __future__ import annotations

from pathlib import Path

from semscore.udfs.errors import ModelError
from semscore.udfs.models.layout import ROUTERS, Module, read_dict, read_modules
from semscore.udfs.recipe import AskedKind, Kind

NEEDED = "use a bi-encoder, a cross-encoder or a model of late interaction"
# Values of `model_type` in config_sentence_transformers.json, if there is a modules.json
SAVED_AS: dict[str, Kind] = {
    "SentenceTransformer": "bi-encoder",
    "CrossEncoder": "cross-encoder",
    "ColBERT": "late-interaction",
    "MultiVectorEncoder": "late-interaction",
}
# Packages of sentence-transformers that have modules for one kind only
PACKAGES: dict[str, Kind | None] = {
    "cross_encoder": "cross-encoder",
    "multi_vector_encoder": "late-interaction",
    "sparse_encoder": None,
}
CLASSIFIER = "ForSequenceClassification"
LANGUAGE_MODEL = "ForCausalLM"
COLBERT = "HF_ColBERT"
# Suffixes of architectures with a head that scores neither texts nor pairs
OTHER_HEADS = (
    "ForMultipleChoice",
    "ForNextSentencePrediction",
    "ForQuestionAnswering",
    "ForTokenClassification",
)
HEADS = ("classifier.", "score.")  # prefixes of the names of a classifier's own weights
POOLED = ("BoW", "CLIPModel", "Pooling", "StaticEmbedding")  # modules that make one vector per text
# Classes of PyLate, each with the class of sentence-transformers that reads the same files
ALIASES = {"pylate.models.Dense.Dense": "sentence_transformers.models.Dense"}


def model_kind(folder: Path, asked: AskedKind = "auto") -> Kind:
    """Return the kind of the model in a folder.

    `asked` is the user's answer for a model whose files leave it open. Raises ModelError, which
    names what was found, for such a model without an answer, for a model of another kind than
    asked, and for a model that scores no pairs.
    """
    modules = read_modules(folder)
    listed = (folder / "modules.json").is_file()
    kind = _listed(folder, modules) if listed else _bare(folder, modules[0], asked)
    if asked not in ("auto", kind):
        raise ModelError(f"{folder} is a {kind} model, not a {asked} model; leave out Recipe.kind")
    return kind


def _listed(folder: Path, modules: list[Module]) -> Kind:
    """Return the kind of a model with modules.json."""
    path = folder / "config_sentence_transformers.json"
    saved = read_dict(path).get("model_type") or "SentenceTransformer"
    if saved not in SAVED_AS:
        raise ModelError(f"{folder} is a {saved}; {NEEDED}")
    kind = SAVED_AS[saved]
    for module in modules:
        for package in PACKAGES.keys() & set(module.type.split(".")):
            if PACKAGES[package] != kind:
                raise ModelError(f"{folder} has a module of another kind ({module.type}); {NEEDED}")
    if kind == "bi-encoder":
        _check_vectors(folder, modules, saved=path.is_file())
    return kind


def _check_vectors(folder: Path, modules: list[Module], saved: bool) -> None:
    """Raise ModelError for modules that do not give each text one vector.

    `saved`: sentence-transformers has saved them as a model that does.
    """
    for module in modules:
        for architecture in module.config.get("architectures") or ():
            if architecture == COLBERT or architecture.endswith("ForRetrieval"):
                raise ModelError(_per_token(folder, architecture))
            if architecture.endswith(CLASSIFIER) and not saved:
                raise ModelError(
                    f"{folder} is a classifier ({architecture}), but its modules.json is not that "
                    "of a cross-encoder. Remove modules.json to use it as a cross-encoder, or save "
                    "the model again with sentence-transformers"
                )
        task = module.reading.get("transformer_task", "feature-extraction")
        if task == "sequence-classification":
            raise ModelError(
                f"{folder} is a classifier (transformer_task {task}), but "
                "config_sentence_transformers.json does not have the model_type CrossEncoder; copy "
                "it again from the model's source"
            )
    if not any(map(_pools, modules)):
        raise ModelError(_per_token(folder, "no Pooling in modules.json"))


def _bare(folder: Path, module: Module, asked: AskedKind) -> Kind:
    """Return the kind of a model without modules.json, which has only a transformer."""
    architecture = next(iter(module.config.get("architectures") or ()), "")
    if architecture == COLBERT or (folder / "artifact.metadata").is_file():
        return "late-interaction"
    if architecture.endswith(CLASSIFIER):
        return "cross-encoder"
    if architecture.endswith("ForRetrieval"):
        raise ModelError(f"{folder} compares texts with images ({architecture}); {NEEDED}")
    if asked == "bi-encoder":  # sentence-transformers adds a pooling, whatever the head
        return "bi-encoder"
    if architecture.endswith(LANGUAGE_MODEL):
        if asked == "cross-encoder":
            raise ModelError(
                f"{folder} is a language model ({architecture}) without the module LogitScore, "
                "which turns the model's answers into scores. Save it with sentence-transformers' "
                "CrossEncoder"
            )
        raise ModelError(
            f"{folder} is a language model ({architecture}) without modules.json. It can embed "
            "texts, which Recipe.kind bi-encoder asks for. To use it as a reranker, save it with "
            "sentence-transformers' CrossEncoder"
        )
    if architecture.endswith(OTHER_HEADS):
        raise ModelError(
            f"{folder} was trained for another task ({architecture}). With Recipe.kind bi-encoder, "
            f"the vectors of its tokens are averaged; otherwise {NEEDED}"
        )
    head = next((name for name in module.shapes if name.startswith(HEADS)), None)
    if head and not architecture:
        raise ModelError(
            f"{folder} is a classifier (it has the weights {head}), but its config.json names no "
            f'architecture, such as "architectures": ["Bert{CLASSIFIER}"]; add the right one'
        )
    return "bi-encoder"


def _pools(module: Module) -> bool:
    """Return whether a module produces one vector for a text, or may do so."""
    return (
        module.name in POOLED
        or module.name in ROUTERS
        or module.reading.get("module_output_name") == "sentence_embedding"
    )


def _per_token(folder: Path, sign: str) -> str:
    return (
        f"{folder} gives each token a vector ({sign}), but was not saved as a model of late "
        f"interaction; {NEEDED}"
    )
