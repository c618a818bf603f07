"""A compiled model, with a check that each output belongs to its request."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semscore.udfs.backends.openvino import no_telemetry  # noqa: F401
from semscore.udfs.gpus.faults import Untrusted

import openvino  # isort: skip

UNWRITTEN = np.uint32(0x7FC5E5C0)  # the bits of a NaN that no computation produces
ATTEMPTS = 2


class Inference:
    """A model compiled for the CPU.

    After a failed request, OpenVINO may keep its shapes, so that valid requests fail too, or may
    return the output of an earlier request. So each call gets a new output, filled with UNWRITTEN,
    and the model is compiled again after an error.
    """

    def __init__(self, graph: Path, settings: Mapping[str, Any]) -> None:
        self._graph, self._settings = graph, dict(settings)
        self._request: Any = None

    def run(self, inputs: list[NDArray[Any]], shape: tuple[int, int]) -> NDArray[np.float32]:
        """Run a request and return its output, (n, dim). Raises OpenVINO's exceptions.

        Raises Untrusted if the output is not that of this request, even on the second attempt.
        """
        for _ in range(ATTEMPTS):
            output = np.empty(shape, np.float32)
            output.view(np.uint32)[:] = UNWRITTEN
            try:
                written = self._infer(inputs, output)
            except Exception:
                self._request = None
                raise
            if written == shape and not (output.view(np.uint32) == UNWRITTEN).any():
                return output
            self._request = None
        raise Untrusted(
            f"OpenVINO did not write the output of a request: it has shape {written}, expected "
            f"{shape}"
        )

    def _infer(self, inputs: list[NDArray[Any]], output: NDArray[np.float32]) -> tuple[int, ...]:
        """Run a request that writes to `output`. Returns the shape of what it has written."""
        if self._request is None:
            # Weights are memory-mapped from the file, so the workers of a node share them.
            model = openvino.Core().compile_model(self._graph, "CPU", self._settings)
            self._request = model.create_infer_request()
        self._request.set_output_tensor(0, openvino.Tensor(output, shared_memory=True))
        self._request.infer(inputs, share_inputs=True, share_outputs=True)
        return tuple(self._request.get_output_tensor(0).shape)
