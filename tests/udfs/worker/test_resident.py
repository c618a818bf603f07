"""The loop on a worker: windows, one model that stays, meters."""

from __future__ import annotations

import math
import os
import socket
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from semscore.udfs.errors import DeviceFailed, ModelError
from semscore.udfs.gpus import leases
from semscore.udfs.meters import Meters
from semscore.udfs.models.fitted import checked
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.texts.windows import TextColumns
from semscore.udfs.worker import batches
from semscore.udfs.worker import resident as worker

ENGINE = Engine(window_rows=4)
PAIRS = [(f"t{i}", f"u{i}") for i in range(10)]


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, make_backend: Any) -> list[Recipe]:
    """The recipes for which a model was loaded; the model is the fake one."""
    from semscore.udfs.backends import registry as choose
    from semscore.udfs.backends.proving import proved
    from semscore.udfs.worker import canary

    recipes: list[Recipe] = []

    def load(
        folder: Any, recipe: Recipe, engine: Engine, device: str, cpus: int, proof: Any
    ) -> Any:
        assert (folder, cpus, proof) == (tmp_path, 1, "a proof")
        recipes.append(recipe)
        return make_backend(default_prompt="", poison=("poison",)), "a note"

    monkeypatch.setattr(choose, "load_backend", load)
    monkeypatch.setattr(proved, "proved", lambda *_: "a proof")
    monkeypatch.setattr(canary, "check", lambda *_: None)
    monkeypatch.setattr(worker, "hardware_name", lambda *_: "a device")
    monkeypatch.setattr(worker, "model_folder", lambda _: tmp_path)
    for place, name in ((worker, "checked"), (batches, "fitted")):
        monkeypatch.setattr(place, name, lambda recipe, _: replace(recipe, kind="bi-encoder"))
    monkeypatch.setattr(worker, "_residents", OrderedDict())
    monkeypatch.setattr(os, "environ", os.environ.copy())
    return recipes


def batch(pairs: Sequence[tuple[Any, Any]]) -> TextColumns:
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    return pd.Series(first, dtype=object), pd.Series(second, dtype=object)


def run(
    pairs: Sequence[tuple[Any, Any]], recipe: Recipe, engine: Engine = ENGINE, batch_rows: int = 3
) -> tuple[pd.DataFrame, Meters]:
    meters = Meters()
    parts = [batch(pairs[i : i + batch_rows]) for i in range(0, len(pairs), batch_rows)]
    return pd.concat(batches.score_batches(iter(parts), recipe, engine, meters)), meters


def test_rows_come_back_in_order_as_frames_of_score_and_status(loaded: list[Recipe]) -> None:
    found, _ = run(PAIRS, Recipe(metric="manhattan"))
    assert found.columns.tolist() == ["score", "status"]
    assert found["score"].dtype == np.float32
    # "ti" and "ui" differ by 1 in the code points' sum and in the first character
    assert found["score"].tolist() == [-2.0] * 10
    assert found["status"].tolist() == ["ok"] * 10


def test_a_model_that_is_not_whole_is_refused_before_it_is_loaded(
    loaded: list[Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "checked", checked)
    with pytest.raises(ModelError, match="is not a model: it has neither"):
        run(PAIRS, Recipe())
    assert loaded == []


def test_windows_do_not_show_in_the_result(loaded: list[Recipe]) -> None:
    pairs = [("a" * (i % 5), "b" * (i % 3)) for i in range(50)] + [(None, "x"), ("y", math.nan)]
    expected, _ = run(pairs, Recipe(), Engine())
    for window_rows in (1, 2, 7, 52):
        found, _ = run(pairs, Recipe(), Engine(window_rows=window_rows), batch_rows=5)
        pd.testing.assert_frame_equal(
            found.reset_index(drop=True), expected.reset_index(drop=True), check_exact=True
        )


def test_the_model_is_loaded_once_for_all_calls(loaded: list[Recipe]) -> None:
    recipe = Recipe(model="m")
    for _ in range(3):
        run(PAIRS, recipe)
    assert loaded == [replace(recipe, kind="bi-encoder")]


@pytest.mark.parametrize(
    "change",
    [
        {"metric": "dot"},
        {"prompt1": "q:"},
        {"prompt2": ""},
        {"prompt1": "", "metric": "dot"},
        {"role1": "query"},
    ],
)
def test_metric_and_prompts_need_no_other_model(
    loaded: list[Recipe], change: dict[str, Any]
) -> None:
    run(PAIRS, Recipe())
    found, _ = run(PAIRS, Recipe(**change))
    assert len(loaded) == 1
    worker._residents.clear()
    reloaded, _ = run(PAIRS, Recipe(**change))
    pd.testing.assert_frame_equal(found, reloaded)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "other"},
        {"revision": "v2"},
        {"precision": "bfloat16"},
        {"max_seq_length": 7},
        {"truncate_dim": 2},
        {"kind": "bi-encoder"},
    ],
)
def test_what_changes_the_model_loads_it_again(
    loaded: list[Recipe], change: dict[str, Any]
) -> None:
    run(PAIRS, Recipe())
    run(PAIRS, Recipe(**change))
    assert loaded == [replace(each, kind="bi-encoder") for each in (Recipe(), Recipe(**change))]


