#!/usr/bin/env python3
"""Write to /opt/semscore/image.json what the image was built from. The job checks it.

    describe_image.py VERSION

Also proves that all libraries work together, because it imports them.
"""

from __future__ import annotations

import json
import platform
import sys
from importlib import import_module, metadata
from pathlib import Path

from model_hash import content_sha256

HERE = Path(__file__).resolve().parent
LIBRARIES = ("numpy", "pandas", "pyarrow", "sentence-transformers", "torch", "transformers")
IMPORTED = ("boto3", "cyclopts", "obstore", "pandas", "pyarrow", "sentence_transformers")


def main(version: str) -> None:
    """Write the description."""
    if not version:
        raise SystemExit("SEMSCORE_VERSION is empty; set it with --build-arg SEMSCORE_VERSION=…")
    for name in IMPORTED:
        import_module(name)
    import torch

    model = HERE / "model"
    facts = {
        "semscore": version,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "model_sha256": content_sha256(model) if any(model.glob("*.json")) else None,
    }
    (HERE / "image.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
