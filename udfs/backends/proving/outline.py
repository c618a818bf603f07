"""A model whose weights are too large to load for a check: its build without them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semscore.udfs.backends.proving.proof_of import said
from semscore.udfs.errors import ModelError
from semscore.udfs.models.layout import TRANSFORMER, Module, transformer


def check_outline(folder: Path) -> None:
    """Build the transformer on torch's meta device and compare it with the weights' headers.

    Encodes a sentence too. Raises ModelError if a library cannot do that, or if the weights are of
    another model.
    """
    path, _ = transformer(folder)
    try:
        built = _built(path)
        _encode(path)
    except Exception as error:  # of transformers: whatever it raises
        raise ModelError(f"{folder} cannot be loaded: {said(error)}") from error
    stored = Module(path, TRANSFORMER).shapes
    for name, shape in built.items():
        found = _same_name(name, stored)
        if found is not None and found != shape:
            raise ModelError(
                f"{folder} has weights of another model: {name} is {found}, expected {shape}"
            )
    known = sum(_same_name(name, stored) is not None for name in built)
    if known < len(built) / 2:
        raise ModelError(
            f"{folder} has weights of another model: of the {len(built)} tensors that its "
            f"config.json describes, they hold {known}"
        )


def _built(path: Path) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the tensors that config.json describes; they take no memory."""
    import torch
    from transformers import AutoConfig, AutoModel

    with torch.device("meta"):
        config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
        auto: Any = AutoModel
        model = auto.from_config(config, trust_remote_code=False)
    return {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}


def _encode(path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(
        path, local_files_only=True, trust_remote_code=False
    )
    tokenizer("a few words")


def _same_name(name: str, stored: dict[str, tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape of a stored tensor of this name, behind whatever prefix: `model.layers.0…`."""
    if name in stored:
        return stored[name]
    return next((shape for key, shape in stored.items() if key.endswith(f".{name}")), None)
