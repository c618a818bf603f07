"""Convert a sentence-transformers model for OpenVINO, whole: tokens in, sentence vectors out.

    python -m semscore.udfs.backends.convert MODEL_FOLDER TARGET_FOLDER

The graph takes batches without padding only, as the engine makes them on CPUs, and so needs no
mask. Prompts, tokenizer and limit are written beside it: who scores with it needs no torch.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from semscore.udfs.backends.converted import REASON, NotConvertible

if TYPE_CHECKING:
    import openvino
    from sentence_transformers import SentenceTransformer


TOLERANCE = 1e-5  # between torch's and OpenVINO's float32 vectors, relative to their length
SHAPES = ((1, 3), (3, 11), (2, 40))  # texts x tokens that are compared


def convert(folder: Path, target: Path) -> None:
    """Write the converted model, or the reason why there is none, at `target`, at once or never."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target}.lock"):
        if target.exists():
            return
        with tempfile.TemporaryDirectory(dir=target.parent) as workshop:
            made = Path(workshop, "made")
            made.mkdir()
            try:
                _convert(folder, made)
            except Exception as error:  # of torch, transformers, OpenVINO: whatever they raise
                line = str(error).strip().splitlines() or [type(error).__name__]
                (made / REASON).write_text(line[0], "utf-8")
            made.rename(target)


def _convert(folder: Path, made: Path) -> None:
    # Conversions are not reported to anyone: with its package missing, OpenVINO sends nothing.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino

    from semscore.udfs.backends.load import load_model, token_reader

    model = load_model(folder, "float32", "cpu")
    reader = token_reader(model)
    if reader is None:
        raise NotConvertible("only its own code can tokenise for it")
    if any(getattr(module, "include_prompt", True) is False for module in model):
        raise NotConvertible("its pooling leaves the prompt out")
    converted, dim = _traced(model, reader.type_ids)
    openvino.save_model(converted, made / "model.xml", compress_to_fp16=False)
    reader.tokenizer.save(str(made / "tokenizer.json"))
    facts = {
        "limit": reader.limit,
        "dim": dim,
        "truncate_dim": model.truncate_dim,
        "prompts": dict(model.prompts),
        "default_prompt_name": model.default_prompt_name,
    }
    (made / "model.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False), "utf-8")


def _traced(model: SentenceTransformer, type_ids: bool) -> tuple[openvino.Model, int]:
    """The model as a graph (n, tokens) -> (n, dim), proved to give torch's vectors; and dim."""
    import numpy as np
    import openvino
    import torch

    class Chain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.chain = torch.nn.ModuleList(model)

        def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
            features: dict[str, Any] = {
                "input_ids": input_ids,
                "attention_mask": torch.ones_like(input_ids),
                "modality": "text",
            }
            if type_ids:
                features["token_type_ids"] = torch.zeros_like(input_ids)
            for module in self.chain:
                features = module(features)
            vectors: torch.Tensor = features["sentence_embedding"]
            return vectors

    chain = Chain().eval()
    [tokens] = model.preprocess(["Some words to trace the model's way with."])["input_ids"]
    with torch.inference_mode():
        graph = openvino.convert_model(chain, example_input=torch.stack([tokens[:8]] * 2))
        graph.reshape(openvino.PartialShape([-1, -1]))
        settings = {"INFERENCE_PRECISION_HINT": "f32"}
        run = openvino.Core().compile_model(graph, "CPU", settings)
        for texts, length in SHAPES:
            ids = tokens[torch.arange(texts * length) * 5 % len(tokens)].reshape(texts, length)
            expected = chain(ids).numpy()
            found = run([ids.numpy()])[0]
            apart = np.linalg.norm(found - expected) / np.linalg.norm(expected)
            if not apart <= TOLERANCE:
                raise NotConvertible(f"OpenVINO's vectors differ from torch's by {apart:.1e}")
    return graph, expected.shape[1]


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # torch's about tracing: the result is compared
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
