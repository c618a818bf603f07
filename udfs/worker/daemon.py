"""Spark's Python daemon with what every worker needs imported already: workers fork from it.

    spark.python.daemon.module  semscore.udfs.worker.daemon

A worker then starts in milliseconds instead of seconds. For executors on which semscore is
installed; one that only came with --py-files is not seen by the daemon, and every task would fail.
SEMSCORE_PRELOAD names further modules, separated by commas: on GPUs, sentence_transformers.

Imports only: a thread, an OpenMP region or a CUDA context that exists before the fork is broken
after it. (`spark.python.daemon.module` is undocumented; NVIDIA's RAPIDS plugin uses it too.)
"""

from __future__ import annotations

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
    """Import what can be imported; what is not installed may not be needed."""
    more = os.environ.get("SEMSCORE_PRELOAD", "").split(",")
    for name in (*MODULES, *filter(None, more)):
        with suppress(ImportError):
            import_module(name)


if __name__ == "__main__":
    preload()
    from pyspark.daemon import manager

    manager()  # type: ignore[no-untyped-call]
