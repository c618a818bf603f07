"""Lists of names in one text, as in CSV: the values of options that take a list."""

from __future__ import annotations

import re
from collections.abc import Iterable

# One name of the list: in double quotes, with quotes inside doubled, or up to the next comma.
NAME = re.compile(r'\s*"((?:[^"]|"")*)"\s*(?:,|$)|([^,]*)(?:,|$)')
ODD = re.compile(r'[,"]|^\s|\s$|^$')  # a name that must be quoted


def split_names(text: str) -> tuple[str, ...]:
    """Split comma-separated names, quoted as in CSV: `a, "b, c"` -> ("a", "b, c").

    Outside quotes, blanks next to a comma are dropped. Blanks at either end of the text are kept.
    """
    names: list[str] = []
    place = 0
    while place < len(text):
        match = NAME.match(text, place)
        assert match is not None  # the second alternative matches anything
        quoted, plain = match.groups()
        if quoted is None:
            plain = plain if place == 0 else plain.lstrip()
            plain = plain if match.end(2) == len(text) else plain.rstrip()
            names += [plain] if plain.strip() else []
        else:
            names.append(quoted.replace('""', '"'))
        place = match.end()
    return tuple(names)


def join_names(names: Iterable[str]) -> str:
    """Join names into one text, which split_names() splits into the same names."""
    doubled = ((name, name.replace('"', '""')) for name in names)
    quoted = (f'"{inside}"' if ODD.search(name) else name for name, inside in doubled)
    return ",".join(quoted)
