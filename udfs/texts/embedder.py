"""From columns of texts to columns of embeddings and statuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from semscore.udfs.backends.protocol import Inputs, Rows
from semscore.udfs.errors import ModelError
from semscore.udfs.meters import Meters
from semscore.udfs.recipe import Prompt
from semscore.udfs.statuses import BLANK, ERROR, NULL, OK, TRUNCATED
from semscore.udfs.texts.encoder import NO_PROMPT, Encoder
from semscore.udfs.texts.windows import TextColumns
from semscore.udfs.vector_format import VectorFormat

VECTOR_BYTES = 64 * 2**20  # of the vectors that are in memory at the same time
FRAME_BYTES = 8 * 2**20  # of the vectors in a frame, which exists in several forms on its way


@dataclass(frozen=True)
class Column:
    """n texts of a column, m of which can be embedded."""

    status: NDArray[np.object_]  # (n,) of str: null, blank, else ok
    rows: Rows  # (m,) indices of the texts to embed
    codes: Rows  # (m,) indices of these among the distinct ones


@dataclass(frozen=True)
class Part:
    """Some rows of a window, laid out and tokenised."""

    columns: list[Column]
    inputs: Inputs  # distinct texts of all columns


class Embedder:
    """Embeds each distinct text once for all columns.

    The status of a text is `null`, `blank` (empty or white space), `error` (the model failed on it
    alone, or gave a zero or non-finite vector), `truncated` (only its beginning was read) or `ok`.
    Only the last two have an embedding.
    """

    def __init__(
        self,
        encoder: Encoder,
        vectors: VectorFormat,
        prompt: Prompt = NO_PROMPT,
        truncate_dim: int | None = None,
    ) -> None:
        kind, dim = encoder.backend.kind, encoder.backend.dim
        if kind != "bi-encoder":
            raise ModelError(f"a {kind} model does not give each text one vector; use a bi-encoder")
        if truncate_dim is not None and truncate_dim > dim:
            raise ModelError(
                f"Recipe.truncate_dim {truncate_dim} is more than the model has: {dim}"
            )
        vectors.require_ranges()
        if vectors.ranges is not None and len(vectors.ranges[0]) != dim:
            raise ModelError(
                f"the ranges have {len(vectors.ranges[0])} dimensions, but the vectors have {dim}; "
                "measure them with embedding_ranges and the same recipe"
            )
        self._encoder, self._vectors, self._prompt = encoder, vectors, prompt

    def prepare(self, columns: TextColumns, meters: Meters) -> list[Part]:
        """Divide a window so that its vectors fit into memory, and tokenise the parts."""
        size = max(VECTOR_BYTES // (4 * self._encoder.backend.dim * len(columns)), 1)
        starts = range(0, len(columns[0]), size)
        return [self._part([c[k : k + size] for c in columns], meters) for k in starts]

    def frames(self, prepared: list[Part], meters: Meters) -> Iterator[pd.DataFrame]:
        """Embed the parts, and yield frames with an embedding and a status for each column."""
        for part in prepared:
            embedded = self._encoder.embed(part.inputs, self._prompt, meters)
            start = perf_counter()
            distinct = len(embedded.tokens)
            found = embedded.vectors[np.arange(distinct)]
            vectors = found if isinstance(found, np.ndarray) else found.cpu().numpy()
            usable = np.isfinite(vectors).all(axis=1) & vectors.any(axis=1) & ~embedded.failed
            formed = self._vectors.applied(vectors)
            results = [
                _result(column, formed, usable, embedded.truncated) for column in part.columns
            ]
            meters.count_texts([status for _, status in results], embedded.ran)
            frame = pd.DataFrame(
                {
                    name: values
                    for k, (embeddings, status) in enumerate(results)
                    for name, values in ((f"embedding{k}", embeddings), (f"status{k}", status))
                },
                copy=False,
            )
            meters.compare_s += perf_counter() - start
            size = max(FRAME_BYTES // (formed.itemsize * formed.shape[1] * len(results)), 1)
            for begin in range(0, len(frame), size):
                yield frame[begin : begin + size]

    def _part(self, columns: list[pd.Series[Any]], meters: Meters) -> Part:
        places: dict[str, int] = {}
        laid_out = [lay_out_column(texts, places) for texts in columns]
        return Part(laid_out, self._encoder.prepare(list(places), self._prompt, meters))


def lay_out_column(texts: pd.Series[Any], places: dict[str, int]) -> Column:
    """Lay out a column. `places` collects the distinct texts of all columns."""
    null = texts.isna().to_numpy()
    given = texts.to_numpy(dtype=object)
    pairs = zip(given, null, strict=True)
    filled = np.array([not missing and bool(text.strip()) for text, missing in pairs], bool)
    status = np.where(null, NULL, np.where(filled, OK, BLANK)).astype(object)
    rows = np.flatnonzero(filled)
    codes = [places.setdefault(text, len(places)) for text in given[rows]]
    return Column(status, rows, np.array(codes, np.int64))


def _result(
    column: Column,
    vectors: NDArray[Any],
    usable: NDArray[np.bool_],
    truncated: NDArray[np.bool_],
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return the embeddings, None where there is none, and statuses of a column: (n,), (n,)."""
    status, codes = column.status.copy(), column.codes
    status[column.rows[truncated[codes]]] = TRUNCATED
    status[column.rows[~usable[codes]]] = ERROR
    embeddings = np.full(len(status), None, dtype=object)
    for row, code in zip(column.rows.tolist(), codes.tolist(), strict=True):
        if usable[code]:
            embeddings[row] = vectors[code]
    return embeddings, status
