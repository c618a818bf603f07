"""The benchmark for GPUs: its parts, and all of it on the CPU, where semscore is not installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu import bare
from benchmarks.gpu.engine import recommended
from benchmarks.gpu.made import TINY, mixed_texts, random_bert, texts_of
from benchmarks.gpu.steps import NotInstalled, Steps

ROOT = Path(__file__).parents[2]
# What a bare machine lacks; and semscore, which is found through a .pth file here
ABSENT = ("boto", "cyclopts", "daft", "nncf", "obstore", "openvino", "pyspark", "ray", "semscore")


def clock(*times: float) -> Any:
    left = list(times)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_steps_are_recorded_and_a_failure_ends_only_itself(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    steps = Steps(out, 100, clock(0))

    def fails() -> Any:
        raise ValueError("no")

    def is_missing() -> Any:
        raise NotInstalled("vllm")

    assert steps.run("first", 10, lambda: {"a": 1}) == {"a": 1}
    assert steps.run("second", 10, fails) is None
    assert steps.run("third", 10, is_missing) is None
    assert json.loads(out.read_text()) == {
        "first": {"a": 1},
        "second": {"error": "ValueError: no"},
        "third": {"not_installed": "vllm"},
    }


def test_a_step_that_takes_too_long_is_left_out(tmp_path: Path) -> None:
    steps = Steps(tmp_path / "results.json", 100, clock(0, 70))
    assert steps.run("long", 31, lambda: 1) is None
    assert steps.run("short", 29, lambda: 2) == 2
    assert steps.results == {"long": {"left_out": "30 s left, needs 31 s"}, "short": 2}


@pytest.mark.parametrize(
    ("speeds", "workers"), [((100, 180, 185), 2), ((100, 101, 90), 1), ((10, 20, 40), 4)]
)
def test_workers_that_gain_little_are_not_recommended(
    speeds: tuple[int, int, int], workers: int
) -> None:
    points = [
        {"workers": count, "pairs_per_s": speed}
        for count, speed in zip((1, 2, 4), speeds, strict=True)
    ]
    assert recommended(points) == {"--workers-per-gpu": workers, "measured": [1, 2, 4]}


def test_made_texts_have_the_lengths_that_were_asked_for(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(random_bert(tmp_path, TINY))
    texts = texts_of(20, 8, 1, TINY)
    ids = tokenizer(texts)["input_ids"]
    assert [len(row) for row in ids] == [20] * 8
    assert tokenizer.unk_token_id not in {token for row in ids for token in row}
    assert len(set(texts)) == 8
    mixed = [len(text.split()) for text in mixed_texts(1000, 1)]
    assert min(mixed) == 1 and 12 < sorted(mixed)[500] < 18 and max(mixed) > 100


def test_absent_packages_have_stand_ins() -> None:
    finder = bare.StandIns(["pyspark"])
    assert finder.find_spec("pandas") is None
    spec = finder.find_spec("pyspark.accumulators")
    assert spec is not None
    module: Any = finder.create_module(spec)
    finder.exec_module(module)
    assert issubclass(type("Own", (module.AccumulatorParam[int],), {}), Exception)
    assert not hasattr(module, "__file__")


def test_all_of_it_runs_from_a_bare_checkout(tmp_path: Path) -> None:
    """With only libraries on the path, and in a Python that knows no editable install."""
    site = tmp_path / "site"
    site.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        absent = entry.name.lower().removeprefix("__editable__").lstrip("_.").startswith(ABSENT)
        if not absent and entry.suffix != ".pth":
            (site / entry.name).symlink_to(entry)
    model, out = random_bert(tmp_path / "model", TINY), tmp_path / "gpu.json"
    python = getattr(sys, "_base_executable", sys.executable)
    options = f"--device cpu --tiny --seconds 0.2 --worker-counts 2 --cpus 2 --out {out}"
    finished = subprocess.run(
        [python, "-m", "benchmarks.gpu", model, *options.split()],
        env=os.environ | {"PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    found = json.loads(out.read_text())
    assert not {name: step for name, step in found.items() if "error" in step}, finished.stderr
    assert found["hardware"]["device"] == "cpu"
    assert "pyspark" not in found["hardware"]["machine"]["versions"]
    assert found["equality"]["flat float32"]["vectors"] < 2e-5
    assert found["equality"]["flat bfloat16"]["vectors"] < 0.05
    assert found["given: encode float32"]["tokens_per_s"] > 0
    assert found["given: encode float16, FlashAttention 2"] == {"not_installed": "flash_attn"}
    for case in ("given", "bert-16", "bert-32"):
        for backend in ("flat", "torch"):
            point = found[f"{case}: {backend}, 2 workers"]
            assert point["backend"] == backend
            assert 0 < point["share_of_peak"] < 1
        assert found[f"{case}: recommended"] == {"--workers-per-gpu": 2, "measured": [2]}
