"""Several names as one text, as in CSV: the values of options that take a list."""

from __future__ import annotations

import re
from collections.abc import Iterable

# One name of several: in double quotes, in which a quote is doubled, or up to the next comma.
NAME = re.compile(r'\s*"((?:[^"]|"")*)"\s*(?:,|$)|([^,]*)(?:,|$)')
ODD = re.compile(r'[,"]|^\s|\s$|^$')  # a name that has to be quoted, to be read as it is


def split_names(text: str) -> tuple[str, ...]:
    """Comma-separated names, quoted as in CSV: `a, "b, c"` -> ("a", "b, c").

    Without quotes, blanks beside a comma do not count; those at both ends of the text do.
    """
    found: list[str] = []
    place = 0
    while place < len(text):
        match = NAME.match(text, place)
        assert match is not None  # the second form takes anything
        quoted, plain = match.groups()
        if quoted is None:
            plain = plain if place == 0 else plain.lstrip()
            plain = plain if match.end(2) == len(text) else plain.rstrip()
            found += [plain] if plain.strip() else []
        else:
            found.append(quoted.replace('""', '"'))
        place = match.end()
    return tuple(found)


def join_names(names: Iterable[str]) -> str:
    """Names as one text, from which split_names() gives the same names."""
    doubled = ((name, name.replace('"', '""')) for name in names)
    quoted = (f'"{inside}"' if ODD.search(name) else name for name, inside in doubled)
    return ",".join(quoted)
