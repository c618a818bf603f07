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
from semscore.udfs.backends.openvino.inputs import graph_inputs, load_reader
from semscore.udfs.backends.protocol import NotConvertible
from semscore.udfs.backends.trial import trial_tokens
from semscore.udfs.proofs.neighbours import MOST, WITHOUT_LIMIT, Batching
from semscore.udfs.recipe import Kind

if TYPE_CHECKING:
    import openvino
    import torch

    from semscore.udfs.backends.readers import Reader

TOLERANCE = 1e-5  # between torch's and OpenVINO's float32 vectors, relative to their length
LOGIT = 1.0  # of a cross-encoder: smaller logits may differ as much as one of this size
# The batches that are compared, as the lengths of their texts in tokens, without and with padding.
EVEN = ((3,), (11, 11, 11), (40, 40))
UNEVEN = ((11, 7, 11), (40, 13))


def convert(
    model: Any, folder: Path, kind: Kind, target: Path, batching: Batching = "together"
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
                _convert(model, folder, kind, draft, batching)
            except (OSError, MemoryError):  # not caused by the model
                raise
            except Exception as error:  # torch, transformers and OpenVINO may raise anything
                line = str(error).strip().splitlines() or [type(error).__name__]
                (draft / REASON).write_text(line[0], "utf-8")
            draft.rename(target)


def _convert(model: Any, folder: Path, kind: Kind, target: Path, batching: Batching) -> None:
    import openvino
    from sentence_transformers.sentence_transformer.modules import Router

    from semscore.udfs.backends.first_token import only_first_token
    from semscore.udfs.backends.load import most_tokens, probe_text
    from semscore.udfs.backends.readers import reader_of, reads_as

    if kind == "late-interaction":
        raise NotConvertible("it gives each token a vector")
    reader = reader_of(model, kind)
    if reader is None:
        raise NotConvertible("only its own code can tokenise texts for it")
    if not reader.specials:
        raise NotConvertible("it is a table of token vectors, without a transformer")
    if any(getattr(module, "include_prompt", True) is False for module in model):
        raise NotConvertible("its pooling leaves the prompt out")
    if any(isinstance(module, Router) for module in model):
        raise NotConvertible("its Router runs other modules for queries than for documents")
    if kind == "cross-encoder":
        only_first_token(model, probe_text(model))
    converted, facts = _traced(model, reader, kind)
    openvino.save_model(converted, target / "model.xml", compress_to_fp16=False)
    # If vectors depend on other texts in a batch, they may depend on padding too.
    facts["pads"] = facts["pads"] and batching == "together"
    facts |= reader.save(target) | {
        "kind": kind,
        "positions": most_tokens(model, folder),
        "truncate_dim": model.truncate_dim if kind == "bi-encoder" else None,
        "prompts": dict(model.prompts),
        "default_prompt_name": model.default_prompt_name,
    }
    if not reads_as(load_reader(target, facts), model):
        raise NotConvertible("its tokenizer reads texts differently after it is saved to a file")
    (target / "model.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False), "utf-8")


def _chain(model: Any, kind: Kind, types: bool) -> torch.nn.Module:
    """Return all modules as one: from IDs, mask and types, each (n, tokens), to vectors (n, dim).

    A transformer that takes no types ignores them.
    """
    import torch

    from semscore.udfs.backends.load import one_vector_each

    class Chain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.chain = torch.nn.ModuleList(model)

        def forward(
            self,
            input_ids: torch.Tensor,
            attention_mask: torch.Tensor,
            token_type_ids: torch.Tensor | None = None,
        ) -> torch.Tensor:
            features: dict[str, Any] = {
                "input_ids": input_ids,
                "attention_mask": attention_mask,
                "modality": "text",
            }
            if types:
                features["token_type_ids"] = (
                    torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
                )
            for module in self.chain:
                features = module(features)
            return one_vector_each(features, kind)

    return Chain().eval()


def _traced(model: Any, reader: Reader, kind: Kind) -> tuple[openvino.Model, dict[str, Any]]:
    """Return the model as a graph, and facts: `dim` of its vectors and whether it `pads`.

    The graph takes IDs, attention mask and, of pairs, token types if the transformer knows them,
    each (n, tokens). It returns vectors (n, dim), or the logits of pairs. They have been compared
    with torch's. If a token can attend only to padding (in an attention window, or
    before a left-padded text), OpenVINO's attention is NaN. `pads` is then false, because such a
    model must not get padding.
    """
    import numpy as np
    import openvino
    import torch

    from semscore.udfs.backends.load import probe_text

    chain = _chain(model, kind, reader.type_ids)
    word = probe_text(model)

    def batch(lengths: tuple[int, ...]) -> list[torch.Tensor]:
        """Return the graph's input for texts with these lengths, or for pairs."""
        tokens = trial_tokens(reader, kind, word, lengths)
        rows = np.arange(len(lengths))
        return [torch.from_numpy(part) for part in graph_inputs(tokens, rows, max(lengths), reader)]

    with torch.inference_mode():
        graph = openvino.convert_model(chain, example_input=batch((8, 6)))
        graph.reshape({place: [-1, -1] for place in graph.inputs})
        settings = {"INFERENCE_PRECISION_HINT": "f32"}
        run = openvino.Core().compile_model(graph, "CPU", settings)

        floor = LOGIT if kind == "cross-encoder" else 0.0

        def difference(lengths: tuple[int, ...]) -> float:
            inputs = batch(lengths)
            expected = chain(*inputs).numpy()
            vectors = run([part.numpy() for part in inputs])[0]
            length = max(float(np.linalg.norm(expected)), floor)
            return float(np.linalg.norm(vectors - expected)) / length

        # A text at the limit reveals constants of the traced length. A short text follows it.
        longest = min(reader.limit or WITHOUT_LIMIT, MOST)
        even = (*EVEN, (longest,), EVEN[0])
        apart = max(map(difference, even), key=lambda value: (isnan(value), value))
        if not apart <= TOLERANCE:
            raise NotConvertible(f"OpenVINO's vectors differ from torch's by {apart:.1e}")
        pads = all(difference(lengths) <= TOLERANCE for lengths in UNEVEN)
        dim = chain(*batch((3,))).shape[1]
    return graph, {"dim": dim, "pads": pads}
