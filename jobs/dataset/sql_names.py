"""Columns by their names, whatever characters these contain."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812 - as all of Spark's own examples have it


def column(name: str) -> Column:
    """Return a top-level column."""
    return F.col(quoted(name))


def quoted(name: str) -> str:
    """Return a column's name, quoted for Spark SQL."""
    return f"`{name.replace('`', '``')}`"
