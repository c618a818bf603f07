"""The number of tokens that a model can read, from its files, and where earlier versions erred.

sentence-transformers truncates texts at the limit of the tokenizer, or else at the configuration's
`max_position_embeddings`. If a model numbers its positions from after the padding token's id, the
last of these positions are missing in its table. For such texts, torch raises an error and OpenVINO
reads zeros.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semscore.udfs.errors import ModelError
from semscore.udfs.models.layout import Module, input_module

COUNT_AFTER_PADDING = (  # model types whose positions start after the padding token's id
    "camembert",
    "data2vec-text",
    "esm",
    "ibert",
    "layoutlmv3",
    "lilt",
    "longformer",
    "luke",
    "markuplm",
    "mpnet",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
)
POSITION_TABLES = (  # names of tables of learned positions
    "embed_positions",
    "position_embedding",
    "position_embeddings",
    "positions_embed",
    "wpe",
)
# Model types whose config.json has n_positions in place of max_position_embeddings
N_POSITIONS = ("codegen", "ctrl", "gpt2", "gpt_bigcode", "gptj", "openai-gpt")
TOO_MANY = "Recipe.max_seq_length {} is larger than the number of tokens that {} can read: {}"
NO_LIMIT = 1_000_000  # tokens; a tokenizer without a limit states about 10^30


def check_max_seq_length(limit: int, folder: Path, module: Module) -> None:
    """Raise ModelError unless a module can read `limit` tokens, and has a limit that can be set."""
    if module.name == "StaticEmbedding":
        raise ModelError(
            f"Recipe.max_seq_length cannot be used with {folder}, which always reads whole texts"
        )
    most = positions(module) or stated_positions(module)
    if most and limit > most:
        raise ModelError(TOO_MANY.format(limit, folder, most))


def corrections(folder: Path, max_seq_length: int | None = None) -> dict[str, Any]:
    """Return the settings of a model, by name, that earlier versions did not apply correctly.

    Empty for models whose scores have not changed. `max_seq_length` is the user's own limit, which
    replaces the model's. Reads configurations and the headers of weights. Does not import a
    deep-learning library.
    """
    module = input_module(folder)
    corrected: dict[str, Any] = {}
    most, stated = positions(module), stated_limit(module)
    if max_seq_length is None and most and stated and stated > most:
        corrected["max_seq_length"] = most
    if _splits_special_tokens(module):
        corrected["split_special_tokens"] = True
    return corrected


def positions(module: Module) -> int | None:
    """Return the number of tokens for which a transformer has learned positions.

    None if it has no table of positions.
    """
    tables = [name for name in module.shapes if _is_table(name)]
    tables = [name for name in tables if "decoder" not in name] or tables
    if not tables:
        return None
    rows = min(module.shapes[name][0] for name in tables)
    if _counts_after_padding(module):
        return rows - _padding(module)
    return min(rows, stated_positions(module) or rows)  # some tables begin with unused rows


def stated_positions(module: Module) -> int | None:
    """Return the number of tokens that have positions by the configuration, or None if unknown."""
    stated = _positions_in(module)
    if stated is None:
        return None
    return stated - _padding(module) if _counts_after_padding(module) else stated


def stated_limit(module: Module) -> int | None:
    """Return the number of tokens at which sentence-transformers truncates a text.

    None if it does not truncate, or for modules that it does not tokenise for.
    """
    if module.name not in ("CLIPModel", "Transformer"):
        return None
    reading = module.reading
    kept = reading.get("processor_kwargs") or reading.get("tokenizer_args") or {}
    limit = kept.get("model_max_length") or reading.get("max_seq_length")
    if not limit:
        limits = (module.tokenizer_config.get("model_max_length"), _positions_in(module))
        limit = min((n for n in limits if isinstance(n, int | float)), default=None)
    own = reading.get("processing_kwargs") or {}
    limit = {**own.get("text", {}), **own.get("common", {})}.get("max_length", limit)
    return int(limit) if limit and limit < NO_LIMIT else None


def _is_table(name: str) -> bool:
    """Return whether a tensor is a table of positions for texts. Those for images are ignored."""
    table = name.removesuffix(".weight").rpartition(".")[2]
    return name.endswith(".weight") and table in POSITION_TABLES and "vision" not in name


def _counts_after_padding(module: Module) -> bool:
    config = module.config
    rotary = config.get("position_embedding_type") == "rotary"  # then there is no table
    return config.get("model_type") in COUNT_AFTER_PADDING and not rotary


def _positions_in(module: Module) -> int | None:
    """Return max_position_embeddings of the configuration, or None if it has none (XLNet: -1)."""
    other = "n_positions" if module.config.get("model_type") in N_POSITIONS else ""
    stated = module.config.get("max_position_embeddings", module.config.get(other))
    return stated if isinstance(stated, int) and stated > 0 else None


def _padding(module: Module) -> int:
    """Return the number of positions before those of tokens: 0 to the padding token's id."""
    id_ = module.config.get("pad_token_id", 1)
    return (id_ if isinstance(id_, int) else 0) + 1


def _splits_special_tokens(module: Module) -> bool:
    """Return whether a tokenizer is set to read special tokens inside a text as plain text."""
    own = module.reading.get("processing_kwargs") or {}
    places = (
        module.tokenizer_config,
        *(module.reading.get(name) or {} for name in ("processor_kwargs", "tokenizer_args")),
        *(own.get(name) or {} for name in ("text", "common")),
    )
    return any(place.get("split_special_tokens") for place in places)
