"""Measure the operators of a forward pass: `python -m benchmarks.operators --help`.

Runs one batch of random tokens on one thread and takes the times that OpenVINO reports for each
operator. Compare the rate of the matrix products with the rate that torch reaches in a product of
the same kind (kernels.py).
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.corpus import corpus
from benchmarks.files import first_rows
from benchmarks.ours import Book, parser
from benchmarks.seconds import distinct_texts
from semscore.udfs.backends.openvino import no_telemetry  # noqa: F401
from semscore.udfs.backends.openvino.calibration import calibrate
from semscore.udfs.backends.openvino.converted import converted
from semscore.udfs.backends.openvino.forward import HINTS
from semscore.udfs.models.fetch import local_folder
from semscore.udfs.recipe import Recipe

import openvino  # isort: skip

ROWS, WIDTH = 48, 32  # about the batch that the token budget of a CPU makes from these texts
TURNS = 10
PRODUCTS = ("FullyConnected", "FullyConnectedQuantizedLegacy", "MatMul")


def milliseconds(place: Path, precision: str) -> Counter[str]:
    """Measure the time of each kind of operator in a warm forward pass: name -> ms."""
    settings = {
        "INFERENCE_PRECISION_HINT": HINTS[precision],  # type: ignore[index]
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
        "PERF_COUNT": True,
    }
    model = openvino.Core().compile_model(place / "model.xml", "CPU", settings)
    request = model.create_infer_request()
    ids = np.random.default_rng(0).integers(1000, 20_000, (ROWS, WIDTH))
    inputs = [ids, np.ones_like(ids)]
    request.infer(inputs)
    times: Counter[str] = Counter()
    for _ in range(TURNS):
        request.infer(inputs)
        for part in request.profiling_info:
            times[part.node_type] += part.real_time.total_seconds() * 1000 / TURNS
    return times


def main() -> None:
    """Measure one precision after the other."""
    options = parser(__doc__)
    args = options.parse_args()
    model = local_folder(args.model)
    columns = ["precision", "all_ms", "products_ms", "products_share", "gflop_per_s", "others"]
    book = Book("operators", columns)
    config = json.loads((model / "config.json").read_text("utf-8"))
    layers, hidden = config["num_hidden_layers"], config["hidden_size"]
    gflop = ROWS * WIDTH * layers * 24 * hidden**2 / 1e9  # in the products with weights
    with tempfile.TemporaryDirectory() as folder:
        texts = distinct_texts(first_rows(corpus("en", args.suite), 500))
        int8 = calibrate(texts, Recipe(model=args.model), folder).calibration
        assert int8
        places = {
            "float32": converted(model, "bi-encoder"),
            "bfloat16": converted(model, "bi-encoder"),
            "int8": Path(int8),
        }
        for precision, place in places.items():
            times = milliseconds(place, precision)
            products = sum(times[name] for name in PRODUCTS)
            others = Counter({name: ms for name, ms in times.items() if name not in PRODUCTS})
            book.add(
                precision=precision,
                all_ms=times.total(),
                products_ms=products,
                products_share=products / times.total(),
                gflop_per_s=gflop / products * 1000,
                others=", ".join(f"{name} {ms:.1f}" for name, ms in others.most_common(4)),
            )


if __name__ == "__main__":
    main()
