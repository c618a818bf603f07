"""The audit of the image's libraries, with stand-ins for pip-audit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AUDIT = Path(__file__).parents[2] / ".ci/audit.py"
STAND_IN = """
import json, sys
from pathlib import Path

words = sys.argv[1:]
assert "--disable-pip" in words and "--require-hashes" in words
assert "==" in Path(words[words.index("--requirement") + 1]).read_text()
libraries = json.loads({libraries!r})
if libraries is None:
    sys.exit("ERROR: cannot connect to the service")
report = json.dumps({{"dependencies": libraries, "fixes": []}})
Path(words[words.index("--output") + 1]).write_text(report)
sys.exit(any(library.get("vulns") for library in libraries))
"""
CLEAN = {"name": "numpy", "version": "1.26.4", "vulns": []}
FLAW = {"id": "PYSEC-1", "fix_versions": ["2.0"], "aliases": [], "description": "bad"}
UNKNOWN = {"name": "scipy", "skip_reason": "not found"}


def audit(folder: Path, libraries: list[dict[str, Any]] | None) -> tuple[int, str]:
    (folder / "pip_audit.py").write_text(STAND_IN.format(libraries=json.dumps(libraries)), "utf-8")
    command = [sys.executable, str(AUDIT), sys.executable, str(folder / "pip_audit.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert not done.stderr
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("libraries", "code", "said"),
    [
        ([CLEAN], 0, "cpu.txt: 1 libraries, 0 vulnerabilities\n"),
        ([CLEAN, UNKNOWN], 0, "; 1 of them could not be looked up"),
        ([CLEAN, {**CLEAN, "vulns": [FLAW]}], 1, "numpy 1.26.4 PYSEC-1, fixed in 2.0"),
        ([UNKNOWN], 0, "cpu.txt: NOT AUDITED, because the service does not know any"),
        (None, 0, "gpu.txt: NOT AUDITED, because pip-audit gave no answer: ERROR: cannot connect"),
    ],
)
def test_what_is_found_and_what_is_not_known(
    tmp_path: Path, libraries: list[dict[str, Any]] | None, code: int, said: str
) -> None:
    found, printed = audit(tmp_path, libraries)
    assert found == code
    assert said in printed
