"""Leases of GPUs, and discovery scripts that do not do what Spark expects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from semscore.jobs.diagnosis.check_sharing import check_discovery, check_leases
from semscore.jobs.diagnosis.finding import Finding, findings
from semscore.jobs.hosts.scheduling import SCRIPT
from semscore.udfs.gpus import leases

Script = Callable[[str, str], Path]
OURS = Path(__file__).parents[3] / "container" / "discover_gpus.py"


def discovery(script: Path | str, master: str = "yarn") -> list[Finding]:
    return list(
        check_discovery(
            {"spark.master": master, SCRIPT: str(script), "spark.executorEnv.WORD": "from conf"}
        )
    )


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMSCORE_FAKE_GPUS", "0,1")


def test_where_there_are_no_gpus_there_are_no_leases(tmp_path: Path) -> None:
    assert list(check_leases()) == []
    assert not (tmp_path / "leases").exists()


def test_holders_are_listed(gpus: None) -> None:
    import os

    assert [one.found.partition(";")[0] for one in check_leases()] == ["all GPUs are free"]
    leases.share(["1"], os.getpid())
    [found] = check_leases()
    assert f"held by processes: 1 by {os.getpid()}" in found.found


def test_gpus_set_aside_are_listed_with_the_way_back(gpus: None) -> None:
    leases.quarantine("0", "it fell off the bus")
    aside, rest = check_leases()
    assert (aside.level, rest.level) == ("warn", "ok")
    assert "GPU 0 is set aside" in aside.found
    assert "it fell off the bus" in aside.found
    assert aside.fix.endswith(f"remove {leases.quarantine_file('0')}")
    leases.quarantine("1", "so did this")
    assert [one.level for one in check_leases()] == ["warn", "warn", "fail"]


def test_a_folder_in_which_nobody_can_keep_account(
    gpus: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEMSCORE_LEASE_DIR", str(tmp_path / "file" / "leases"))
    [found] = findings({"gpu leases": check_leases})
    assert found.level == "fail"
    assert found.fix.startswith("set SEMSCORE_LEASE_DIR")


def test_our_own_script_gives_a_gpu(gpus: None) -> None:
    [found] = discovery(OURS)
    assert (found.level, found.found) == ("ok", f"{OURS} found GPU 0")


def test_a_script_is_not_run_where_it_would_find_nothing(script: Script) -> None:
    [found] = discovery(script("find", "exit 1"))
    assert (found.level, "this host has no GPU" in found.found) == ("ok", True)
    assert discovery(script("find", "exit 1"), master="local[2]") == []
    assert list(check_discovery({"spark.master": "yarn"})) == []


def test_a_script_that_is_not_here_may_be_elsewhere(gpus: None) -> None:
    [found] = discovery("/opt/no/such")
    assert (found.level, SCRIPT in found.fix) == ("warn", True)


def test_a_script_that_may_not_be_run(gpus: None, script: Script) -> None:
    path = script("find", "")
    path.chmod(0o644)
    [found] = discovery(path)
    assert (found.level, found.fix) == ("fail", f"chmod +x {path}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("echo no GPU is left >&2; exit 1", "ended with exit code 1: no GPU is left"),
        ("exit 3", "ended with exit code 3: it printed no error"),
        ("echo hello", "Expecting value"),
        ("echo '[]'", "printed '[]\\n', expected"),
        ('echo \'{"name": "fpga", "addresses": ["0"]}\'', "expected"),
        ('echo \'{"name": "gpu", "addresses": []}\'', "expected"),
    ],
)
def test_scripts_that_spark_would_refuse(gpus: None, script: Script, text: str, says: str) -> None:
    [found] = discovery(script("find", text))
    assert found.level == "fail"
    assert says in found.found


def test_a_script_sees_what_executors_are_told(gpus: None, script: Script) -> None:
    path = script("find", 'printf \'{"name": "gpu", "addresses": ["%s"]}\' "$WORD"')
    assert discovery(path)[0].found == f"{path} found GPU from conf"
