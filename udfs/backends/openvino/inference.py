"""One compiled model, and proof that what it gives belongs to the call that asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.backends.openvino import no_telemetry  # noqa: F401
from semscore.udfs.gpus.faults import Untrusted

import openvino  # isort: skip

UNWRITTEN = np.uint32(0x7FC5E5C0)  # the bits of a not-a-number that no computation gives
ATTEMPTS = 2


class Inference:
    """A model compiled for the CPU.

    OpenVINO may go on after a request that it could not run: with the shapes of that request, so
    that sound ones fail, or with the output of an earlier one. So each call has an output of its
    own, filled with UNWRITTEN, and after an error the model is compiled again.
    """

    def __init__(self, graph: Path, settings: Mapping[str, Any]) -> None:
        self._graph, self._settings = graph, dict(settings)
        self._request: Any = None

    def run(self, inputs: list[NDArray[Any]], shape: tuple[int, int]) -> NDArray[np.float32]:
        """The output of a request, (n, dim); raises what OpenVINO raises.

        Raises Untrusted if twice the output is not that of this request.
        """
        for _ in range(ATTEMPTS):
            output = np.empty(shape, np.float32)
            output.view(np.uint32)[:] = UNWRITTEN
            try:
                found = self._infer(inputs, output)
            except Exception:
                self._request = None
                raise
            if found == shape and not (output.view(np.uint32) == UNWRITTEN).any():
                return output
            self._request = None
        raise Untrusted(
            f"OpenVINO did not write the output of a request: it has shape {found}, expected "
            f"{shape}"
        )

    def _infer(self, inputs: list[NDArray[Any]], output: NDArray[np.float32]) -> tuple[int, ...]:
        """Run a request that writes to `output`; the shape of what it has written."""
        if self._request is None:
            # Weights are mapped from the file: the workers of a node share them.
            model = openvino.Core().compile_model(self._graph, "CPU", self._settings)
            self._request = model.create_infer_request()
        self._request.set_output_tensor(0, openvino.Tensor(output, shared_memory=True))
        self._request.infer(inputs, share_inputs=True, share_outputs=True)
        return tuple(self._request.get_output_tensor(0).shape)
