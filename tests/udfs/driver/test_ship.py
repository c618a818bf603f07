"""The archive of a model, and what happens if a platform does not take it."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import pytest

from semscore.udfs.driver.session import Active
from semscore.udfs.driver.ship import ship
from semscore.udfs.models.model_hash import content_files
from semscore.udfs.models.shipped import archive_name
from semscore.udfs.recipe import Recipe

RECIPE = Recipe(model="some-model", revision="1")


class Context:
    """What takes archives, as a SparkContext does."""

    def __init__(self, error: Exception | None = None) -> None:
        self.archives: list[str] = []
        self._error = error

    def addArchive(self, archive: str) -> None:  # noqa: N802 - Spark's name
        if self._error:
            raise self._error
        self.archives.append(archive)


def session(context: Context, master: str = "yarn") -> Active:
    conf = SimpleNamespace(get=lambda name, default: {"spark.master": master}.get(name, default))
    spark: Any = SimpleNamespace(sparkContext=context, conf=conf)
    return Active(spark, is_connect=False)


def test_the_archive_has_the_files_of_the_model_and_is_sent_once(model_folder: Path) -> None:
    context = Context()
    for recipe in (RECIPE, RECIPE, Recipe(model="some-model", revision="2")):
        ship(recipe, model_folder, session(context))
    assert len(context.archives) == 2
    archive, _, name = context.archives[0].partition("#")
    assert name == archive_name(RECIPE)
    files = {str(file.relative_to(model_folder)) for file in content_files(model_folder)}
    with ZipFile(archive) as sent:
        assert set(sent.namelist()) == files
        config = (model_folder / "modules.json").read_bytes()
        assert sent.read("modules.json") == config


@pytest.mark.parametrize(
    ("master", "model"), [("local[2]", "some-model"), ("yarn", "s3://bucket/model")]
)
def test_what_workers_can_reach_is_not_sent(master: str, model: str, model_folder: Path) -> None:
    context = Context()
    ship(Recipe(model=model), model_folder, session(context, master))
    assert context.archives == []


def test_a_platform_that_takes_no_archives_is_spoken_of(
    model_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context = Context(RuntimeError("addArchive is not allowed here\nat com.example"))
    with caplog.at_level(logging.WARNING, "semscore"):
        for _ in range(2):
            ship(RECIPE, model_folder, session(context))
    assert [record.message for record in caplog.records] == [
        "the workers must have the model, because it could not be sent: addArchive is not allowed "
        "here"
    ]
