"""The libraries that read and write tables' logs, which extras install."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from semscore.udfs.errors import UserError

LIBRARIES = {"delta": "deltalake", "iceberg": "pyiceberg"}  # by the name of the extra


@contextmanager
def needed_for(extra: Literal["delta", "iceberg"], what: str) -> Iterator[None]:
    """Raise UserError if the block needs a library that is not installed. `what` needs it."""
    library = LIBRARIES[extra]
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != library:
            raise
        raise UserError(
            f"{what}: the table's log needs {library}, which is not installed. Install it: pip "
            f"install 'semscore[{extra}]'"
        ) from error
