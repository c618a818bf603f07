"""Each GPU has one owner, or is shared evenly; the dead hold nothing; the lost is left alone."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from calendar import timegm
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from semscore.udfs.gpus import leases
from semscore.udfs.gpus.leases import LeaseError, lease, quarantine, quarantined, share

GPUS = ["3", "5", "GPU-7/a"]
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4}"

# A process that reports when it is ready, asks at a given time, and keeps what it gets.
ASKER = """
import importlib.util, json, os, sys, time
spec = importlib.util.spec_from_file_location("leases", sys.argv[1])
leases = importlib.util.module_from_spec(spec)
spec.loader.exec_module(leases)
print("ready", flush=True)
time.sleep(max(0, float(sys.stdin.readline()) - time.time()))
try:
    told = eval(sys.argv[2], vars(leases) | {"me": os.getpid()})
except leases.LeaseError as error:
    told = {"error": str(error)}
print(json.dumps(told), flush=True)
sys.stdin.read()
"""

Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEMSCORE_LEASE_DIR", str(tmp_path / "leases"))
    return tmp_path / "leases"


@pytest.fixture
def process() -> Iterator[Start]:
    """Start processes that live until they are killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(["sleep", "600"]))
        return started[-1]

    yield start
    for each in started:
        end(each)


def end(process: subprocess.Popen[Any]) -> None:
    process.kill()
    process.wait()


@pytest.fixture
def all_at_once() -> Iterator[Any]:
    """Evaluate a call in many processes at the same moment: process -> what it was told."""
    started: list[subprocess.Popen[str]] = []

    def ask(call: str, n_processes: int) -> dict[subprocess.Popen[str], Any]:
        command = [sys.executable, "-I", "-S", "-c", ASKER, leases.__file__, call]
        for _ in range(n_processes):
            started.append(
                subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
                )
            )
        pipes = [(each, each.stdin, each.stdout) for each in started[-n_processes:]]
        assert [out.readline() for _, _, out in pipes if out] == ["ready\n"] * n_processes
        begin = time.time() + 0.2
        for _, into, _ in pipes:
            assert into
            into.write(f"{begin}\n")
        return {each: json.loads(out.readline()) for each, _, out in pipes if out}

    yield ask
    for each in started:
        each.kill()
        each.communicate()


def test_no_gpu_is_given_twice(process: Start) -> None:
    owners = [process().pid for _ in GPUS]
    assert [lease(GPUS, 1, owner) for owner in owners] == [["3"], ["5"], ["GPU-7/a"]]
    taken = "; ".join(
        rf"{re.escape(gpu)} is held by process {owner} since {TIME}"
        for gpu, owner in zip(GPUS, owners, strict=True)
    )
    message = rf"^1 GPU requested, but of 3, 5, GPU-7/a none can be used: {taken}\. Start fewer"
    with pytest.raises(LeaseError, match=message):
        lease(GPUS, 1, process().pid)


def test_twenty_that_start_at_once_get_four_different_ones(all_at_once: Any) -> None:
    told = all_at_once("lease(['a', 'b', 'c', 'd'], 1, me)", 20)
    given = [gpus for gpus in told.values() if isinstance(gpus, list)]
    assert sorted(given) == [["a"], ["b"], ["c"], ["d"]]
    refused = [each["error"] for each in told.values() if isinstance(each, dict)]
    owners = {str(each.pid) for each, gpus in told.items() if isinstance(gpus, list)}
    assert len(refused) == 16
    for message in refused:
        assert "1 GPU requested, but of a, b, c, d none can be used: " in message
        assert set(re.findall(r"by process (\d+)", message)) == owners


def test_the_same_process_gets_the_same_again(process: Start) -> None:
    first, second = process().pid, process().pid
    assert lease(["3"], 1, first) == ["3"]
    assert lease(["5"], 1, second) == ["5"]
    assert lease(["GPU-7/a", "5", "3"], 1, first) == ["3"]  # its own before a free one
    assert lease(["GPU-7/a", "5", "3"], 2, first) == ["3", "GPU-7/a"]


def test_those_given_are_different_ones(process: Start) -> None:
    assert lease(["3", "3", "5"], 2, process().pid) == ["3", "5"]


def test_all_or_nothing(process: Start, place: Path) -> None:
    lease(["3"], 1, process().pid)
    with pytest.raises(
        LeaseError, match="2 GPUs requested, but of 3, 5 only 5 can be used: 3 is held by"
    ):
        lease(["3", "5"], 2, process().pid)
    with pytest.raises(LeaseError, match=r"2 GPUs requested, but of 5 only 5 can be used\. Start"):
        lease(["5"], 2, process().pid)
    assert [file.name for file in place.glob("*.json")] == ["3.lease.json"]


