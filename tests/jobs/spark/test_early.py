"""Which runs are local."""

from __future__ import annotations

import pytest

from semscore.jobs.spark.session import will_be_local


@pytest.mark.parametrize(
    ("master", "local"),
    [("local[4]", True), ("local-cluster[2,1,1024]", False), ("spark://h:7077", False)],
)
def test_local_masters_are_known(master: str, local: bool) -> None:
    assert will_be_local(master) is local


def test_without_a_master_a_run_is_local_but_for_spark_submit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    assert will_be_local(None)
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "1")
    assert not will_be_local(None)
