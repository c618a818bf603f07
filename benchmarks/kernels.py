"""Measure the matrix products of a model on this machine: `python -m benchmarks.kernels --help`.

The limit of a precision is the rate of its fastest kernel at the model's own shapes, with as many
processes as a run has workers, each on one thread. No engine on this machine can be faster. The
weights are laid out beforehand where a kernel allows that, because weights do not change.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from safetensors import safe_open

from benchmarks.hardware import cores
from benchmarks.ours import Book, parser
from semscore.udfs.models.fetch import local_folder, transformer
from semscore.udfs.models.flops import NOT_MULTIPLIED

TOKENS = 1536  # in a forward pass on a CPU
SECONDS = 1.0  # of products, for each kernel and shape
PRECISIONS = ("float32", "bfloat16", "int8")


class Shape(NamedTuple):
    """A product of the activations of all tokens with a layer's weights."""

    inner: int
    columns: int
    times: int  # in a forward pass

    @property
    def operations(self) -> int:
        """Return the floating-point operations of one product."""
        return 2 * TOKENS * self.inner * self.columns


def shapes(model: Path) -> list[Shape]:
    """Return the products of all layers with weights.

    Those within attention are left out; they are a few per cent of the operations in short texts.
    """
    folder, _ = transformer(model)
    counts: Counter[tuple[int, int]] = Counter()
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118 - not a dict
                shape = file.get_slice(name).get_shape()
                if len(shape) == 2 and not any(part in name for part in NOT_MULTIPLIED):
                    counts[shape[1], shape[0]] += 1
    # A cross-encoder's head has one column, and is used once for a pair.
    return [Shape(*shape, times) for shape, times in counts.items() if shape[1] > 1]


def limits(model: Path) -> dict[str, dict[str, Any]]:
    """Return precision -> kernel, and 10^9 operations per second of all cores together."""
    command = [sys.executable, "-m", "benchmarks.kernels", "--one", str(model)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(cores())]
    rates: list[dict[str, dict[str, float]]] = [
        json.loads(process.communicate()[0]) for process in started
    ]
    found = {}
    for precision in rates[0]:
        totals = {
            name: sum(rate[precision][name] for rate in rates) for name in rates[0][precision]
        }
        best = max(totals, key=lambda name: totals[name])
        found[precision] = {"kernel": best, "gflops": round(totals[best], 1), "all": totals}
    return found


def measured(model: Path) -> dict[str, dict[str, float]]:
    """Return precision -> kernel -> 10^9 operations per second on one thread."""
    import torch

    torch.set_num_threads(1)
    layers = shapes(model)
    total = sum(shape.operations * shape.times for shape in layers)
    rates: dict[str, dict[str, float]] = {}
    with torch.inference_mode():
        for precision in PRECISIONS:
            seconds: dict[str, float] = {}
            for shape in layers:
                for name, product in products(precision, shape):
                    best = shape.times * _best_s(product)
                    seconds[name] = seconds.get(name, 0.0) + best
            rates[precision] = {name: total / each / 1e9 for name, each in seconds.items()}
    return rates


def products(precision: str, shape: Shape) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the kernels of a precision, each as a call that multiplies once."""
    import torch

    if precision == "int8":
        yield from _int8(shape)
        return
    dtype = getattr(torch, precision)
    values = torch.randn(TOKENS, shape.inner).to(dtype)
    weight = torch.randn(shape.columns, shape.inner).to(dtype)
    yield "torch.nn.functional.linear", partial(torch.nn.functional.linear, values, weight)
    laid_out = torch.ops.mkldnn._reorder_linear_weight(weight, TOKENS)
    yield (
        "oneDNN, weights laid out",
        partial(torch.ops.mkldnn._linear_pointwise, values, laid_out, None, "none", [], ""),
    )


def _int8(shape: Shape) -> Iterator[tuple[str, Callable[[], Any]]]:
    import torch

    values = torch.randint(0, 255, (TOKENS, shape.inner), dtype=torch.uint8)
    weight = torch.randint(-127, 127, (shape.columns, shape.inner), dtype=torch.int8)
    scales = torch.full((shape.columns,), 0.01)
    zeros = torch.zeros(shape.columns, dtype=torch.int32)
    packed = torch.ops.onednn.qlinear_prepack(weight, None)
    options = (values, 0.1, 128, packed, scales, zeros, None, 1.0, 0, torch.bfloat16)
    yield (
        "oneDNN, weights laid out",
        partial(torch.ops.onednn.qlinear_pointwise, *options, "none", [], ""),
    )


def _best_s(product: Callable[[], Any]) -> float:
    product()
    best = float("inf")
    end = perf_counter() + SECONDS
    while perf_counter() < end:
        start = perf_counter()
        product()
        best = min(best, perf_counter() - start)
    return best


def main() -> None:
    """Measure all kernels, with as many processes as there are cores."""
    options = parser(__doc__)
    options.add_argument("--one", type=Path, help="measure in this process, and print JSON")
    args = options.parse_args()
    if args.one:
        print(json.dumps(measured(args.one)))
        return
    book = Book("kernels", ["model", "precision", "kernel", "gflop_per_s", "is_limit"])
    for precision, found in limits(local_folder(args.model)).items():
        for kernel, rate in found["all"].items():
            book.add(
                model=args.model,
                precision=precision,
                kernel=kernel,
                gflop_per_s=rate,
                is_limit="yes" if kernel == found["kernel"] else "",
            )


if __name__ == "__main__":
    main()