def test_two_models_are_kept_and_a_third_replaces_the_older_one(loaded: list[Recipe]) -> None:
    a, b, c = (Recipe(model=name) for name in "abc")
    for recipe in (a, b, a, b, a):
        run(PAIRS, recipe)
    assert [recipe.model for recipe in loaded] == ["a", "b"]
    for recipe in (c, a, b):  # c takes the place of b, and b that of c
        run(PAIRS, recipe)
    assert [recipe.model for recipe in loaded] == ["a", "b", "c", "b"]


def test_only_one_model_is_kept_if_two_are_too_large(
    loaded: list[Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "weight_bytes", lambda _: worker.KEPT_BYTES // 2 + 1)
    for name in "aba":
        run(PAIRS, Recipe(model=name))
    assert [recipe.model for recipe in loaded] == ["a", "b", "a"]


def test_another_engine_is_obeyed(loaded: list[Recipe]) -> None:
    run(PAIRS, Recipe(), Engine(batch_size=1))
    _, meters = run(PAIRS, Recipe(), Engine(batch_size=5))
    assert meters.batches == 4  # 20 distinct texts


def test_an_empty_task_loads_no_model(loaded: list[Recipe]) -> None:
    assert list(batches.score_batches(iter([]), Recipe(), ENGINE, Meters())) == []
    assert list(batches.score_batches(iter([batch([])]), Recipe(), ENGINE, Meters())) == []
    assert loaded == []


def test_a_model_that_cannot_be_loaded_is_tried_again_next_time(
    loaded: list[Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(PAIRS, Recipe(model="good"))
    with monkeypatch.context() as patch:
        patch.setattr(worker, "model_folder", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(PAIRS, Recipe(model="bad"))
    run(PAIRS, Recipe(model="good"))
    run(PAIRS, Recipe(model="bad"))
    assert [recipe.model for recipe in loaded] == ["good", "bad"]


@pytest.mark.parametrize(
    ("values", "kind"), [([1.5, 2.5], "float"), ([1, 2], "int"), ([b"a", b"b"], "bytes")]
)
def test_a_column_that_is_not_text_is_refused(
    loaded: list[Recipe], values: list[Any], kind: str
) -> None:
    columns = (pd.Series(values), pd.Series(["a", "b"]))
    with pytest.raises(TypeError, match=rf"texts must be strings, got \['{kind}'\]; cast the"):
        list(batches.score_batches(iter([columns]), Recipe(), ENGINE, Meters()))


def test_none_and_nan_are_null(loaded: list[Recipe]) -> None:
    found, _ = run([(None, "b"), ("a", math.nan), (pd.NA, None), ("a", "b")], Recipe())
    assert found["status"].tolist() == ["null", "null", "null", "ok"]
    assert found["score"].isna().tolist() == [True, True, True, False]


def test_a_column_of_nothing_but_nulls_is_text(loaded: list[Recipe]) -> None:
    columns = (pd.Series([None, None]), pd.Series([math.nan, math.nan]))
    [found] = batches.score_batches(iter([columns]), Recipe(), ENGINE, Meters())
    assert found["status"].tolist() == ["null", "null"]


def test_the_first_status_that_applies_counts(loaded: list[Recipe]) -> None:
    long, bad = "much too long", "poison"
    found, meters = run([(None, " "), (" ", bad), (bad, long), (long, "a"), ("a", "b")], Recipe())
    assert found["status"].tolist() == ["null", "blank", "error", "truncated", "ok"]
    assert meters.statuses == dict.fromkeys(["null", "blank", "error", "truncated", "ok"], 1)


def test_closing_early_leaves_a_worker_that_works(loaded: list[Recipe]) -> None:
    meters = Meters()
    scores = batches.score_batches(iter([batch(PAIRS)] * 5), Recipe(), ENGINE, meters)
    assert len(next(scores)) == 4
    scores.close()
    assert meters.rows == 4
    found, again = run(PAIRS, Recipe())
    assert len(found) == again.rows == 10
    assert len(loaded) == 1
    assert meters.rows == 4  # the later task counted for itself


def test_two_tasks_that_take_turns_count_apart(loaded: list[Recipe]) -> None:
    one, two = Meters(), Meters()
    first = batches.score_batches(iter([batch(PAIRS)]), Recipe(), ENGINE, one)
    second = batches.score_batches(iter([batch(PAIRS[:8])]), Recipe(), ENGINE, two)
    for _ in range(2):
        next(first)
        next(second)
    list(first), list(second)
    assert (one.rows, two.rows) == (10, 8)
    assert (one.tokens, two.tokens) == (40, 32)


def test_meters_tell_what_was_done(loaded: list[Recipe]) -> None:
    pairs = [("a", "bb"), ("a", "a"), (None, "bb"), ("ccc", "a")]
    _, meters = run(pairs, Recipe())
    assert (meters.rows, meters.texts, meters.distinct_texts) == (4, 6, 3)
    assert meters.tokens == 1 + 2 + 3
    assert meters.statuses == {"ok": 3, "null": 1}
    [(label, sums)] = meters.workers.items()
    assert label == f"{socket.gethostname()} {os.getpid()} cpu fake"
    assert (sums["rows"], sums["forward_s"]) == (4, meters.forward_s)
    assert meters.hardware == {"a device": 4}
    assert meters.notes == {"a note": 1}
    assert sum(meters.score_hist.values()) == 3
    assert meters.token_hist == {0: 1, 1: 2}
    assert meters.peak_rss_bytes > 10_000_000
    assert min(meters.compare_s, meters.tokenize_s, meters.forward_s, meters.load_s) > 0


def test_meters_add_up_over_several_calls(loaded: list[Recipe]) -> None:
    meters = Meters(read_s=100.0, wait_input_s=100.0)
    for _ in range(2):
        list(batches.score_batches(iter([batch(PAIRS)]), Recipe(), ENGINE, meters))
    assert min(meters.read_s, meters.wait_input_s) > 100
    assert meters.hardware == {"a device": 2 * len(PAIRS)}
    [sums] = meters.workers.values()
    assert sums["rows"] == 2 * len(PAIRS)


def test_the_hub_is_not_asked_once_a_model_is_there(loaded: list[Recipe]) -> None:
    run(PAIRS, Recipe())
    assert os.environ["HF_HUB_OFFLINE"] == "1"


@pytest.fixture
def on_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    """Make this process a task on some address of a GPU."""
    monkeypatch.setenv("SEMSCORE_LEASE_DIR", str(tmp_path / "leases"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def put(address: str) -> None:
        gpu = SimpleNamespace(addresses=[address])
        task = SimpleNamespace(resources=lambda: {"gpu": gpu}, cpus=lambda: 1)
        monkeypatch.setattr(worker.TaskContext, "get", lambda: task)

    return put


def test_the_model_moves_with_its_worker_and_is_not_loaded_again(
    loaded: list[Recipe], on_gpu: Any
) -> None:
    on_gpu("3")
    _, meters = run(PAIRS, Recipe())
    assert [label.split()[2] for label in meters.workers] == ["gpu:3"]
    on_gpu("5")
    _, meters = run(PAIRS, Recipe())
    assert [label.split()[2] for label in meters.workers] == ["gpu:5"]
    assert next(iter(worker._residents.values())).encoder.backend.device == "cuda:5"
    assert len(loaded) == 1


def lose(*_: Any) -> Any:
    raise RuntimeError("CUDA error: uncorrectable ECC error encountered")


def test_a_lost_gpu_is_named_and_set_aside(
    loaded: list[Recipe], on_gpu: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_gpu("3")
    run(PAIRS, Recipe())

    monkeypatch.setattr(next(iter(worker._residents.values())).encoder.backend, "forward", lose)
    host = socket.gethostname()
    with pytest.raises(DeviceFailed, match=rf"{host} \d+ gpu:3 failed: .*uncorrectable ECC"):
        run(PAIRS, Recipe())
    with pytest.raises(DeviceFailed, match=rf"GPU 3 of {host} is set aside: .*uncorrectable ECC"):
        run(PAIRS, Recipe())
    on_gpu("5")
    monkeypatch.setattr(worker, "_residents", OrderedDict())
    assert len(run(PAIRS, Recipe())[0]) == 10


def test_a_lost_gpu_is_named_even_where_it_cannot_be_set_aside(
    loaded: list[Recipe], on_gpu: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_gpu("3")
    run(PAIRS, Recipe())

    def refuse(*_: Any) -> None:
        raise leases.LeaseError("no space is left")

    monkeypatch.setattr(next(iter(worker._residents.values())).encoder.backend, "forward", lose)
    monkeypatch.setattr(leases, "quarantine", refuse)
    expected = r"gpu:3 failed: .*uncorrectable ECC.* could not be set aside: no space is left"
    with pytest.raises(DeviceFailed, match=expected):
        run(PAIRS, Recipe())


def test_a_fault_of_the_program_does_not_set_its_gpu_aside(
    loaded: list[Recipe], on_gpu: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_gpu("3")
    run(PAIRS, Recipe())
    with monkeypatch.context() as patch:

        def fail(*_: Any) -> Any:
            raise RuntimeError("CUDA error: device-side assert triggered")

        patch.setattr(next(iter(worker._residents.values())).encoder.backend, "forward", fail)
        with pytest.raises(DeviceFailed, match=r"gpu:3 failed: .*device-side assert"):
            run(PAIRS, Recipe())
    assert len(run(PAIRS, Recipe())[0]) == 10


def test_a_device_with_wrong_scores_ends_the_task(
    loaded: list[Recipe], on_gpu: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from semscore.udfs.worker import canary

    def wrong(*_: Any) -> None:
        raise canary.CanaryFailed("a known pair scores 0.5 away")

    monkeypatch.setattr(canary, "check", wrong)
    on_gpu("3")
    with pytest.raises(DeviceFailed, match=r"gpu:3 gives wrong scores: a known pair scores 0\.5"):
        run(PAIRS, Recipe())
