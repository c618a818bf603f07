"""The image's smspark-submit, around a stand-in for the real one."""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.services.waiting import wait_for

SHIM = Path(__file__).parents[2] / "container/smspark-submit"
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start a job whose Java is a shell, and whose driver runs some Python."""
    real = tmp_path / "real/smspark-submit"
    real.parent.mkdir()
    driver = f'{sys.executable} "$1"'
    real.write_text(f"#!/bin/sh\nsh -c '{driver}; exit $?' java \"$1\"\nexit $?\n")
    real.chmod(0o755)

    def begin(code: str, setup: str = "") -> subprocess.Popen[bytes]:
        script = tmp_path / "job.py"
        ready = tmp_path / "ready"
        script.write_text(f"{setup}\nopen({str(ready)!r}, 'w').close()\n{code}\n")
        path = os.pathsep.join([str(real.parent), os.environ["PATH"]])
        words = [sys.executable, str(SHIM), str(script)]
        process = subprocess.Popen(words, env={**os.environ, "PATH": path})
        wait_for(ready.exists, "the driver")
        return process

    return begin


def test_the_exit_code_is_the_jobs(start: Start) -> None:
    assert start("raise SystemExit(75)").wait(30) == 75


@pytest.mark.parametrize("letter", ["a", "é", "語"])
@pytest.mark.parametrize("count", [10, 330, 1009, 1024, 5000])
def test_a_message_keeps_its_exit_code(letter: str, count: int) -> None:
    """SageMaker shows the first 1,024 bytes."""
    code = "(exit code 75)"
    shown = runpy.run_path(str(SHIM))["shortened"](f"{letter * count} {code}\n")
    assert len(shown.encode()) <= 1024
    assert shown.endswith(code)
    assert set(shown) <= set(f"{letter} .{code}"), "no letter is cut in two"
    if len(letter.encode()) * count + len(code) < 1024:
        assert shown == f"{letter * count} {code}"


def test_a_signal_reaches_the_driver_alone(start: Start) -> None:
    handler = "import signal, sys; signal.signal(15, lambda *_: sys.exit(7))"
    process = start("signal.pause()", setup=handler)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 7


@pytest.mark.parametrize("after", [0.0, 6.0])
def test_the_driver_may_speak_when_its_java_has_died(start: Start, after: float) -> None:
    """Java, and with it the real smspark-submit, end before the driver does."""
    code = (
        "import os, sys, time\n"
        "java = os.getppid()\n"
        "while os.getppid() == java: time.sleep(0.05)\n"
        f"time.sleep({after})\n"
        "sys.exit(75)"
    )
    process = start(code)
    seen = psutil.Process(process.pid).children(recursive=True)
    [java] = [each for each in seen if each.cmdline()[:2] == ["sh", "-c"]]
    time.sleep(5)  # until the driver has been seen
    java.kill()
    assert process.wait(30) == 75
