"""The ranges of values that int8 and uint8 embeddings divide, measured once per dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from semscore.udfs.vector_format import SCALED, Ranges, VectorFormat

if TYPE_CHECKING:
    from semscore.jobs.options.settings import Settings


def needs_ranges(settings: Settings) -> bool:
    """Return whether the embeddings of a run need ranges."""
    return settings.embeds and settings.embeddings.embedding_type in SCALED


def vector_format(settings: Settings, ranges: Ranges | None) -> VectorFormat:
    """Return the format of a run's embeddings."""
    asked = settings.embeddings
    return VectorFormat(
        normalize=asked.normalize, embedding_type=asked.embedding_type, ranges=ranges
    )


def recorded_ranges(record: dict[str, Any]) -> Ranges | None:
    """Return the ranges in a run's record, or None."""
    ranges = record.get("ranges")
    return (tuple(ranges[0]), tuple(ranges[1])) if ranges else None
