"""Build the demo dataset: docstrings of the installed Python, graded pairs and odd rows.

Sources are parsed, never imported or executed. The same Python always produces the same files.
"""

import ast
import os
import re
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from .odd import odd_texts

KINDS = ("module", "class", "function", "method", "graded", "odd")
SCHEMA = pa.schema(
    [("id", pa.string()), ("text1", pa.string()), ("text2", pa.string()), ("grade", pa.float64())]
)
NOT_STDLIB = frozenset({"site-packages", "dist-packages", "__pycache__"})
NOT_DOCUMENTATION = frozenset({"test", "tests", "idlelib", "lib2to3", "turtledemo"})
SKIPPED_FOLDERS = NOT_STDLIB | NOT_DOCUMENTATION
MIN_WORDS = 3  # shorter paragraphs are headings such as "Example:", not text
FILES_PER_KIND = 2
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Pair(NamedTuple):
    """One row of the dataset. `kind` is the name of the partition folder."""

    kind: str
    id: str
    text1: str | None
    text2: str | None
    grade: float | None = None  # 0 (unrelated) to 5 (same meaning), only for kind "graded"


def write_demo_dataset(folder: Path, rows: int = 5000) -> int:
    """Write parquet files under `folder/kind=...` and return the number of pairs.

    Takes at most `rows` docstring pairs, spread evenly over the standard library, and adds the
    graded and the odd pairs. Replaces the part files of an earlier call.
    """
    if rows < 1:
        raise ValueError(f"rows must be at least 1, got {rows}")
    stdlib = stdlib_pairs()
    pairs = [*evenly(stdlib, rows), *graded_pairs(), *odd_pairs(stdlib)]
    for kind in KINDS:
        write_kind(folder / f"kind={kind}", [pair for pair in pairs if pair.kind == kind])
    return len(pairs)


def write_kind(folder: Path, pairs: Sequence[Pair]) -> None:
    """Write one partition as at most `FILES_PER_KIND` files of nearly equal length."""
    for stale in folder.glob("part-*.parquet"):
        stale.unlink()
    n_rows = -(-len(pairs) // FILES_PER_KIND)  # rows per file, rounded up
    for part, start in enumerate(range(0, len(pairs), n_rows or 1)):
        folder.mkdir(parents=True, exist_ok=True)  # not earlier: without rows, no folder
        batch = pairs[start : start + n_rows]
        table = pa.Table.from_pylist([pair._asdict() for pair in batch], schema=SCHEMA)
        pq.write_table(table, folder / f"part-{part}.parquet", compression="zstd")


def evenly(pairs: Sequence[Pair], rows: int) -> list[Pair]:
    """Take `rows` pairs at equal distances, or all of them if there are fewer."""
    rows = min(rows, len(pairs))
    return [pairs[i * len(pairs) // rows] for i in range(rows)]


def graded_pairs() -> list[Pair]:
    """Read the hand-written pairs of `graded.tsv`; ids look like `graded/en-de/7`."""
    tsv = files("semscore.jobs.demo").joinpath("graded.tsv").read_text(encoding="utf-8")
    cells = [line.split("\t") for line in tsv.splitlines()[1:]]
    return [
        Pair("graded", f"graded/{language}/{row}", text1, text2, float(grade))
        for row, (grade, language, text1, text2) in enumerate(cells)
    ]


def odd_pairs(stdlib: Sequence[Pair]) -> list[Pair]:
    """Return pairs with nulls, blanks, repeats, rare scripts, and very long texts from `stdlib`."""
    paragraphs = [pair.text2 for pair in stdlib if pair.text2]
    return [
        Pair("odd", f"odd/{name}", text1, text2) for name, text1, text2 in odd_texts(paragraphs)
    ]


def stdlib_pairs() -> list[Pair]:
    """Pair each docstring's summary with each further paragraph, in order of file and line."""
    root = Path(sysconfig.get_paths()["stdlib"])
    pairs: dict[str, Pair] = {}
    for path in source_files(root):
        try:
            tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError):  # unreadable, not Python, or wrongly encoded
            continue
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for pair in docstring_pairs(tree, name, "module"):
            pairs.setdefault(pair.id, pair)  # of a name defined twice, keep the first definition
    if not pairs:
        raise FileNotFoundError(
            f"no docstrings found in the *.py files under {root}. The demo needs a Python that is "
            "installed with the sources of its standard library"
        )
    return list(pairs.values())


def source_files(root: Path) -> Iterator[Path]:
    """Yield the .py files under `root` in a fixed order, without those in skipped folders."""
    for folder, subfolders, names in os.walk(root):
        # Changed in place, because os.walk then visits only these folders, in this order.
        subfolders[:] = sorted(
            name for name in subfolders if name.isidentifier() and name not in SKIPPED_FOLDERS
        )
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(".py"))


def docstring_pairs(node: ast.AST, name: str, kind: str) -> Iterator[Pair]:
    """Yield the pairs of `node`, then those of everything that it defines.

    `name` and `kind` are those of its scope. A module, class or function has its own scope; an
    `if` or `try` belongs to the scope around it.
    """
    if isinstance(node, Documented):
        summary, *paragraphs = paragraphs_of(ast.get_docstring(node) or "")
        for index, paragraph in enumerate(paragraphs, start=1):
            if len(paragraph.split()) >= MIN_WORDS:
                yield Pair(kind, f"{name}/{index}", f"{name}: {summary}", paragraph)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from docstring_pairs(child, f"{name}.{child.name}", "class")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = "method" if kind == "class" else "function"
            yield from docstring_pairs(child, f"{name}.{child.name}", inner)
        elif isinstance(child, ast.stmt | ast.ExceptHandler):
            yield from docstring_pairs(child, name, kind)


def paragraphs_of(docstring: str) -> list[str]:
    """Split a docstring at blank lines and normalise whitespace; the first item is the summary."""
    first, *others = [" ".join(text.split()) for text in re.split(r"\n\s*\n", docstring)]
    return [re.split(r"(?<=[.!?]) (?=[A-Z])", first)[0], *others]
