"""A run's settings as words of the command, and words in a file where a job has too many."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from semscore.jobs.options.name_lists import join_names
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import (
    Columns,
    JobEngine,
    JobRecipe,
    Limits,
    Output,
    Report,
    Rows,
    Run,
)
from semscore.udfs.errors import UserError

# Where a processing job finds its words, if these are too many for SageMaker. Users do not have
# this option: it is read in such a job alone, and only as the first word.
WORDS_FILE = "--words-file="


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
        (settings.report, Report()),
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
            text = join_names(value) if isinstance(value, tuple) else value
            yield f"{name}={text}"


def write_words(words: Sequence[str], file: Path) -> None:
    """Put words into a file, for unfolded()."""
    file.write_text(json.dumps(list(words), indent=1, ensure_ascii=False), "utf-8")


def unfolded(words: Sequence[str], in_job: bool) -> list[str]:
    """The words of a command, with those in its file instead of the word that names the file.

    That word comes right after the command's name, and `in_job`, a processing job, alone. Raises
    UserError if the file cannot be read.
    """
    command, rest = list(words[:1]), list(words[1:])
    if not (rest and rest[0].startswith(WORDS_FILE) and in_job):
        return [*command, *rest]
    file = Path(rest[0].removeprefix(WORDS_FILE))
    try:
        inside = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: the arguments of the job cannot be read: {error}") from error
    return [*command, *inside, *rest[1:]]
