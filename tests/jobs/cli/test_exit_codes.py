"""How a run that was stopped ends the command: its exit code, and the command that resumes it."""

from __future__ import annotations

import pytest

from semscore.jobs import score as job
from semscore.jobs.cli.app import main
from semscore.udfs.errors import NothingCommitted, StoppedEarly


@pytest.mark.parametrize(("error", "code"), [(StoppedEarly, 75), (NothingCommitted, 7)])
def test_the_message_has_the_command_that_resumes(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type,
    code: int,
) -> None:
    def stopped(_: object) -> None:
        raise error("stopped (SIGTERM): 3 of 9")

    monkeypatch.setattr(job, "score", stopped)
    assert main(["score", "in", "out", "--mode=overwrite", "--yes"]) == code
    says = "stopped (SIGTERM): 3 of 9. To resume: semscore score in out --mode resume"
    assert caplog.messages[-1] == says
