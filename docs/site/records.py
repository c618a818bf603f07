"""The page of the records in `_semscore/`, from the classes and functions that write them.

A field's explanation is the comment behind it, or above it, or the docstring below it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from marks import marked

ROOT = Path(__file__).parents[2]
Definition = TypeVar("Definition", ast.ClassDef, ast.FunctionDef)
INTRODUCTION = """# Records of a dataset

A run writes its records to the folder `_semscore/` in OUTPUT. Other programs may read them: `v` is
the version of their format, and records of earlier versions stay readable.
[Exactly once](../exactly-once.md) explains how a run uses them.
[Security](../security.md#what-is-stored-where) says which of your data they show.
"""
MANIFEST = """The published files, and the audit. It exists only if the dataset is complete. If
OUTPUT is also a table (`--output-format`), it has `table` too: the table's format, name
and version."""
UNITS = """A committed unit: `<id>-<lease>.json`. It belongs to the dataset if the last seal names
it or the run of that seal wrote it."""
METERS = """`meters`, and each value of `workers`, have the numbers among these. Those that end in
`_s` are seconds of all workers together.
"""
REPORT = """The figures of [the report](../report.md), and its page. `report.json` has the fields of
`Facts` below, and also `asked` (the options of the report), `verdicts` and `advice`."""


class Field(NamedTuple):
    """A field of a record."""

    name: str
    type: str  # empty if the code does not say
    about: str


def pages() -> dict[str, str]:
    """Return the page by name."""
    return {"reference/records.md": "\n".join(_page())}


def _page() -> Iterator[str]:
    yield INTRODUCTION
    yield from _section("run.json", "How the dataset was started.")
    yield from _table(_keys("jobs/run/run.py", "run_record"))
    yield from _section(
        "progress.json", "How far the run is. Written every 10 seconds and after each unit."
    )
    yield from _table(_keys("jobs/run/progress.py", "facts"))
    yield from _section("manifest.json", MANIFEST)
    yield from _table(_keys("jobs/run/audit.py", "audit"))
    yield from _section("units/", UNITS)
    committed = "jobs/ledger/committed.py"
    yield from _table([*_fields(committed, "CommittedUnit"), *_fields(committed, "UnitRecord")])
    yield "A file in `files` has these fields:\n"
    yield from _table(_fields(committed, "DataFile"))
    yield METERS
    numbers = [field for field in _fields("udfs/meters.py", "Meters") if field.type in "int float"]
    yield from _table(numbers)
    yield from _section("seals/", _docstring("jobs/ledger/seals.py"))
    yield from _section("lease/", _docstring("jobs/ledger/lease.py"))
    yield from _table(_fields("jobs/ledger/lease.py", "Owner"))
    yield from _section("packs/", _docstring("jobs/ledger/packs.py"))
    yield from _section("report.json and report.html", REPORT)
    for name in ("Facts", "What", "Audit", "Speed", "Texts", "Cost"):
        yield f"`{name}`:\n"
        yield from _table(_fields("jobs/reporting/facts.py", name))
    yield from _section("model/", "The int8 calibration, if there is one.")
    yield from _section(
        "staging/", "Files that are being written. Empty, or missing, when no run is working."
    )


def _section(title: str, about: str) -> Iterator[str]:
    yield f"## {title}\n\n{about}\n"


def _docstring(file: str) -> str:
    """Return the docstring of a module, with its indented lines as code."""
    text = ast.get_docstring(ast.parse((ROOT / file).read_text("utf-8"))) or ""
    return re.sub(r"\((\w+)\.py\)", "", text)


def _table(fields: list[Field]) -> Iterator[str]:
    typed = any(field.type for field in fields)
    yield "| field | type | meaning |" if typed else "| field | meaning |"
    yield "|---|---|---|" if typed else "|---|---|"
    for field in fields:
        type_ = f" `{field.type.replace('|', chr(92) + '|')}` |" if typed else ""
        yield f"| `{field.name}` |{type_} {marked(field.about)} |"
    yield ""


def _named(file: str, name: str, kind: type[Definition]) -> tuple[str, Definition]:
    """Return the text of a file, and the class or function of a name in it."""
    text = (ROOT / file).read_text("utf-8")
    [found] = [
        node for node in ast.walk(ast.parse(text)) if isinstance(node, kind) and node.name == name
    ]
    return text, found


def _fields(file: str, name: str) -> list[Field]:
    """Return the fields of a class."""
    text, found = _named(file, name, ast.ClassDef)
    return [
        Field(node.target.id, ast.unparse(node.annotation), _comment(text, node))
        for node in found.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]


def _keys(file: str, name: str) -> list[Field]:
    """Return the keys of the dictionary that a function returns."""
    text, found = _named(file, name, ast.FunctionDef)
    [made] = [
        node.value
        for node in ast.walk(found)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Dict)
    ]
    return [
        Field(str(key.value), "", _comment(text, key))
        for key in made.keys
        if isinstance(key, ast.Constant)
    ]


def _comment(text: str, node: ast.stmt | ast.expr) -> str:
    """Return the comment behind a line of code, or else the one above it."""
    lines = text.splitlines()
    _, behind, comment = lines[node.lineno - 1].partition("  # ")
    above = lines[node.lineno - 2].strip()
    if not behind and above.startswith("# "):
        comment = above.removeprefix("# ")
    return comment
