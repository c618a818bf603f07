"""Conversion of a complete sentence-transformers model for OpenVINO, from tokens to vectors.

Prompts, tokenizer and limit are saved beside the graph, so that scoring does not need torch.
"""

from __future__ import annotations

import json
import tempfile
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from semscore.udfs.backends.openvino import no_telemetry  # noqa: F401
from semscore.udfs.backends.openvino.converted import REASON
from semscore.udfs.backends.protocol import NotConvertible
from semscore.udfs.backends.reader import TokenReader
from semscore.udfs.backends.tokens import Tokens
from semscore.udfs.proofs.neighbours import MOST, WITHOUT_LIMIT, Batching

if TYPE_CHECKING:
    import openvino
    import torch
    from sentence_transformers import SentenceTransformer

TOLERANCE = 1e-5  # between torch's and OpenVINO's float32 vectors, relative to their length
# The batches that are compared, as the lengths of their texts in tokens, without and with padding.
EVEN = ((3,), (11, 11, 11), (40, 40))
UNEVEN = ((11, 7, 11), (40, 13))


def convert(
    model: SentenceTransformer, folder: Path, target: Path, batching: Batching = "together"
) -> None:
    """Write the converted model, or the reason why it cannot be converted, to `target` in one step.

    `model` is that of `folder`, in float32 on the CPU. `batching` comes from its proof.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target}.lock"):
        if target.exists():
            return
        with tempfile.TemporaryDirectory(dir=target.parent) as workshop:
            draft = Path(workshop, "draft")
            draft.mkdir()
            try:
                _convert(model, folder, draft, batching)
            except (OSError, MemoryError):  # not caused by the model
                raise
            except Exception as error:  # torch, transformers and OpenVINO may raise anything
                line = str(error).strip().splitlines() or [type(error).__name__]
                (draft / REASON).write_text(line[0], "utf-8")
            draft.rename(target)


def _convert(model: SentenceTransformer, folder: Path, target: Path, batching: Batching) -> None:
    import openvino

    from semscore.udfs.backends.load import most_tokens, reads_as, token_reader

    reader = token_reader(model)
    if reader is None:
        raise NotConvertible("only its own code can tokenise texts for it")
    if not reader.specials:
        raise NotConvertible("it is a table of token vectors, without a transformer")
    if any(getattr(module, "include_prompt", True) is False for module in model):
        raise NotConvertible("its pooling leaves the prompt out")
    converted, facts = _traced(model, reader)
    openvino.save_model(converted, target / "model.xml", compress_to_fp16=False)
    # If vectors depend on other texts in a batch, they may depend on padding too.
    facts["pads"] = facts["pads"] and batching == "together"
    facts |= reader.save(target) | {
        "positions": most_tokens(model, folder),
        "truncate_dim": model.truncate_dim,
        "prompts": dict(model.prompts),
        "default_prompt_name": model.default_prompt_name,
    }
    if not reads_as(TokenReader.load(target, facts), model):
        raise NotConvertible("its tokenizer reads texts differently after it is saved to a file")
    (target / "model.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False), "utf-8")


def _chain(model: SentenceTransformer, reader: TokenReader) -> torch.nn.Module:
    """Return all modules as one: from IDs and mask, two (n, tokens), to vectors (n, dim)."""
    import torch

    class Chain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.chain = torch.nn.ModuleList(model)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            features: dict[str, Any] = {
                "input_ids": input_ids,
                "attention_mask": attention_mask,
                "modality": "text",
            }
            if reader.type_ids:
                features["token_type_ids"] = torch.zeros_like(input_ids)
            for module in self.chain:
                features = module(features)
            vectors: torch.Tensor = features["sentence_embedding"]
            return vectors

    return Chain().eval()


def _traced(
    model: SentenceTransformer, reader: TokenReader
) -> tuple[openvino.Model, dict[str, Any]]:
    """Return the model as a graph, and facts: `dim` of its vectors and whether it `pads`.

    The graph takes IDs and attention mask, two (n, tokens), and returns vectors (n, dim). They have
    been compared with torch's. If a token can attend only to padding (in an attention window, or
    before a left-padded text), OpenVINO's attention is NaN. `pads` is then false, because such a
    model must not get padding.
    """
    import numpy as np
    import openvino
    import torch

    from semscore.udfs.backends.load import probe_text

    chain = _chain(model, reader)
    words = reader.read([probe_text(model) * 8])

    def batch(lengths: tuple[int, ...]) -> list[torch.Tensor]:
        """Return IDs and mask of texts with these lengths."""
        ids = np.resize(words.ids, sum(lengths))
        tokens = Tokens(ids, np.cumsum([0, *lengths]), np.zeros(len(lengths), bool))
        rows = np.arange(len(lengths))
        padded = tokens.padded(rows, max(lengths), reader.pad_id, reader.pad_left)
        return [torch.from_numpy(part) for part in padded]

    with torch.inference_mode():
        graph = openvino.convert_model(chain, example_input=batch((8, 6)))
        graph.reshape({place: [-1, -1] for place in graph.inputs})
        settings = {"INFERENCE_PRECISION_HINT": "f32"}
        run = openvino.Core().compile_model(graph, "CPU", settings)

        def difference(lengths: tuple[int, ...]) -> float:
            inputs = batch(lengths)
            expected = chain(*inputs).numpy()
            vectors = run([part.numpy() for part in inputs])[0]
            return float(np.linalg.norm(vectors - expected) / np.linalg.norm(expected))

        # A text at the limit reveals constants of the traced length. A short text follows it.
        longest = min(reader.limit or WITHOUT_LIMIT, MOST)
        even = (*EVEN, (longest,), EVEN[0])
        apart = max(map(difference, even), key=lambda value: (isnan(value), value))
        if not apart <= TOLERANCE:
            raise NotConvertible(f"OpenVINO's vectors differ from torch's by {apart:.1e}")
        pads = all(difference(lengths) <= TOLERANCE for lengths in UNEVEN)
        dim = chain(*batch((3,))).shape[1]
    return graph, {"dim": dim, "pads": pads}
