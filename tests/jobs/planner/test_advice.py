"""Remarks and commands."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from semscore.jobs.options.settings import Settings
from semscore.jobs.planner import advice
from semscore.jobs.planner.duplicates import lay_out_sample
from semscore.jobs.planner.estimate import exactly
from semscore.jobs.planner.input_facts import InputFacts
from semscore.jobs.planner.plan_options import Ask
from semscore.jobs.planner.predict import ON_GPU, TOKENISING, Prediction
from semscore.udfs.recipe import Engine, Prompt, Recipe

FACTS = InputFacts(
    rows=1000,
    exact=True,
    files=10,
    bytes=10**6,
    row_groups=10,
    partition_columns=(),
    partitions=1,
    largest_partition=(".", 1.0),
    largest_file=("part", 1.2),
    bad=(),
    ignored=0,
)
FOUND = Prediction(
    name="ml.g5.xlarge",
    count=1,
    devices=1,
    on_gpu=True,
    workers_per_device=1,
    slots=1,
    precision="bfloat16",
    backend="torch",
    units=4,
    tasks=40,
    distinct_share=exactly(0.6),
    scoring_s=exactly(100),
    total_s=exactly(460),
    pairs_per_s=exactly(10),
    limit=ON_GPU,
    steps_s={ON_GPU: 100.0},
    basis="assumed",
    calibrated=False,
    cost=None,
    cost_per_million=None,
)


@pytest.fixture
def said(chunk: Callable[..., Any]) -> Callable[..., str]:
    """Remarks on a sample of four texts, all distinct."""
    sampled = lay_out_sample(
        [chunk(["a", "b"], ["c", "d"])], (Prompt(), Prompt()), "bi-encoder", 0.5
    )

    def remarks(facts: InputFacts = FACTS, truncated: float = 0.0) -> str:
        return " ".join(advice.about_data(facts, sampled, truncated, 1.0))

    return remarks


def test_a_dataset_without_faults_has_no_remarks(said: Callable[..., str]) -> None:
    assert said() == ""
    assert advice.about_hosts([FOUND], lanes=1) == []
    assert advice.about_calibrations([], [FOUND]) == []


def test_what_is_odd_is_told_with_its_figures(
    said: Callable[..., str], chunk: Callable[..., Any]
) -> None:
    assert "k=a, is 4 times as large as the mean" in said(
        replace(FACTS, largest_partition=("k=a", 4.2))
    )
    bad = ({"path": "x.parquet", "reason": "torn"},)
    assert "1 file cannot be read, for example x.parquet: torn" in said(replace(FACTS, bad=bad))
    assert "25% of the pairs" in said(truncated=0.25)
    apart = lay_out_sample(
        [chunk(["a", "b"], ["c", "d"])] * 2, (Prompt(), Prompt()), "bi-encoder", 0.5
    )
    [remark] = advice.about_data(FACTS, apart, 0.0, 1.0)
    assert "the model runs on 100% of the texts, but only 50% of" in remark


def test_a_busy_machine_is_told_to_measure_too_little() -> None:
    assert advice.about_load(0.9, cpus=2) == []
    assert "load 7.6 on 2 CPUs" in advice.about_load(7.61, cpus=2)[0]


def test_too_many_instances_and_idle_slots_are_told() -> None:
    [many] = advice.about_hosts([replace(FOUND, count=8)], lanes=1)
    assert "8 instances for 4 units of work" in many
    [idle] = advice.about_hosts([replace(FOUND, tasks=3, slots=8)], lanes=1)
    assert "3 tasks for 8 slots" in idle
    [waiting] = advice.about_hosts([replace(FOUND, limit=TOKENISING)], lanes=1)
    assert "its GPUs would wait for its CPUs" in waiting
    [dealt] = advice.about_hosts([FOUND], lanes=7)
    assert "too few row groups" in dealt


def test_the_launch_command_has_all_that_differs_from_defaults() -> None:
    settings = Settings(
        inputs=("s3://b/pairs one", "local"),
        output="scored",
        recipe=Recipe(model="m", precision="auto", max_seq_length=64),
        engine=Engine(window_rows=100),
    )
    ask = Ask(role="arn:aws:iam::111122223333:role/r", image_uri="image")
    words = shlex.split(
        advice.launch_command(settings, ask, replace(FOUND, count=3, workers_per_device=2))
    )
    assert words[:5] == ["semscore", "launch", "s3://b/pairs one", advice.INPUT, advice.OUTPUT]
    assert set(words[5:-8]) == {
        "--model=m", "--max-seq-length=64", "--window-rows=100", "--workers-per-gpu=2"
    }  # fmt: skip
    given = dict(zip(words[-8::2], words[-7::2], strict=True))
    assert given == {
        "--role": ask.role,
        "--image-uri": "image",
        "--instance-type": "ml.g5.xlarge",
        "--instances": "3",
    }
