"""Look up known vulnerabilities of the image's libraries, with pip-audit.

    audit.py COMMAND…

COMMAND runs pip-audit. Exit code 1: a library has a known vulnerability. If the service that lists
them cannot be reached, or does not know the libraries, this says so and ends with exit code 0.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LOCKS = Path(__file__).parents[1] / "container/locks"
PATIENCE_S = 300
OPTIONS = ("--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json")


def main(command: list[str]) -> int:
    """Audit each lock file. Print what was found, and return the exit code."""
    found = False
    for lock in sorted(LOCKS.glob("*.txt")):
        for line in lines(lock.name, *report(command, lock)):
            found = found or line.startswith("VULNERABLE")
            sys.stdout.write(f"{line}\n")
    return int(found)


def report(command: list[str], lock: Path) -> tuple[list[dict[str, Any]] | None, str]:
    """Return pip-audit's list of libraries, or None with the reason why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "report.json")
        words = [*command, *OPTIONS, "--requirement", str(lock), "--output", str(output)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            return None, str(error)
        if not output.exists():
            return None, (done.stderr.strip().splitlines() or ["no message"])[-1]
        return list(json.loads(output.read_text("utf-8"))["dependencies"]), ""


def lines(name: str, libraries: list[dict[str, Any]] | None, why: str) -> list[str]:
    """Return what to print of a lock file: a line for each vulnerability, and a summary."""
    if libraries is None:
        return [f"{name}: NOT AUDITED, because pip-audit gave no answer: {why}"]
    bad = [
        f"VULNERABLE {name}: {each['name']} {each['version']} {flaw['id']}, "
        f"fixed in {', '.join(flaw['fix_versions']) or 'no version'}"
        for each in libraries
        for flaw in each.get("vulns", ())
    ]
    unknown = sum("skip_reason" in each for each in libraries)
    if unknown == len(libraries):
        return [f"{name}: NOT AUDITED, because the service does not know any of its libraries"]
    rest = f"; {unknown} of them could not be looked up" if unknown else ""
    return [*bad, f"{name}: {len(libraries)} libraries, {len(bad)} vulnerabilities{rest}"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
