"""The pages of exit codes and statuses, from udfs/errors.py, udfs/statuses.py and the help."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from marks import marked

from semscore.jobs.cli.commands import score
from semscore.udfs.errors import by_full_name
from semscore.udfs.statuses import TABLE

EXIT_CODES = """# Exit codes

`semscore score`, `semscore embed` and `semscore launch` end with these codes. From Python,
`score()` and `launch()` raise an error with the same `exit_code` ([Errors](python/errors.md)).
"""
BEHIND_EXIT_CODES = """
`semscore doctor` ends with 0 if no check fails, otherwise with 2. A command that Ctrl-C interrupts
before it can end cleanly ends with 130, as is usual in shells.

[How a dataset is scored](../scoring.md#exit-codes) says what each code leaves in OUTPUT, and
[Exactly once](../exactly-once.md#ending-early) when to resume.
[What to do by exit code](../operations.md#what-to-do-by-exit-code) is for runs that nobody watches.
"""
STATUSES = """# Statuses

Each row of OUTPUT has one of these in its status column, and so have the columns of `similarity`,
`embed` and `vector_similarity`. If several apply to a row,
[How a dataset is scored](../scoring.md#output) says which one it gets.
"""


def pages() -> dict[str, str]:
    """Return the pages by name."""
    return {
        "reference/exit-codes.md": "\n".join(_exit_codes()),
        "reference/statuses.md": "\n".join(_statuses()),
    }


def _exit_codes() -> Iterator[str]:
    errors = defaultdict(list)
    for error in by_full_name().values():
        errors[error.exit_code].append(error)
    meanings = dict(re.findall(r"^ *- (\d+): (.*)$", score.__doc__ or "", re.M))
    assert set(meanings) == {"0", *map(str, errors)}, "the help of `semscore score` lacks a code"
    yield EXIT_CODES
    yield "| code | meaning | errors in `semscore.udfs.errors` |"
    yield "|---|---|---|"
    for code, meaning in meanings.items():
        names = ", ".join(f"`{error.__name__}`" for error in errors[int(code)])
        yield f"| `{code}` | {marked(meaning)} | {names} |"
    yield BEHIND_EXIT_CODES


def _statuses() -> Iterator[str]:
    yield STATUSES
    yield "| status | meaning | score |"
    yield "|---|---|---|"
    for status in TABLE:
        score = "yes" if status.has_score else "null"
        yield f"| `{status.name}` | {marked(status.meaning)} | {score} |"
