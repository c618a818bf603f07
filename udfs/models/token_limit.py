"""How many tokens a model can read, and what earlier versions took it to read, from its files.

sentence-transformers cuts texts at the limit that a tokenizer states, else at the configuration's
`max_position_embeddings`. Where a model numbers its positions from behind the padding token's id,
the last of these are not in its table: torch raises for such texts, and OpenVINO reads zeros.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semscore.udfs.errors import ModelError
from semscore.udfs.models.layout import Module, input_module

COUNT_AFTER_PADDING = (  # the positions of these start behind the padding token's id
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
POSITION_TABLES = (  # how tables of learned positions are named
    "embed_positions",
    "position_embedding",
    "position_embeddings",
    "positions_embed",
    "wpe",
)
N_POSITIONS = ("codegen", "ctrl", "gpt2", "gpt_bigcode", "gptj", "openai-gpt")  # their name for it
TOO_MANY = "--max-seq-length {} is more than {} can read: {}"
NO_LIMIT = 1_000_000  # tokens; a tokenizer without a limit states about 10^30


def check_max_seq_length(limit: int, folder: Path, module: Module) -> None:
    """Raise ModelError unless a module can read `limit` tokens, and can be set to."""
    if module.name == "StaticEmbedding":
        raise ModelError(
            f"--max-seq-length does not apply to {folder}, which reads all of every text"
        )
    most = positions(module) or stated_positions(module)
    if most and limit > most:
        raise ModelError(TOO_MANY.format(limit, folder, most))


def corrections(folder: Path, max_seq_length: int | None = None) -> dict[str, Any]:
    """What of a model is now read as it should be, and was not by earlier versions, by its name.

    Empty for models whose scores are what they were. `max_seq_length` is the user's own limit,
    which takes the place of the model's. Reads configurations and the headers of weights, and
    imports no deep-learning library.
    """
    module = input_module(folder)
    found: dict[str, Any] = {}
    most, stated = positions(module), stated_limit(module)
    if max_seq_length is None and most and stated and stated > most:
        found["max_seq_length"] = most
    if _splits_special_tokens(module):
        found["split_special_tokens"] = True
    return found


def positions(module: Module) -> int | None:
    """Tokens for which a transformer has learned positions; None: it has no table of them."""
    tables = [name for name in module.shapes if _is_table(name)]
    tables = [name for name in tables if "decoder" not in name] or tables
    if not tables:
        return None
    rows = min(module.shapes[name][0] for name in tables)
    if _counts_after_padding(module):
        return rows - _padding(module)
    return min(rows, stated_positions(module) or rows)  # some tables begin with rows of no use


def stated_positions(module: Module) -> int | None:
    """As many tokens as the configuration gives positions to; None: it says nothing."""
    stated = _positions_in(module)
    if stated is None:
        return None
    return stated - _padding(module) if _counts_after_padding(module) else stated


def stated_limit(module: Module) -> int | None:
    """Tokens at which sentence-transformers cuts a text; None: it does not, or is not asked."""
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
    """Whether a tensor is a table of a text's positions (those of images do not matter here)."""
    table = name.removesuffix(".weight").rpartition(".")[2]
    return name.endswith(".weight") and table in POSITION_TABLES and "vision" not in name


def _counts_after_padding(module: Module) -> bool:
    config = module.config
    rotary = config.get("position_embedding_type") == "rotary"  # then there is no table
    return config.get("model_type") in COUNT_AFTER_PADDING and not rotary


def _positions_in(module: Module) -> int | None:
    """What transformers calls max_position_embeddings; None: unknown, or none (XLNet: -1)."""
    other = "n_positions" if module.config.get("model_type") in N_POSITIONS else ""
    stated = module.config.get("max_position_embeddings", module.config.get(other))
    return stated if isinstance(stated, int) and stated > 0 else None


def _padding(module: Module) -> int:
    """Positions that stand before those of tokens: 0 to the padding token's id."""
    id_ = module.config.get("pad_token_id", 1)
    return (id_ if isinstance(id_, int) else 0) + 1


def _splits_special_tokens(module: Module) -> bool:
    """Whether a tokenizer is set to read its special tokens as text where they stand in one."""
    own = module.reading.get("processing_kwargs") or {}
    places = (
        module.tokenizer_config,
        *(module.reading.get(name) or {} for name in ("processor_kwargs", "tokenizer_args")),
        *(own.get(name) or {} for name in ("text", "common")),
    )
    return any(place.get("split_special_tokens") for place in places)
