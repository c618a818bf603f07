"""Convert a sentence-transformers model for OpenVINO, whole: tokens in, sentence vectors out.

Prompts, tokenizer and limit are written beside the graph: who scores with it needs no torch.
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
# Batches that are compared: tokens of their texts, without padding and with.
EVEN = ((3,), (11, 11, 11), (40, 40))
UNEVEN = ((11, 7, 11), (40, 13))


def convert(
    model: SentenceTransformer, folder: Path, target: Path, batching: Batching = "together"
) -> None:
    """Write the converted model, or the reason why there is none, at `target`, at once or never.

    `model` is that of `folder`, in float32 on the CPU; `batching`: how its vectors are right.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target}.lock"):
        if target.exists():
            return
        with tempfile.TemporaryDirectory(dir=target.parent) as workshop:
            made = Path(workshop, "made")
            made.mkdir()
            try:
                _convert(model, folder, made, batching)
            except (OSError, MemoryError):  # of this moment, not of the model
                raise
            except Exception as error:  # of torch, transformers, OpenVINO: whatever they raise
                line = str(error).strip().splitlines() or [type(error).__name__]
                (made / REASON).write_text(line[0], "utf-8")
            made.rename(target)


def _convert(model: SentenceTransformer, folder: Path, made: Path, batching: Batching) -> None:
    import openvino

    from semscore.udfs.backends.load import most_tokens, reads_as, token_reader

    reader = token_reader(model)
    if reader is None:
        raise NotConvertible("only its own code can tokenise for it")
    if not reader.specials:
        raise NotConvertible("it is a table of token vectors, without a transformer")
    if any(getattr(module, "include_prompt", True) is False for module in model):
        raise NotConvertible("its pooling leaves the prompt out")
    converted, facts = _traced(model, reader)
    openvino.save_model(converted, made / "model.xml", compress_to_fp16=False)
    # Padding is a neighbour too.
    facts["pads"] = facts["pads"] and batching == "together"
    facts |= reader.save(made) | {
        "positions": most_tokens(model, folder),
        "truncate_dim": model.truncate_dim,
        "prompts": dict(model.prompts),
        "default_prompt_name": model.default_prompt_name,
    }
    if not reads_as(TokenReader.load(made, facts), model):
        raise NotConvertible("its tokenizer reads texts otherwise once it is written to a file")
    (made / "model.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False), "utf-8")


def _chain(model: SentenceTransformer, reader: TokenReader) -> torch.nn.Module:
    """The model's modules as one, from ids and mask, two (n, tokens), to vectors (n, dim)."""
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
    """The model as a graph, proved to give torch's vectors; their `dim`, and whether it `pads`.

    The graph takes ids and attention mask, two (n, tokens), and gives vectors (n, dim). Where a
    token may see nothing but padding (in a window of attention, or before a left-padded text),
    OpenVINO's attention is not a number: such a model must not be given padding.
    """
    import numpy as np
    import openvino
    import torch

    from semscore.udfs.backends.load import probe_text

    chain = _chain(model, reader)
    words = reader.read([probe_text(model) * 8])

    def batch(lengths: tuple[int, ...]) -> list[torch.Tensor]:
        """Texts of some lengths: ids and mask."""
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
            given = batch(lengths)
            expected = chain(*given).numpy()
            found = run([part.numpy() for part in given])[0]
            return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))

        # At the limit too, where a constant of the traced length would show, and after it again.
        longest = min(reader.limit or WITHOUT_LIMIT, MOST)
        even = (*EVEN, (longest,), EVEN[0])
        apart = max(map(difference, even), key=lambda value: (isnan(value), value))
        if not apart <= TOLERANCE:
            raise NotConvertible(f"OpenVINO's vectors differ from torch's by {apart:.1e}")
        pads = all(difference(lengths) <= TOLERANCE for lengths in UNEVEN)
        dim = chain(*batch((3,))).shape[1]
    return graph, {"dim": dim, "pads": pads}
