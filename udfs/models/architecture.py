"""Checks on config.json whether the installed libraries can build a transformer.

Does not import torch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ADAPTER = "adapter_config.json"
# What transformers needs to read the weights of a quantised checkpoint.
QUANTISERS = {
    "aqlm": "aqlm",
    "auto-round": "auto_round",
    "awq": "gptqmodel",
    "bitsandbytes": "bitsandbytes",
    "compressed-tensors": "compressed_tensors",
    "eetq": "eetq",
    "fbgemm_fp8": "fbgemm_gpu",
    "fp_quant": "fp_quant",
    "gptq": "gptqmodel",
    "higgs": "flute",
    "hqq": "hqq",
    "quanto": "optimum",
    "quark": "quark",
    "spqr": "spqr_quant",
    "torchao": "torchao",
    "vptq": "vptq",
}
NEEDS_GPU = ("fp8", "mxfp4", "mxfp8", "nvfp4")  # need kernels that exist only for GPUs


def obstacle(config: Mapping[str, Any]) -> str | None:
    """Return why the transformer of a config.json cannot be built here and what to do, or None."""
    return _quantised(config) or _unknown(config)


def adapter(folder: Path) -> str | None:
    """Return why a folder with an adapter cannot be used and what to do, or None without adapter.

    An adapter is the difference from another model, which may be anywhere and may change.
    """
    file = folder / ADAPTER
    if not file.is_file():
        return None
    try:
        base = json.loads(file.read_text("utf-8")).get("base_model_name_or_path")
    except (ValueError, AttributeError):
        base = None
    return (
        f"it contains an adapter ({ADAPTER}) without its base model {base or '(not named)'}. "
        "Merge them (peft: merge_and_unload) and save the merged model"
    )


def _quantised(config: Mapping[str, Any]) -> str | None:
    quantised = config.get("quantization_config")
    if not isinstance(quantised, dict) or not quantised:
        return None
    method = str(quantised.get("quant_method", "an unnamed method"))
    package = QUANTISERS.get(method)
    problem = f"its weights are quantised ({method}), which "
    way_out = "Use the model from before quantisation"
    if package and not find_spec(package):
        return f"{problem}needs the package {package.replace('_', '-')}. {way_out}"
    if package is None and method not in NEEDS_GPU:
        return f"{problem}is not supported here. {way_out}"
    return None


def _unknown(config: Mapping[str, Any]) -> str | None:
    kind = config.get("model_type")
    if not kind or kind in known_types():
        return None
    version = metadata.version("transformers")
    if kind == "model2vec":
        return (
            f"the installed transformers ({version}) does not know model type 'model2vec'. Save "
            "it for sentence-transformers (model2vec: SentenceTransformer(modules=["
            "StaticEmbedding.from_model2vec(…)]).save(…))"
        )
    return (
        f"the installed transformers ({version}) does not know model type {kind!r}. Install the "
        "version that the model was saved with, or choose another model"
    )


@lru_cache
def known_types() -> frozenset[str]:
    """Return the model types that transformers can build, read from the source of its table.

    Importing the table would import torch, which takes 5 to 10 seconds.
    """
    spec = find_spec("transformers")
    home = Path(spec.origin).parent if spec and spec.origin else Path()
    table = home / "models" / "auto" / "modeling_auto.py"
    text = table.read_text("utf-8") if table.is_file() else ""
    block = re.search(r"^MODEL_MAPPING_NAMES = OrderedDict\(\n(.*?)^\)", text, re.M | re.S)
    if block:
        return frozenset(re.findall(r'^\s+\(?"([^"]+)",', block[1], re.M))
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES  # the source has changed

    return frozenset(MODEL_MAPPING_NAMES)
