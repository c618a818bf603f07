"""Export a model for a backend of sentence-transformers, in float32 and in int8.

    python -m benchmarks.peers.export openvino|onnx MODEL FOLDER TEXTS

Does what the documentation of sentence-transformers recommends for CPUs. For OpenVINO, int8 is
calibrated on TEXTS, a folder with a parquet file that has the column `sentence`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.peers.common import loader

ONNX_CONFIG = "avx512_vnni"
# Backend and whether it is int8 -> the file, as sentence-transformers names it.
FILES = {
    ("openvino", False): "openvino/openvino_model.xml",
    ("openvino", True): "openvino/openvino_model_qint8_quantized.xml",
    ("onnx", False): "onnx/model.onnx",
    ("onnx", True): f"onnx/model_qint8_{ONNX_CONFIG}.onnx",
}


def main() -> None:
    """Export, then quantise."""
    parser = argparse.ArgumentParser()
    parser.add_argument("backend", choices=("openvino", "onnx"))
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--samples", type=int, help="texts to calibrate on; default: OpenVINO's")
    args = parser.parse_args()
    model = loader(args.model)(str(args.model), device="cpu", backend=args.backend)
    model.save_pretrained(str(args.folder))
    if args.backend == "onnx":
        from sentence_transformers import export_dynamic_quantized_onnx_model

        export_dynamic_quantized_onnx_model(model, ONNX_CONFIG, str(args.folder))
    else:
        from optimum.intel import OVQuantizationConfig
        from sentence_transformers import export_static_quantized_openvino_model

        samples = {"num_samples": args.samples} if args.samples else {}
        export_static_quantized_openvino_model(
            model,
            quantization_config=OVQuantizationConfig(**samples),
            model_name_or_path=str(args.folder),
            dataset_name=str(args.texts),
            dataset_config_name="default",
            dataset_split="train",
            column_name="sentence",
        )


if __name__ == "__main__":
    main()
