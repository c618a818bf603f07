"""The discovery script as Spark runs it: a process without arguments, JSON on its output."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "container" / "discover_gpus.py"
PATIENCE_S = 60  # it takes a tenth of a second


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """All that the script knows of its environment."""
    return {"PATH": os.environ["PATH"], "SEMSCORE_LEASE_DIR": str(tmp_path / "leases")}


@pytest.fixture
def discover(variables: dict[str, str]) -> Any:
    """Run the script with some more variables; its parent is this process."""

    def run(*command: Path | str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            list(map(str, command or (SCRIPT,))),
            env=variables | more,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    return run


@pytest.fixture
def nvidia_smi(tmp_path: Path) -> Any:
    """Put an nvidia-smi on the path that runs some shell code: the variables to give."""

    def make(code: str) -> dict[str, str]:
        tool = tmp_path / "bin" / "nvidia-smi"
        tool.parent.mkdir()
        tool.write_text(f"#!/bin/sh\n{code}\n")
        tool.chmod(0o755)
        return {"PATH": f"{tool.parent}:{os.environ['PATH']}"}

    return make


def owners(tmp_path: Path) -> dict[str, int]:
    """GPU -> pid of who holds it."""
    found = {}
    for file in (tmp_path / "leases").glob("*.lease.json"):
        [holder] = json.loads(file.read_text())
        found[file.name.partition(".")[0]] = holder["pid"]
    return found


def test_sparks_json_and_nothing_else(discover: Any) -> None:
    done = discover(SEMSCORE_FAKE_GPUS="3,5")
    assert json.loads(done.stdout) == {"name": "gpu", "addresses": ["3"]}
    assert (done.returncode, done.stderr) == (0, "")


def test_the_process_that_runs_it_holds_the_lease(discover: Any, tmp_path: Path) -> None:
    for _ in range(2):
        assert json.loads(discover(SEMSCORE_FAKE_GPUS="3,5").stdout)["addresses"] == ["3"]
    assert owners(tmp_path) == {"3": os.getpid()}


def test_twelve_executors_that_start_at_once_get_four_different_ones(
    variables: dict[str, str], tmp_path: Path
) -> None:
    waits = ["sh", "-c", '"$0"; echo " $?"; read wait', str(SCRIPT)]  # a parent for each
    executors = [
        subprocess.Popen(
            waits, env=variables | {"SEMSCORE_FAKE_GPUS": "0,1,2,3"}, stdin=-1, stdout=-1, stderr=-1
        )
        for _ in range(12)
    ]
    try:
        told = {each: each.stdout.readline().decode() for each in executors if each.stdout}
        held = owners(tmp_path)
    finally:
        ended = {each: each.communicate(b"\n", PATIENCE_S) for each in executors}
    given = {each: line for each, line in told.items() if line != " 1\n"}
    answers = {
        json.dumps({"name": "gpu", "addresses": [gpu]}) + " 0\n": pid for gpu, pid in held.items()
    }
    assert held.keys() == {"0", "1", "2", "3"}
    assert {line: each.pid for each, line in given.items()} == answers
    assert len(given) == 4
    for each, (_, error) in ended.items():
        refused = b"1 GPU requested, but of 0, 1, 2, 3 none can be used: 0 is held by process"
        assert (refused in error) == (each not in given)
        assert error.count(b"\n") == (each not in given)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="ancestors are found in /proc")
def test_an_executor_that_wraps_the_script_in_shells_holds_the_lease(
    discover: Any, variables: dict[str, str], tmp_path: Path
) -> None:
    java, wrapper = tmp_path / "java", tmp_path / "wrapper.sh"
    java.symlink_to("/bin/sh")
    wrapper.write_text(f'#!/bin/sh\n"{SCRIPT}"\nexit $?\n')
    wrapper.chmod(0o755)
    executor = subprocess.Popen(
        [java, "-c", f'"{wrapper}"; echo; read wait'],
        env=variables | {"SEMSCORE_FAKE_GPUS": "3"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert executor.stdout
        assert json.loads(executor.stdout.readline())["addresses"] == ["3"]
        assert owners(tmp_path) == {"3": executor.pid}
        assert f"3 is held by process {executor.pid}" in discover(SEMSCORE_FAKE_GPUS="3").stderr
    finally:
        executor.kill()
        executor.communicate()
    assert discover(SEMSCORE_FAKE_GPUS="3").returncode == 0


def test_an_executor_may_have_several(discover: Any) -> None:
    done = discover(SEMSCORE_FAKE_GPUS="3, 5,7", SEMSCORE_GPUS_PER_EXECUTOR="2")
    assert json.loads(done.stdout)["addresses"] == ["3", "5"]
    done = discover(SEMSCORE_FAKE_GPUS="3,5,7", SEMSCORE_GPUS_PER_EXECUTOR="4")
    assert (done.returncode, done.stdout) == (1, "")
    assert "4 GPUs requested, but of 3, 5, 7 only 3, 5, 7 can be used" in done.stderr


def test_nvidia_smi_lists_them(discover: Any, nvidia_smi: Any) -> None:
    path = nvidia_smi(
        '[ "$1 $2" = "--query-gpu=index --format=csv,noheader,nounits" ] && echo 0 && echo 1'
    )
    done = discover(SEMSCORE_GPUS_PER_EXECUTOR="2", **path)
    assert json.loads(done.stdout)["addresses"] == ["0", "1"], done.stderr


def test_what_cuda_hides_is_not_given(discover: Any, nvidia_smi: Any) -> None:
    path = nvidia_smi("echo 0; echo 1; echo 2")
    narrowed = {"CUDA_VISIBLE_DEVICES": "GPU-b,1", "SEMSCORE_GPUS_PER_EXECUTOR": "2", **path}
    assert json.loads(discover(**narrowed).stdout)["addresses"] == ["GPU-b", "1"]
    done = discover(**narrowed | {"SEMSCORE_GPUS_PER_EXECUTOR": "3"})
    assert "of GPU-b, 1 only GPU-b, 1 can be used" in done.stderr


@pytest.mark.parametrize("given", ["0", "-1", "x", "1.5", "²"])
def test_a_number_of_gpus_that_is_none_is_refused(discover: Any, given: str) -> None:
    done = discover(SEMSCORE_FAKE_GPUS="3", SEMSCORE_GPUS_PER_EXECUTOR=given, PYTHONUTF8="1")
    assert (done.returncode, done.stdout) == (2, "")
    message = f"SEMSCORE_GPUS_PER_EXECUTOR must be a whole number from 1, got {given!r}"
    assert done.stderr == f"discover_gpus: {message}\n"


def test_a_host_without_nvidia_smi_says_so(discover: Any, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    done = discover(PATH=str(tmp_path / "bin"))
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"discover_gpus: no GPU .*nvidia-smi is not on the PATH .*\n", done.stderr)


def test_a_process_from_which_all_are_hidden_says_so(discover: Any, nvidia_smi: Any) -> None:
    done = discover(CUDA_VISIBLE_DEVICES="", **nvidia_smi("echo 0"))
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"discover_gpus: no GPU .*CUDA_VISIBLE_DEVICES is empty\n", done.stderr)


def test_a_driver_that_does_not_work_is_quoted(discover: Any, nvidia_smi: Any) -> None:
    done = discover(**nvidia_smi("echo Unable to determine the handle of GPU 17; exit 15"))
    assert (done.returncode, done.stdout) == (1, "")
    reason = "(exit code 15): Unable to determine the handle of GPU 17"
    assert done.stderr == f"discover_gpus: nvidia-smi does not work on this host {reason}\n"


def test_a_lease_folder_that_cannot_be_written_is_named(discover: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = discover(SEMSCORE_FAKE_GPUS="3", SEMSCORE_LEASE_DIR=str(tmp_path / "file"))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"cannot be kept in {tmp_path / 'file'}" in done.stderr
    assert "SEMSCORE_LEASE_DIR" in done.stderr and "Traceback" not in done.stderr


def test_it_needs_no_package(discover: Any) -> None:
    done = discover(sys.executable, "-I", "-S", SCRIPT, SEMSCORE_FAKE_GPUS="3")
    assert json.loads(done.stdout)["addresses"] == ["3"], done.stderr


def test_three_files_in_one_folder_are_enough(discover: Any, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.mkdir()
    for source in (
        SCRIPT,
        *(ROOT / "udfs" / "gpus" / name for name in ("discovery.py", "leases.py")),
    ):
        shutil.copy(source, image)
    done = discover(image / "discover_gpus.py", SEMSCORE_FAKE_GPUS="3")
    assert json.loads(done.stdout)["addresses"] == ["3"], done.stderr
    (tmp_path / "link").symlink_to(image / "discover_gpus.py")
    assert discover(tmp_path / "link", SEMSCORE_FAKE_GPUS="3").stdout == done.stdout
