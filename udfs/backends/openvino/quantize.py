"""Quantise a converted model to int8, with value ranges calibrated on texts of the dataset.

    semscore.udfs.backends.openvino.quantize CONVERTED_FOLDER SAMPLE.json TARGET_FOLDER

NNCF's post-training quantisation (its scheme for transformers, with smoothing) turns the weights
and activations of the transformer's matrix products into int8. What follows the transformer
(pooling, dense, or the head of a cross-encoder) is not changed. The target folder has everything:
model, tokenizer and facts.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semscore.udfs.backends.openvino import no_telemetry  # noqa: F401
from semscore.udfs.backends.openvino.inputs import graph_inputs, load_reader
from semscore.udfs.backends.pair_texts import PairTexts
from semscore.udfs.backends.prompts import Prompts
from semscore.udfs.recipe import Prompt

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Behind the transformer, by the names that convert.py gives to modules; the heads are those of
# transformers' classes for sequence classification.
UNCHANGED = (
    r"__module\.chain\.[1-9].*",
    r"__module\.chain\.0\.model\.(classifier|pre_classifier|score|head|pooler)[./].*",
    r"__module\.chain\.0\.model\.\w+\.pooler[./].*",
)


def quantize(converted: Path, items: list[Any], prompt: Prompt, target: Path) -> None:
    """Write the int8 model of `converted` to the folder `target`.

    `items`: texts, or pairs of texts for a cross-encoder.
    """
    import nncf
    import numpy as np
    import openvino

    facts = json.loads((converted / "model.json").read_text("utf-8"))
    before = Prompts(facts["prompts"], facts["default_prompt_name"]).text(prompt)
    reader: Any = load_reader(converted, facts)
    pairs = facts.get("kind") == "cross-encoder"
    tokens = reader.read(PairTexts.of(map(tuple, items)) if pairs else items, before)
    readable = np.flatnonzero(tokens.lengths)

    def batch(row: int) -> list[NDArray[Any]]:
        return graph_inputs(tokens, np.array([row]), int(tokens.lengths[row]), reader)

    model = nncf.quantize(
        openvino.Core().read_model(converted / "model.xml"),
        nncf.Dataset(readable.tolist(), batch),
        subset_size=len(readable),
        preset=nncf.QuantizationPreset.MIXED,
        model_type=nncf.ModelType.TRANSFORMER,
        ignored_scope=nncf.IgnoredScope(patterns=list(UNCHANGED), validate=False),
    )
    target.mkdir(parents=True)
    openvino.save_model(model, target / "model.xml", compress_to_fp16=False)
    for name in ("model.json", "tokenizer.json"):
        shutil.copyfile(converted / name, target / name)


if __name__ == "__main__":
    sample = json.loads(Path(sys.argv[2]).read_text("utf-8"))
    quantize(Path(sys.argv[1]), sample["items"], Prompt(*sample["prompt"]), Path(sys.argv[3]))
