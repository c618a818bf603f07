"""A run's settings as words of the command, and words in a file where there are too many."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from semscore.jobs.errors import UserError
from semscore.jobs.settings import (
    Columns,
    JobEngine,
    JobRecipe,
    Limits,
    Output,
    Rows,
    Run,
    Settings,
)

FILE_MARK = "@"  # as argparse and javac have it


def option_words(settings: Settings) -> list[str]:
    """The options of `semscore score` that say these settings; Spark's are left out.

    Each is one word, `--name=value`, or `--name` or `--no-name` for a flag.
    """
    given = (
        (settings.columns, Columns()),
        (settings.rows, Rows()),
        (settings.recipe, JobRecipe()),
        (settings.engine, JobEngine()),
        (settings.target, Output()),
        (settings.limits, Limits()),
        (settings.run, Run()),
    )
    return [word for chosen, default in given for word in _differing(chosen, default)]


def _differing(chosen: Any, default: Any) -> Iterator[str]:
    usual = asdict(default)
    for field in fields(chosen):
        value = getattr(chosen, field.name)
        if value == usual[field.name]:
            continue
        name = f"--{field.name.replace('_', '-')}"
        if isinstance(value, bool):
            yield name if value else f"--no-{name[2:]}"
        else:
            text = ",".join(value) if isinstance(value, tuple) else value
            yield f"{name}={text}"


def write_words(words: Sequence[str], file: Path) -> None:
    """Put words into a file, for unfolded()."""
    file.write_text(json.dumps(list(words), indent=1, ensure_ascii=False), "utf-8")


def unfolded(words: Sequence[str]) -> list[str]:
    """The words, with those in a file instead of a word `@FILE`; UserError: it holds none."""
    found: list[str] = []
    for word in words:
        if not word.startswith(FILE_MARK):
            found.append(word)
            continue
        try:
            inside = json.loads(Path(word[1:]).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{word}: the file of arguments cannot be read: {error}") from error
        found += inside
    return found
