"""Which columns can hold labels."""

from __future__ import annotations

import re

from semscore.udfs.errors import UserError

# Arrow's names of types, as in `str(field.type)`. `null`: all values are missing.
NUMBER = r"(bool|u?int\d+|halffloat|float|double|decimal\d*\(.+\)|null)"
NUMBERS = re.compile(rf"{NUMBER}|dictionary<values={NUMBER},.*")


def require_numbers(column: str, kind: str) -> None:
    """Raise UserError unless values of the Arrow type `kind` can be labels."""
    if not NUMBERS.fullmatch(kind):
        raise UserError(
            f"--gold {column!r} is a column of type {kind}. Labels must be true and false, 0 and "
            "1, or other numbers. Convert the column, or name another one"
        )
