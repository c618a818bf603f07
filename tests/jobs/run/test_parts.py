"""One file in several units: stopped anywhere, resumed, and each row there once, in order."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from semscore.jobs.options.slices import Limits, Rows
from semscore.jobs.run import division
from semscore.udfs.errors import UserError

TWO_UNITS = Limits(unit_rows=1_000, max_units=2)


def test_a_file_is_scored_in_parts_and_each_row_once(one_file: Any) -> None:
    result = one_file.run()
    assert result.manifest["rows"] == one_file.rows
    assert one_file.scored() == list(range(one_file.rows))
    parts = [(0, 40), (40, 2040), (2040, 4040), (4040, 4340), (4340, 5050)]
    assert one_file.sources() == parts


def test_a_run_that_was_stopped_is_resumed_inside_the_file(one_file: Any) -> None:
    one_file.run(limits=TWO_UNITS)
    before = one_file.published()
    assert one_file.sources() == [(0, 40), (40, 2040)]
    assert one_file.resume().rows == one_file.rows - 2040
    assert one_file.scored() == list(range(one_file.rows))
    assert before.items() <= one_file.published().items()
    assert one_file.resume().rows == 0


def test_conditions_hold_in_parts(one_file: Any) -> None:
    assert one_file.run(rows=Rows(where="id % 2 = 1")).manifest["rows"] == one_file.rows // 2
    assert one_file.scored() == list(range(1, one_file.rows, 2))


def test_a_dataset_of_whole_files_is_resumed(
    one_file: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch, caplog.at_level(logging.INFO):
        patch.setattr(division, "can_read_parts", lambda _: False)
        one_file.run()
    assert "gives no access to its Java, so each file is scored as a whole" in caplog.text
    [record] = (one_file.output / "_semscore/units").glob("*.json")
    assert "start" not in json.loads(record.read_text())["sources"][0]
    assert one_file.resume().rows == 0


def test_a_begun_file_is_not_resumed_where_parts_cannot_be_read(
    one_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_file.run(limits=TWO_UNITS)
    monkeypatch.setattr(division, "can_read_parts", lambda _: False)
    match = r"scores for a part of .*a\.parquet, and the rest cannot be read alone: this Spark"
    with pytest.raises(UserError, match=match):
        one_file.resume()
