"""A check of models that are too large to load for it: they are built without weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semscore.udfs.backends.proving.proof_of import said
from semscore.udfs.errors import ModelError
from semscore.udfs.models.layout import TRANSFORMER, Module, transformer
from semscore.udfs.recipe import Kind


def check_outline(folder: Path, kind: Kind) -> None:
    """Build the transformer on torch's meta device and compare it with the headers of the weights.

    Also encodes a sentence. Raises ModelError if a library cannot do that, or if the weights belong
    to another model.
    """
    path, _ = transformer(folder)
    try:
        built = _built(path, kind)
        _encode(path)
    except Exception as error:  # transformers may raise anything
        raise ModelError(f"{folder} cannot be loaded: {said(error)}") from error
    stored = Module(path, TRANSFORMER).shapes
    for name, shape in built.items():
        stored_shape = _same_name(name, stored)
        if stored_shape is not None and stored_shape != shape:
            raise ModelError(
                f"{folder} has the weights of another model: {name} has shape {stored_shape}, "
                f"expected {shape}"
            )
    if kind == "cross-encoder":
        check_head(folder)
    known = sum(_same_name(name, stored) is not None for name in built)
    if known < len(built) / 2:
        raise ModelError(
            f"{folder} has the weights of another model: they contain only {known} of the "
            f"{len(built)} tensors that its config.json describes"
        )


def check_head(folder: Path) -> None:
    """Raise ModelError if the weights of a cross-encoder's own head are missing.

    Such a head would get random weights, with a warning at most.
    """
    path, _ = transformer(folder)
    model = _outline(path, "cross-encoder")
    stored = Module(path, TRANSFORMER).shapes
    inner = f"{model.base_model_prefix}."
    tied = getattr(model, "all_tied_weights_keys", None) or {}
    for name, _ in model.named_parameters():
        own = not name.startswith(inner) or ".pooler." in name
        if own and name not in tied and _same_name(name, stored) is None:
            raise ModelError(
                f"{folder} is a cross-encoder by its configuration, but its weights lack {name}, "
                "which scores pairs; copy it again from the model's source"
            )


def _built(path: Path, kind: Kind) -> dict[str, tuple[int, ...]]:
    """Return the shapes, by name, of the tensors that config.json describes. Takes no memory."""
    parameters = _outline(path, kind).named_parameters()
    return {name: tuple(tensor.shape) for name, tensor in parameters}


def _outline(path: Path, kind: Kind) -> Any:
    """Build the transformer of a folder without weights."""
    import torch
    from transformers import (
        AutoConfig,
        AutoModel,
        AutoModelForCausalLM,
        AutoModelForSequenceClassification,
    )

    config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    auto: Any = AutoModel
    architecture = next(iter(getattr(config, "architectures", None) or ()), "")
    if kind == "cross-encoder" and architecture.endswith("ForSequenceClassification"):
        auto = AutoModelForSequenceClassification
    elif kind == "cross-encoder" and architecture.endswith("ForCausalLM"):
        auto = AutoModelForCausalLM
    with torch.device("meta"):
        return auto.from_config(config, trust_remote_code=False)


def _encode(path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(
        path, local_files_only=True, trust_remote_code=False
    )
    tokenizer("a few words")


def _same_name(name: str, stored: dict[str, tuple[int, ...]]) -> tuple[int, ...] | None:
    """Return the shape of the stored tensor with this name after any prefix (`model.`), or None."""
    if name in stored:
        return stored[name]
    return next((shape for key, shape in stored.items() if key.endswith(f".{name}")), None)
