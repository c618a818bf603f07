"""A bar on a terminal, lines elsewhere, objects where they are asked for."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from semscore.jobs.cli import log as log_module
from semscore.jobs.options.slices import Run
from semscore.jobs.run import watch
from semscore.jobs.run.watch import watching

FACTS: dict[str, Any] = {
    "rows": 250,
    "rows_total": 1000,
    "rows_per_s": 25.0,
    "tokens_per_s": 900,
    "distinct_share": 0.5,
    "errors": 0,
    "units_done": 1,
    "units_total": 4,
    "units_failed": 0,
    "set_aside": [],
    "workers": 2,
    "eta_s": 30,
    "state": "running",
    "at": "2026-11-25T10:00:00.000+00:00",
}


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "EVERY_S", 0.0)


def test_without_a_terminal_lines_can_be_parsed(
    caplog: pytest.LogCaptureFixture, at_once: None
) -> None:
    with caplog.at_level(logging.INFO, "semscore"), watching(Run()) as show:
        show(FACTS)
    [line] = caplog.messages
    name, *pairs = line.split(" ")
    assert name == "progress"
    found = dict(pair.split("=") for pair in pairs)
    assert found == {name: str(fact) for name, fact in FACTS.items() if name != "set_aside"}


def test_lines_come_at_intervals(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "semscore"), watching(Run()) as show:
        for _ in range(5):
            show(FACTS)
    assert not caplog.messages


def test_json_lines_have_the_facts_as_fields(
    capsys: pytest.CaptureFixture[str], at_once: None
) -> None:
    run, root = Run(log_format="json"), logging.getLogger()
    before, root.handlers = root.handlers, [log_module.Stderr()]
    try:
        log_module.set_log(run)
        with watching(run) as show:
            show(FACTS)
    finally:
        root.handlers = before
    told = json.loads(capsys.readouterr().err)
    assert told["level"] == "INFO"
    assert (told["rows"], told["eta_s"], told["state"]) == (250, 30, "running")


def test_quiet_shows_nothing(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, at_once: None
) -> None:
    with watching(Run(quiet=True)) as show:
        show(FACTS)
    assert not caplog.messages
    assert not capsys.readouterr().err


def test_a_terminal_shows_a_bar_and_keeps_log_lines_above_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    log, root = logging.getLogger("semscore"), logging.getLogger()
    before, root.handlers = root.handlers, [log_module.Stderr()]
    try:
        with watching(Run()) as show:
            show(FACTS)
            log.warning("something happened")
            show(FACTS)
    finally:
        root.handlers = before
    told = capsys.readouterr().err
    assert "scoring" in told
    assert "250 of 1,000 rows (25%), 25 rows/s, 0 min 30 s left" in told
    # Above the bar: the line it was on is cleared first.
    assert "\x1b[2Ksomething happened" in told or "\nsomething happened" in told
