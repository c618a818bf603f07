"""Checks that a module's own files are complete: its configuration and its weights."""

from __future__ import annotations

from semscore.udfs.errors import ModelError
from semscore.udfs.models.layout import Module, read_dict, read_shapes

# Files without which a class of sentence-transformers cannot be built
CONFIGS = {
    "BoW": "config.json",
    "CNN": "cnn_config.json",
    "Dense": "config.json",
    "Dropout": "config.json",
    "LSTM": "lstm_config.json",
    "LayerNorm": "config.json",
    "LogitScore": "config.json",
    "Pooling": "config.json",
    "Transformer": "config.json",
    "WeightedLayerPooling": "config.json",
    "WordEmbeddings": "wordembedding_config.json",
    "WordWeights": "config.json",
}
WEIGHTED = {
    "CNN",
    "Dense",
    "LSTM",
    "LayerNorm",
    "StaticEmbedding",
    "Transformer",
    "WeightedLayerPooling",
    "WordEmbeddings",
}
PICKLED = (".bin", ".ckpt", ".pkl", ".pt", ".pth")
WHOLE = "model.safetensors"
# Alternatives to one whole file: an index of its parts, or an adapter to another model's weights
STAND_INS = (f"{WHOLE}.index.json", "adapter_model.safetensors", "model.*.safetensors")
AGAIN = "copy it again from the model's source"


def check_complete(module: Module, is_root: bool, weights: bool = True) -> None:
    """Raise ModelError, naming the file, if a module lacks its configuration or weights.

    Without `weights`, only the configuration is checked.
    """
    config = CONFIGS.get(module.name)
    adapter = module.name == "Transformer" and (module.folder / "adapter_config.json").is_file()
    if config and not adapter and not (module.folder / config).is_file():
        raise ModelError(f"{module.folder} has no {config}; {AGAIN}")
    if weights:
        _check_weights(module, is_root)


def _check_weights(module: Module, is_root: bool) -> None:
    """Raise ModelError unless all weights that a module needs are complete safetensors files."""
    folder = module.folder
    files = [path for path in folder.glob("*" if is_root else "**/*") if path.is_file()]
    weights = [path for path in files if path.suffix == ".safetensors"]
    pickled = sorted(path.name for path in files if path.suffix in PICKLED)
    if not weights and pickled:
        raise ModelError(
            f"{folder} has only pickled weights ({pickled[0]}), which are never loaded because "
            "they can run code; save the model with safetensors"
        )
    if not weights and module.name in WEIGHTED:
        raise ModelError(f"{folder} has no weights (*.safetensors); {AGAIN}")
    names = (WHOLE, *(STAND_INS if module.name == "Transformer" else ()))
    if module.name in WEIGHTED and not any(any(folder.glob(name)) for name in names):
        raise ModelError(
            f"{folder} has {min(path.name for path in weights)}, but neither {WHOLE} nor an index "
            f"of its parts; {AGAIN}"
        )
    for index in folder.glob("*.safetensors.index.json"):
        listed = set(read_dict(index).get("weight_map", {}).values())
        if missing := listed - {path.name for path in weights}:
            raise ModelError(
                f"{folder} lacks {min(missing)}, which {index.name} lists; fetch it again"
            )
    for path in weights:
        list(read_shapes(path))
