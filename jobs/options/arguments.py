"""A run's settings as arguments of the command, and a file for very many arguments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from semscore.jobs.options.name_lists import join_names
from semscore.jobs.options.settings import Settings
from semscore.jobs.options.slices import (
    Columns,
    Embeddings,
    JobEngine,
    JobRecipe,
    Limits,
    Output,
    Report,
    Rows,
    Run,
)
from semscore.udfs.errors import UserError

# Names the file in which a processing job finds its arguments, if SageMaker does not allow so many.
# It is not for users: it is read only in a processing job, and only as the first argument.
WORDS_FILE = "--words-file="


def option_words(settings: Settings) -> list[str]:
    """Return the options of `score` or `embed` that stand for these settings, without Spark's.

    Each option is one argument: `--name=value`, or `--name` or `--no-name` for a flag. Options
    that have their default value are left out.
    """
    recipe, words = settings.recipe, []
    if settings.embeds:
        # `semscore embed` has one prompt, and the role is among the options of embeddings.
        words = [] if recipe.prompt1 is None else [f"--prompt={recipe.prompt1}"]
        recipe = replace(recipe, prompt1=None, role1=None)
    slices = (
        (settings.columns, Columns()),
        (settings.embeddings, Embeddings()),
        (settings.rows, Rows()),
        (recipe, JobRecipe()),
        (settings.engine, JobEngine()),
        (settings.target, Output()),
        (settings.limits, Limits()),
        (settings.report, Report()),
        (settings.run, Run()),
    )
    return words + [word for chosen, default in slices for word in differing(chosen, default)]


def differing(chosen: Any, default: Any) -> Iterator[str]:
    """Yield the options that turn one dataclass of options into another, one argument each."""
    defaults = asdict(default)
    for field in fields(chosen):
        value = getattr(chosen, field.name)
        if value == defaults[field.name]:
            continue
        name = f"--{field.name.replace('_', '-')}"
        if isinstance(value, bool):
            yield name if value else f"--no-{name[2:]}"
        else:
            text = join_names(value) if isinstance(value, tuple) else value
            yield f"{name}={text}"


def write_words(words: Sequence[str], file: Path) -> None:
    """Write arguments to a file, from which unfolded() reads them."""
    file.write_text(json.dumps(list(words), indent=1, ensure_ascii=False), "utf-8")


def unfolded(words: Sequence[str], in_job: bool) -> list[str]:
    """Return the arguments of a command. One that names a file is replaced by the file's arguments.

    Only a processing job (`in_job`) reads such a file, and only if its name comes right after the
    command's name. Raises UserError if the file cannot be read.
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
