"""The fingerprint of a run: what its scores or embeddings depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from semscore.udfs.recipe import fingerprint

if TYPE_CHECKING:
    from semscore.jobs.options.settings import Settings
    from semscore.jobs.preflight.precision import Settled


def fingerprint_of(
    settings: Settings, settled: Settled, model_sha256: str, corrections: dict[str, Any]
) -> str:
    """Return the fingerprint of a run with these settings.

    That of a run that scores two columns of texts has the parts that it always had.
    """
    columns = settings.columns
    others: dict[str, Any] = {}
    if settings.embeds:
        names = settings.embeddings.text
        others["embeddings"] = {
            "normalize": settings.embeddings.normalize,
            "embedding_type": settings.embeddings.embedding_type,
            "ranges": settled.ranges,
        }
    elif columns.vectors:
        names = tuple(name for _, name in columns.vectors)
        others["compares"] = "vectors"
    else:
        names = (columns.text1, columns.text2)
        if columns.text2_value is not None:
            others["text2_value"] = columns.text2_value
    return fingerprint(
        settled.recipe, model_sha256, names, settled.int8_sha256, corrections, others
    )
