"""A page for each command, with all of its options, from the command line's own definition."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, get_args

from cyclopts import App
from cyclopts.argument import Argument
from marks import marked

from semscore.jobs.cli.app import USAGES, app
from semscore.jobs.options.types import LISTS


def pages() -> dict[str, str]:
    """Return the pages by name."""
    return {
        f"reference/cli/{command.__name__}.md": "\n".join(_page(command.__name__, usage))
        for command, usage in USAGES.items()
    }


def _page(name: str, usage: str) -> Iterator[str]:
    command = app[name]
    yield f"# semscore {name}\n"
    yield f"```text\nsemscore {name} {usage}\n```\n"
    yield f"{_description(command)}\n"
    groups: dict[Any, list[Argument]] = defaultdict(list)
    for argument in command.assemble_argument_collection(parse_docstring=True).filter_by(show=True):
        [group] = argument.parameter.group or [None]
        groups[group].append(argument)
    for group in sorted(groups, key=lambda group: group.sort_key if group else 99):
        yield f"## {group.name if group else 'Options'}\n"
        for argument in groups[group]:
            yield from _option(argument)


def _description(command: App) -> str:
    """Return the help of a command, without that of its parameters."""
    text = inspect.cleandoc(command.default_command.__doc__ or "")
    return marked(text.partition("\nParameters\n---")[0].strip())


def _option(argument: Argument) -> Iterator[str]:
    names = [name for name in argument.names if name != "*"]
    anchor = f" {{ #{names[0]} }}" if names[0].startswith("--") else ""
    yield f"#### {', '.join(f'`{name}`' for name in names)}{anchor}\n"
    help_ = " ".join((argument.parameter.help or "").split())
    yield f"{marked(help_)}\n"
    facts = list(_facts(argument))
    if facts:
        yield f"<small>{' · '.join(facts)}</small>\n"


def _facts(argument: Argument) -> Iterator[str]:
    """Yield what an option takes, and its default."""
    if argument.required:
        yield "required"
    choices = argument.get_choices()
    if choices:
        yield "one of " + ", ".join(f"`{choice}`" for choice in choices)
    elif argument.names[0].startswith("--"):
        listed = argument.names[0].removeprefix("--") in LISTS
        yield "a list, separated by commas" if listed else _kind(argument.hint)
    default = argument.field_info.default
    if argument.show_default and default not in (None, inspect.Parameter.empty):
        yield f"default: `{_plain(default)}`"


def _kind(hint: Any) -> str:
    """Return what a value is, in words."""
    kinds = [kind for kind in (get_args(hint) or (hint,)) if kind not in (type(None), Ellipsis)]
    names = {bool: "a switch", int: "a whole number", float: "a number", str: "a text"}
    return names.get(kinds[0], "a path")


def _plain(default: Any) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return f"{default:,}" if isinstance(default, int) else str(default)
