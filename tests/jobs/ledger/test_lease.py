"""One run at a time writes to an output; a dead one is succeeded, a stopped one finds that out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semscore.jobs.ledger import lease as module
from semscore.jobs.ledger.lease import Lease, require_free
from semscore.udfs.errors import OutputInUse
from semscore.udfs.stores.local_folder import LocalFolder

HOLD = """
import sys
from semscore.jobs.ledger.lease import Lease
from semscore.udfs.stores.local_folder import LocalFolder

with Lease(LocalFolder(sys.argv[1]), "other") as lease:
    print("held", flush=True)
    sys.stdin.readline()
    try:
        lease.require()
    except Exception as error:
        print(type(error).__name__, error, flush=True)
"""


@pytest.fixture
def output(tmp_path: Path) -> LocalFolder:
    return LocalFolder(str(tmp_path / "out"))


@pytest.fixture
def holder(output: LocalFolder) -> Any:
    """Another process that holds the lease."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(output.local)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_lease_that_is_held_binds_others_and_one_that_is_released_does_not(
    output: LocalFolder,
) -> None:
    with Lease(output, "first") as first:
        with pytest.raises(OutputInUse, match=rf"run first is writing .*process {os.getpid()} on "):
            require_free(output)
        with pytest.raises(OutputInUse), Lease(output, "second"):
            pass
        first.require()
    with Lease(output, "second") as second:
        second.require()
        with pytest.raises(OutputInUse, match=r"run second on .* has taken over"):
            first.require()
    with pytest.raises(OutputInUse, match="has taken over"):
        first.require()  # also when the other has ended


def test_of_many_that_come_at_once_one_gets_it(output: LocalFolder) -> None:
    def attempt(number: int) -> Lease | None:
        try:
            return Lease(output, str(number)).__enter__()
        except OutputInUse:
            return None

    with ThreadPoolExecutor(16) as pool:
        held = [lease for lease in pool.map(attempt, range(16)) if lease]
    assert len(held) == 1
    held[0].__exit__(None, None, None)


def test_what_the_storage_has_in_work_is_no_lease(output: LocalFolder) -> None:
    with Lease(output, "first"):
        pass
    (output.local / "_semscore/lease/000000001.json#1").write_text("cut o")
    with Lease(output, "second") as second:
        assert second.number == 2


def test_what_was_seen_to_be_dead_is_not_waited_for_again(output: LocalFolder) -> None:
    elsewhere = Lease(output, "elsewhere")
    elsewhere._owner = replace(elsewhere._owner, place="another system")
    with elsewhere:
        seen = require_free(output, patience=0)
        with Lease(output, "next", seen, patience=1000) as lease:
            assert lease.number == 2


def test_a_process_that_was_killed_is_succeeded_at_once(output: LocalFolder, holder: Any) -> None:
    with pytest.raises(OutputInUse, match="run other is writing"):
        require_free(output)
    holder.kill()
    holder.wait()
    with Lease(output, "next", patience=1000) as lease:
        lease.require()


def test_a_process_that_has_the_pid_of_a_dead_one_is_another(output: LocalFolder) -> None:
    lease = Lease(output, "dead")
    lease._owner = replace(lease._owner, started="long ago")
    with lease:
        require_free(output, patience=1000)


def test_a_run_elsewhere_is_dead_when_it_shows_nothing_for_a_while(
    output: LocalFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.02)
    elsewhere = Lease(output, "elsewhere")
    elsewhere._owner = replace(elsewhere._owner, place="another system")
    with elsewhere:
        assert require_free(output, patience=0.2).number == 1
        monkeypatch.setattr(module, "BEAT_S", 0.05)
    living = Lease(output, "living")
    living._owner = replace(living._owner, place="another system")
    with living, pytest.raises(OutputInUse, match="run living is writing"):
        require_free(output, patience=30)


def test_a_run_that_was_stopped_and_wakes_up_finds_that_it_is_succeeded(
    output: LocalFolder, holder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(module, "_place", lambda: "another system")  # from where it cannot be seen
    with Lease(output, "next", patience=2):
        pass
    holder.send_signal(signal.SIGCONT)
    told, _ = holder.communicate("\n", timeout=30)
    assert told.startswith("OutputInUse run next on ")
