"""The OpenVINO backend: a converted model on a CPU, without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.backends.openvino import no_telemetry  # noqa: F401
from semscore.udfs.backends.openvino.inference import Inference
from semscore.udfs.backends.openvino.inputs import graph_inputs, load_reader
from semscore.udfs.backends.openvino.widths import rounded_up
from semscore.udfs.backends.prompts import Prompts
from semscore.udfs.backends.protocol import Rows
from semscore.udfs.backends.tokens import Tokens
from semscore.udfs.errors import ModelError
from semscore.udfs.models.token_limit import TOO_MANY
from semscore.udfs.recipe import Kind, Precision, Prompt, Recipe

import openvino  # isort: skip

CPU_TOKENS = 1536  # in a forward pass; any number from 500 to 3,000 suits the caches
# From a power of two to the next: 16 add 1.5% of padding, 8 add 3%, but then only half as many
# shapes have to be compiled, which takes 15 ms each in int8, and 5 ms otherwise.
WIDTHS, INT8_WIDTHS = 16, 8
KEPT = 1500  # cached kernels: about 15 for each shape, which take 1 MB, or 5 MB in int8
# int8: what is not quantised stays in float32 on every CPU, so that scores do not depend on the
# CPU. bfloat16 would save only 4%.
HINTS: dict[Precision, str] = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}


class OpenVinoBackend:
    """A converted model (see convert.py), run on texts of one width at a time.

    A text is padded to a width that depends only on its own length. So its vector does not depend
    on the other texts of a batch, although padding changes rounding in half precision and int8. It
    also limits the number of shapes, for each of which OpenVINO has to compile code.
    """

    name = "openvino"
    max_texts: int | None = None
    token_budget = CPU_TOKENS
    stretch = 1.0  # all texts of a batch have one width
    flat = False

    def __init__(self, converted: Path, recipe: Recipe, cpus: int) -> None:
        facts = json.loads((converted / "model.json").read_text("utf-8"))
        most: int | None = facts.get("positions")
        if most and recipe.max_seq_length and recipe.max_seq_length > most:
            raise ModelError(TOO_MANY.format(recipe.max_seq_length, "the model", most))
        self.kind: Kind = facts.get("kind", "bi-encoder")  # which older calibrations do not state
        self.reader: Any = load_reader(converted, facts, recipe.max_seq_length)
        self.limit = self.reader.limit
        self.prompts = Prompts(facts["prompts"], facts["default_prompt_name"])
        self.pads: bool = facts["pads"]
        dim: int = facts["dim"]
        self.dim = min(recipe.truncate_dim or facts["truncate_dim"] or dim, dim)
        settings = {
            "INFERENCE_PRECISION_HINT": HINTS[recipe.precision],
            "INFERENCE_NUM_THREADS": cpus,
            "NUM_STREAMS": 1,
            # Otherwise all workers of a node pin their threads to the same first cores.
            "ENABLE_CPU_PINNING": False,
            "CPU_RUNTIME_CACHE_CAPACITY": KEPT,
        }
        self.all_dims = dim
        self._widths = INT8_WIDTHS if recipe.precision == "int8" else WIDTHS
        self._inference = Inference(converted / "model.xml", settings)

    def prepare(self, items: Any, prompt: Prompt) -> Tokens:
        """Tokenise n texts or pairs."""
        tokens: Tokens = self.reader.read(items, self.prompts.text(prompt))
        return tokens

    def forward(self, inputs: Tokens, rows: Rows, prompt: Prompt) -> NDArray[np.float32]:  # noqa: ARG002 - part of inputs
        """Run some of the texts, all of one width: (k,) indices -> (k, dim) float32."""
        [width] = self.widths(inputs.lengths[rows[:1]])
        padded = graph_inputs(inputs, rows, int(width), self.reader)
        return self._inference.run(padded, (len(rows), self.all_dims))[:, : self.dim]

    def widths(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of tokens to which texts are padded, at most the model's limit."""
        if not self.pads:
            return lengths
        return np.minimum(rounded_up(lengths, self._widths), self.limit or np.iinfo(np.int64).max)

    def prove(self, folder: Path) -> None:  # noqa: ARG002 - proved before the conversion
        """Return None. The model was proved before its conversion: see convert.py."""
        return None

    def vectors(self, n: int) -> NDArray[Any]:
        """Return n zero vectors."""
        return np.zeros((n, self.dim), np.float32)

    def wait(self) -> None:
        """Do nothing, because each forward pass returns only when its result is there."""

    def move(self, device: str) -> None:
        """Do nothing, because there is only one CPU."""


def has_bfloat16() -> bool:
    """Return whether this CPU computes in bfloat16 (AVX512-BF16, AMX)."""
    capabilities: list[str] = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "BF16" in capabilities
