"""What a column knows of the session."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from semscore.udfs.driver.session import Active


def refuse(*_: object) -> str:
    raise RuntimeError("spark.master is not available on this platform")


@pytest.mark.parametrize(
    ("spark", "is_connect", "master", "shares"),
    [
        (None, False, "", True),
        (SimpleNamespace(conf=SimpleNamespace(get=lambda *_: "local[4]")), False, "local[4]", True),
        (SimpleNamespace(conf=SimpleNamespace(get=lambda *_: "local[4]")), True, "local[4]", False),
        (SimpleNamespace(conf=SimpleNamespace(get=lambda *_: "yarn")), False, "yarn", False),
        (SimpleNamespace(conf=SimpleNamespace(get=refuse)), False, "", False),
        (SimpleNamespace(conf=SimpleNamespace(get=lambda *_: None)), True, "", False),
    ],
)
def test_where_the_workers_are(spark: Any, is_connect: bool, master: str, shares: bool) -> None:
    session = Active(spark, is_connect)
    assert session.master == master
    assert session.shares_this_host == shares
