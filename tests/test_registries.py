"""What is entered in a table is entered whole, and in all places that belong to it."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
import torch

from semscore.jobs.diagnosis.registry import CHECKS
from semscore.jobs.reporting.charts import CHARTS
from semscore.udfs import statuses
from semscore.udfs.backends import registry as backends
from semscore.udfs.backends.load import CLASSES
from semscore.udfs.backends.protocol import Backend
from semscore.udfs.models import pair_head
from semscore.udfs.models.fitted import MEANINGLESS
from semscore.udfs.pairs import cross_encoder
from semscore.udfs.pairs.metrics import _METRICS
from semscore.udfs.pairs.registry import SCORERS
from semscore.udfs.recipe import AskedKind, BackendName, Kind, Metric, Recipe
from semscore.udfs.stores.folder import Folder
from semscore.udfs.stores.hadoop_folder import HadoopFolder
from semscore.udfs.stores.local_folder import LocalFolder
from semscore.udfs.stores.registry import REMOTE, is_remote, needs_java
from semscore.udfs.stores.s3_folder import S3Folder

ROOT = Path(__file__).parents[1]


def test_metrics() -> None:
    assert set(_METRICS) == set(get_args(Metric))
    text = (ROOT / "docs/scoring.md").read_text("utf-8")
    for name in get_args(Metric):
        assert f"\n| `{name}` | " in text


def test_kinds_of_models() -> None:
    kinds = set(get_args(Kind))
    assert set(get_args(AskedKind)) == kinds | {"auto"}
    for table in (SCORERS, CLASSES, MEANINGLESS):
        assert set(table) == kinds
    text = (ROOT / "docs/models.md").read_text("utf-8")
    for kind in kinds:
        assert f"\n| `{kind}` | " in text
    for options in MEANINGLESS.values():
        assert set(options) <= {field.name for field in fields(Recipe)}


def test_activations() -> None:
    assert set(cross_encoder.ACTIVATIONS) == set(pair_head.ACTIVATIONS)
    values = torch.linspace(-3, 3, 7, dtype=torch.float64)
    for name, function in cross_encoder.ACTIVATIONS.items():
        expected = getattr(torch.nn, name)()(values)
        assert function(values.numpy()) == pytest.approx(expected.numpy())


def test_backends() -> None:
    assert set(backends.LIBRARIES) == set(get_args(BackendName)) - {"auto"}
    from semscore.udfs.backends.flat.forward import FlatBackend
    from semscore.udfs.backends.openvino.forward import OpenVinoBackend
    from semscore.udfs.backends.torch import TorchBackend

    methods = {name for name in vars(Backend) if not name.startswith("_")}
    for kind in (FlatBackend, OpenVinoBackend, TorchBackend):
        assert methods <= set(dir(kind))


@pytest.mark.parametrize("kind", [LocalFolder, S3Folder, HadoopFolder])
def test_stores(kind: type[Folder]) -> None:
    assert not kind.__abstractmethods__  # type: ignore[attr-defined]


def test_schemes() -> None:
    for scheme in REMOTE:
        assert is_remote(f"{scheme}://bucket/folder")
    for place in ("folder", "/folder", "file:///folder", "s3", "ftp://bucket/folder"):
        assert not is_remote(place)


def test_s3_is_never_reached_through_hadoop() -> None:
    """S3A looks for a file and then creates it, in two steps."""
    assert not needs_java("s3://b/f") and not needs_java("s3a://b/f")
    assert [scheme for scheme, store in REMOTE.items() if store.needs_java] == [
        "hdfs",
        "abfss",
        "gs",
    ]
    assert [scheme for scheme, store in REMOTE.items() if not store.is_exclusive] == ["abfss", "gs"]


def test_the_readmes_table_of_statuses_is_the_code_s() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for status in statuses.TABLE:
        score = "yes" if status.has_score else "null"
        assert f"| `{status.name}` | {status.meaning} | {score} |" in text


def test_each_check_of_the_diagnosis_is_entered() -> None:
    """Those of a run's places that only one side makes are called by name there."""
    written = set()
    for file in (ROOT / "jobs/diagnosis").glob("check_*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        written |= {
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")
        }
    sources = [ROOT / f"jobs/diagnosis/{name}.py" for name in ("registry", "preflight")]
    called = set(re.findall(r"\b(check_\w+)\(", "".join(s.read_text("utf-8") for s in sources)))
    assert written <= called
    assert len({entry.name for entry in CHECKS}) == len(CHECKS)


def test_the_docs_have_each_check() -> None:
    rows = (ROOT / "docs/doctor.md").read_text("utf-8")
    for entry in CHECKS:
        assert re.search(rf"^\|[^|]*`{entry.name}`", rows, re.M), entry.name


def test_each_chart_has_its_place_in_the_page() -> None:
    page = (ROOT / "jobs/reporting/report.html").read_text("utf-8")
    for name in CHARTS:
        assert f'chart("{name}"' in page