def test_what_a_killed_process_held_is_free(process: Start) -> None:
    owner, other = process(), process().pid
    assert lease(["3"], 1, owner.pid) == ["3"]
    with pytest.raises(LeaseError):
        lease(["3"], 1, other)
    end(owner)
    assert lease(["3"], 1, other) == ["3"]


def test_a_zombie_holds_nothing(process: Start) -> None:
    owner, other = process(), process().pid
    lease(["3"], 1, owner.pid)
    owner.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, owner.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table
    os.kill(owner.pid, 0)
    assert lease(["3"], 1, other) == ["3"]


@pytest.mark.parametrize("field", ["started", "boot"])
def test_another_process_with_its_pid_holds_nothing(
    process: Start, place: Path, field: str
) -> None:
    owner, other = process().pid, process().pid
    lease(["3"], 1, owner)
    file = place / "3.lease.json"
    [written] = json.loads(file.read_text())
    file.write_text(json.dumps([written]))
    with pytest.raises(LeaseError):
        lease(["3"], 1, other)
    file.write_text(json.dumps([written | {field: "another"}]))
    assert lease(["3"], 1, other) == ["3"]


def test_a_process_that_does_not_run_gets_none(process: Start) -> None:
    gone = process()
    end(gone)
    for ask in (lambda: lease(["3"], 1, gone.pid), lambda: share(["3"], gone.pid)):
        with pytest.raises(LeaseError, match=f"process {gone.pid} is not running"):
            ask()


def test_a_process_may_have_any_name(tmp_path: Path) -> None:
    program = tmp_path / os.fsdecode(b") Z 0 \xc3")
    program.symlink_to("/bin/sleep")
    owner = subprocess.Popen([program, "600"])
    try:
        assert lease(["3"], 1, owner.pid) == lease(["3"], 1, owner.pid) == ["3"]
        with pytest.raises(LeaseError, match=f"3 is held by process {owner.pid}"):
            lease(["3"], 1, os.getpid())
    finally:
        end(owner)


