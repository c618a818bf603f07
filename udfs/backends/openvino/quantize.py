"""Quantise a converted model to int8, with value ranges calibrated on texts of the dataset.

    semscore.udfs.backends.openvino.quantize CONVERTED_FOLDER SAMPLE.json TARGET_FOLDER

NNCF's post-training quantisation (its scheme for transformers, with smoothing) turns the weights
and activations of the transformer's matrix products into int8. What follows the transformer
(pooling, dense) is not changed. The target folder has everything: model, tokenizer and facts.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from semscore.udfs.backends.openvino import no_telemetry  # noqa: F401
from semscore.udfs.backends.reader import Prompts, TokenReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

BEHIND_THE_TRANSFORMER = r"__module\.chain\.[1-9].*"  # the names that convert.py gives to modules


def quantize(converted: Path, texts: list[str], prompt: str | None, target: Path) -> None:
    """Write the int8 model of `converted` to the folder `target`."""
    import nncf
    import numpy as np
    import openvino

    facts = json.loads((converted / "model.json").read_text("utf-8"))
    before = Prompts(facts["prompts"], facts["default_prompt_name"]).text(prompt)
    tokens = TokenReader.load(converted, facts).read([before + text for text in texts])
    ids = np.split(tokens.ids, tokens.starts[1:-1])

    def batch(row: NDArray[np.int32]) -> list[NDArray[np.int64]]:
        ids = row[None].astype(np.int64)
        return [ids, np.ones_like(ids)]

    model = nncf.quantize(
        openvino.Core().read_model(converted / "model.xml"),
        nncf.Dataset([row for row in ids if len(row)], batch),
        subset_size=len(ids),
        preset=nncf.QuantizationPreset.MIXED,
        model_type=nncf.ModelType.TRANSFORMER,
        ignored_scope=nncf.IgnoredScope(patterns=[BEHIND_THE_TRANSFORMER], validate=False),
    )
    target.mkdir(parents=True)
    openvino.save_model(model, target / "model.xml", compress_to_fp16=False)
    for name in ("model.json", "tokenizer.json"):
        shutil.copyfile(converted / name, target / name)


if __name__ == "__main__":
    sample = json.loads(Path(sys.argv[2]).read_text("utf-8"))
    quantize(Path(sys.argv[1]), sample["texts"], sample["prompt"], Path(sys.argv[3]))
