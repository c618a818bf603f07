"""A Python daemon for Spark that imports what workers need, before they fork from it.

    spark.python.daemon.module  semscore.udfs.worker.daemon

A worker then starts in milliseconds instead of seconds. This requires semscore to be installed on
the executors. If it only comes with --py-files, the daemon cannot import it and every task fails.
SEMSCORE_PRELOAD names further modules, separated by commas, such as sentence_transformers on GPUs.

The daemon only imports. A thread, an OpenMP region or a CUDA context that exists before the fork
does not work after it. (`spark.python.daemon.module` is undocumented. NVIDIA's RAPIDS plugin uses
it too.)
"""

from __future__ import annotations

import gc
import os
from contextlib import suppress
from importlib import import_module

MODULES = (
    "pandas",
    "pyarrow",
    "pyspark.sql.pandas.serializers",
    "semscore.udfs.worker.resident",
    "semscore.udfs.backends.registry",
    "semscore.udfs.worker.canary",
    "semscore.udfs.backends.proving.proved",
    "semscore.udfs.texts.encoder",
    "semscore.udfs.backends.openvino.forward",
)


def preload() -> None:
    """Import all modules that are installed. The others may not be needed.

    Nothing of them is garbage. So Python does not look for any meanwhile, nor later in the workers,
    which would copy the memory that they share.
    """
    more = os.environ.get("SEMSCORE_PRELOAD", "").split(",")
    gc.disable()
    for name in (*MODULES, *filter(None, more)):
        with suppress(ImportError):
            import_module(name)
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    preload()
    from pyspark.daemon import manager

    manager()  # type: ignore[no-untyped-call]
