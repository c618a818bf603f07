"""INPUT as a user writes it: a location, or a table."""

from __future__ import annotations

DELTA = "delta:"  # before the location of a Delta table; a folder with its log needs no prefix
CATALOG = "iceberg:"  # before catalog.namespace.table


def location_of(given: str) -> str | None:
    """Return the location that an INPUT names. None: only a catalog knows it."""
    return None if given.startswith(CATALOG) else given.removeprefix(DELTA)
