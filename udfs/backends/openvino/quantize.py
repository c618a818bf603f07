"""Quantise a converted model to int8, its ranges calibrated on texts of the dataset at hand.

    semscore.udfs.backends.openvino.quantize CONVERTED_FOLDER SAMPLE.json TARGET_FOLDER

Weights and activations of the transformer's matrix products become int8 by NNCF's post-training
quantisation (its scheme for transformers, with smoothing); what follows it (pooling, dense) stays
as it is. The target is complete: the model, its tokenizer, its facts.
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

BEHIND_THE_TRANSFORMER = r"__module\.chain\.[1-9].*"  # as convert.py names the modules


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
    given = json.loads(Path(sys.argv[2]).read_text("utf-8"))
    quantize(Path(sys.argv[1]), given["texts"], given["prompt"], Path(sys.argv[3]))