def test_where_there_is_no_proc_ps_knows_the_living(
    process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, other = process(), process().pid
    monkeypatch.setattr(sys, "platform", "darwin")
    began = []
    for zone in ("UTC0", "JST-9"):  # processes with different ones must tell the same
        monkeypatch.setenv("TZ", zone)
        told = leases.started(owner.pid)
        assert told
        began.append(timegm(time.strptime(told, "%a %b %d %H:%M:%S %Y")))
    assert began[0] == pytest.approx(began[1], abs=2)  # Linux' ps rounds; macOS knows
    owner.kill()
    os.waitid(os.P_PID, owner.pid, os.WEXITED | os.WNOWAIT)
    assert leases.started(owner.pid) is None
    owner.wait()
    assert leases.started(owner.pid) is None
    assert leases.started(other)


def test_five_that_start_at_once_share_two_evenly(all_at_once: Any) -> None:
    told = all_at_once("share(['3', '5'], me)", 5)
    assert sorted(Counter(told.values()).items()) == [("3", 3), ("5", 2)]
    for _ in range(2):  # until 3 has one holder left
        end(next(each for each, gpu in told.items() if gpu == "3" and each.poll() is None))
    assert share(["3", "5"], os.getpid()) == "3"


def test_sharing_is_in_order_and_stays_so(process: Start) -> None:
    workers = [process().pid for _ in range(5)]
    first = {pid: share(["3", "5"], pid) for pid in workers}
    assert list(first.values()) == ["3", "5", "3", "5", "3"]
    assert {pid: share(["3", "5"], pid) for pid in first} == first


def test_owning_and_sharing_know_of_each_other(process: Start) -> None:
    owner, worker, other = process(), process(), process().pid
    assert lease(["3", "5"], 1, owner.pid) == ["3"]
    assert share(["3", "5"], worker.pid) == "5"
    message = rf"3 is held by process {owner.pid} .* 5 is held by process {worker.pid}"
    with pytest.raises(LeaseError, match=message):
        lease(["3", "5"], 1, other)
    assert share(["5"], other) == "5"
    with pytest.raises(LeaseError):  # its own, but not alone
        lease(["5"], 1, other)
    end(worker)
    assert lease(["5"], 1, other) == ["5"]


def test_a_gpu_that_is_set_aside_goes_to_nobody(process: Start) -> None:
    owner = process().pid
    assert share(GPUS, owner) == "3"
    quarantine("3", "ECC error")
    quarantine("3", "and then nothing works")
    told = quarantined("3")
    assert told and re.fullmatch(rf"since {TIME} by process {os.getpid()}: ECC error", told)
    assert quarantined("5") is None
    assert share(GPUS, owner) == "5"
    assert lease(GPUS, 1, process().pid) == ["GPU-7/a"]
    file = leases.quarantine_file("3")
    hint = rf"\(to use it again, remove {re.escape(str(file))}\)"
    message = f"none can be used: 3 has been set aside {re.escape(told)} {hint}"
    for ask in (lambda: share(["3"], owner), lambda: lease(["3"], 1, process().pid)):
        with pytest.raises(LeaseError, match=message):
            ask()
    file.unlink()
    assert share(["3"], owner) == "3"


def test_a_host_that_started_anew_tries_again(process: Start) -> None:
    quarantine("3", "ECC error")
    file = leases.quarantine_file("3")
    written = json.loads(file.read_text())
    file.write_text(json.dumps(written | {"boot": "an earlier one"}))
    assert quarantined("3") is None
    assert lease(["3"], 1, process().pid) == ["3"]
    quarantine("3", "again")
    assert (quarantined("3") or "").endswith(": again")


@pytest.mark.parametrize("content", ["", "{", "[1", "[1]", "null", '{"pid": 1}', "\udcff"])
@pytest.mark.parametrize("kind", ["lease", "quarantine"])
def test_a_spoiled_file_gives_its_gpu_to_nobody(
    process: Start, place: Path, kind: str, content: str
) -> None:
    lease(["3"], 1, process().pid)
    file = place / f"3.{kind}.json"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    other = process().pid
    for ask in (lambda: lease(["3"], 1, other), lambda: share(["3"], other)):
        with pytest.raises(LeaseError, match=rf"{re.escape(str(file))} is damaged.*GPU 3; remove"):
            ask()
    assert lease(["5"], 1, other) == ["5"]
    file.unlink()
    assert share(["3"], process().pid) == "3"


def test_killed_while_it_writes_it_leaves_what_was(process: Start, place: Path) -> None:
    owner, other = process().pid, process().pid
    lease(["3"], 1, owner)
    before = (place / "3.lease.json").read_bytes()
    dies = "import os, sys; from semscore.udfs.gpus import leases\n"
    dies += "os.fsync = lambda file: os.kill(os.getpid(), 9)\n"
    dies += "leases.share(['3'], int(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", dies, str(other)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (place / "3.lease.json").read_bytes() == before
    assert (place / "draft").exists()
    assert lease(["3", "5"], 1, other) == ["5"]  # the lock is free, the draft in nobody's way
    assert not (place / "draft").exists()


@pytest.mark.parametrize("wrong", ["/proc/none/leases", "file"])
def test_a_folder_that_cannot_be_made_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / wrong
    monkeypatch.setenv("SEMSCORE_LEASE_DIR", str(folder))
    message = rf"cannot be kept in {folder} \(.+\); set SEMSCORE_LEASE_DIR to a folder"
    for ask in (lambda: lease(["3"], 1, os.getpid()), lambda: share(["3"], os.getpid())):
        with pytest.raises(LeaseError, match=message):
            ask()
    with pytest.raises(LeaseError, match=message):
        quarantine("3", "ECC error")


def test_a_full_disk_is_named(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LeaseError, match=rf"{place} \(No space left on device\)"):
        lease(["3"], 1, os.getpid())
    monkeypatch.undo()
    assert not list(place.glob("*.json"))


def test_all_containers_of_a_user_meet_in_one_folder_that_is_his(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEMSCORE_LEASE_DIR")
    assert leases.folder() == Path(f"/tmp/semscore-leases-{os.getuid()}")
    monkeypatch.setattr(leases, "HOST_TMP", tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "of a container"))
    assert lease(["3"], 1, os.getpid()) == ["3"]
    folder = tmp_path / f"semscore-leases-{os.getuid()}"
    assert (folder / "3.lease.json").exists()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    (tmp_path / f"semscore-leases-{os.getuid()}").mkdir()
    with pytest.raises(LeaseError, match="it belongs to another user"):
        lease(["3"], 1, os.getpid())


def test_the_account_names_holders_and_leaves_out_what_is_set_aside() -> None:
    leases.share(["0"], os.getpid())
    leases.quarantine("2", "broken")
    account = leases.account(["0", "1", "2"])
    assert {one: [who.pid for who in held] for one, held in account.items()} == {
        "0": [os.getpid()],
        "1": [],
    }
