"""The results of the table, kept in one file for each class of processors.

A row is saved as soon as it is measured, so a run that is stopped can be continued. It records the
versions that its contender depends on: rows of other versions are not mixed with new ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.cells import Key
from benchmarks.files import save_json

SAME = ("cpu", "cores", "flags")  # what makes two machines alike
Row = dict[str, Any]


class Mixed(Exception):
    """The rows that are there were measured on another machine, or with other versions."""


class Rows:
    """The rows of a file, which is made with the first one."""

    def __init__(self, path: Path, machine: dict[str, Any]) -> None:
        self.path = path
        self.machine = machine
        self.limits: dict[str, Any] = {}  # model -> precision -> kernel and its speed
        self.all: list[Row] = []
        if path.is_file():
            found = json.loads(path.read_text("utf-8"))
            self._check_machine(found["machine"])
            self.machine, self.limits, self.all = found["machine"], found["limits"], found["rows"]

    def _check_machine(self, before: dict[str, Any]) -> None:
        for name in SAME:
            if before[name] != self.machine[name]:
                raise Mixed(
                    f"{self.path} was measured on another machine ({name} was {before[name]}, now "
                    f"{self.machine[name]}). Start a new file with --name"
                )

    def get(self, key: Key) -> Row | None:
        """Return a row that was measured without an error."""
        return next((row for row in self.all if key_of(row) == key and "error" not in row), None)

    def add(self, row: Row) -> None:
        """Add a row in place of one with the same key, and save."""
        self.all = [other for other in self.all if key_of(other) != key_of(row)] + [row]
        self.save()

    def add_limits(self, model: str, found: dict[str, Any]) -> None:
        """Keep the faster of each precision's kernels now and before, and save.

        A limit that was measured beside other programs is too low.
        """
        best = self.limits.setdefault(model, {})
        for precision, kernel in found.items():
            if precision not in best or kernel["gflops"] > best[precision]["gflops"]:
                best[precision] = kernel
        self.save()

    def drop(self, keys: Iterable[Key]) -> None:
        """Forget rows, so that they are measured again."""
        dropped = set(keys)
        self.all = [row for row in self.all if key_of(row) not in dropped]

    def save(self) -> None:
        """Write the file."""
        save_json(self.path, self.content())

    def content(self) -> dict[str, Any]:
        """Return what the file has."""
        return {"machine": self.machine, "limits": self.limits, "rows": self.all}

    def check_versions(self, versions: Callable[[str], dict[str, str]]) -> None:
        """Raise Mixed if rows were measured with other versions than their contender has now."""
        contenders = dict.fromkeys(row["contender"] for row in self.all)
        now = {contender: versions(contender) for contender in contenders}
        changed: dict[str, None] = {}  # contenders and differences, each once and in order
        differences: dict[str, None] = {}
        for row in self.all:
            contender, before = row["contender"], row["versions"]
            for name, version in now[contender].items():
                if before.get(name) != version:
                    changed[contender] = None
                    differences[f"{name} was {before.get(name, 'absent')}, now {version}"] = None
        if changed:
            raise Mixed(
                f"{self.path} has rows of other versions: {', '.join(differences)}. Measure these "
                f"rows again with --again --only {' '.join(changed)}, or start a new file with "
                "--name"
            )


def key_of(row: Row) -> Key:
    """Return the key of a row."""
    return Key(*(row[name] for name in Key._fields))
