"""Each public name explains itself: arguments, returns, errors, and an example that runs."""

from __future__ import annotations

import doctest
import inspect
import json
from pathlib import Path
from typing import Any

import griffe
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import records
from pyspark.sql import SparkSession
from sources import copy_sources

import semscore
from semscore.jobs.demo.pairs import graded_pairs

ROOT = Path(__file__).parents[2]
# Examples that need a dataset that another one writes come behind it.
NAMES = sorted(semscore.__all__, key=lambda name: (name == "report", name))
RAISE_NOTHING = {"SIMILARITY_TYPE", "__version__"}
# An example may need what cannot be had here; the rest of it runs.
SKIPPED = {"launch": "needs AWS"}
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> griffe.Module:
    """The sources as the site reads them, under the names of an installed package."""
    folder = tmp_path_factory.mktemp("sources")
    copy_sources(folder / "semscore")
    loaded = griffe.load(
        "semscore", search_paths=[folder], docstring_parser="google", try_relative_path=False
    )
    assert isinstance(loaded, griffe.Module)
    return loaded


def sections(package: griffe.Module, name: str) -> dict[str, Any]:
    """The sections of a name's docstring, by their kinds."""
    docstring = package[name].final_target.docstring
    assert docstring, f"{name} has no docstring"
    return {section.kind.value: section.value for section in docstring.parsed}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pairs that the examples read: 200 rows, of which 2 lack a text."""
    folder = tmp_path_factory.mktemp("examples")
    pairs = (graded_pairs() * 2)[:200]
    texts2 = [None, None, *(pair.text2 for pair in pairs[2:])]
    (folder / "pairs").mkdir()
    table = pa.table({"text1": [pair.text1 for pair in pairs], "text2": texts2})
    pq.write_table(table, folder / "pairs/part.parquet")
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_it_has_an_example_and_what_it_raises(package: griffe.Module, name: str) -> None:
    found = sections(package, name)
    assert "examples" in found
    assert "raises" in found or name in RAISE_NOTHING | {"UserError"}


@pytest.mark.parametrize("name", NAMES)
def test_it_explains_all_arguments_and_what_it_returns(package: griffe.Module, name: str) -> None:
    public = getattr(semscore, name)
    found = sections(package, name)
    if inspect.isfunction(public):
        named = [parameter.name for parameter in found["parameters"]]
        assert [name.lstrip("*") for name in named] == list(inspect.signature(public).parameters)
        returns = inspect.signature(public).return_annotation
        assert ("returns" in found) == (returns not in ("None", None))
    elif inspect.isclass(public) and not issubclass(public, Exception):
        fields = package[name].final_target.attributes
        shown = [
            field for field in fields.values() if field.is_public and "property" not in field.labels
        ]
        assert [field.name for field in shown if not field.docstring] == []


@pytest.mark.parametrize("name", NAMES)
def test_its_example_runs(
    package: griffe.Module,
    name: str,
    folder: Path,
    spark: SparkSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`local_spark()` in an example returns the session of the tests."""
    monkeypatch.chdir(folder)
    docstring = package[name].final_target.docstring
    assert docstring
    test = doctest.DocTestParser().get_doctest(docstring.value, {}, name, None, None)
    skipped = [example for example in test.examples if doctest.SKIP in example.options]
    assert bool(skipped) == (name in SKIPPED)
    assert len(test.examples) > len(skipped)
    failed: list[str] = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=failed.append)
    assert not failed, "".join(failed)


def test_the_reference_names_all_keys_of_a_run_s_records(folder: Path) -> None:
    """Of the dataset that the example of `score` has written."""
    [page] = records.pages().values()
    parts = {part.partition("\n")[0]: part for part in page.split("\n## ")[1:]}
    home = folder / "scored/_semscore"
    for name, record in {
        "run.json": home / "run.json",
        "manifest.json": home / "manifest.json",
        "progress.json": home / "progress.json",
        "units/": next((home / "units").iterdir()),
        "lease/": next((home / "lease").iterdir()),
    }.items():
        for key in json.loads(record.read_text("utf-8")):
            assert f"| `{key}` | " in parts[name], (name, key)
    for key in json.loads((home / "report.json").read_text("utf-8")):
        assert f"`{key}`" in parts["report.json and report.html"], key
