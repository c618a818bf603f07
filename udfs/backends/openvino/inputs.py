"""The inputs of a converted model, and the reader that makes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from semscore.udfs.backends.pair_reader import PairReader
from semscore.udfs.backends.protocol import Rows
from semscore.udfs.backends.reader import TokenReader
from semscore.udfs.backends.tokens import Tokens

if TYPE_CHECKING:
    from semscore.udfs.backends.readers import Reader


def load_reader(
    converted: Path, facts: Mapping[str, Any], max_seq_length: int | None = None
) -> Reader:
    """Load the reader of a converted model. `max_seq_length` replaces its limit."""
    reader = PairReader if facts.get("kind") == "cross-encoder" else TokenReader
    return reader.load(converted, facts, max_seq_length)


def graph_inputs(tokens: Tokens, rows: Rows, width: int, reader: Reader) -> list[NDArray[Any]]:
    """Return IDs and mask of k texts or pairs, and types of pairs if used: each (k, width)."""
    inputs = list(tokens.padded(rows, width, reader.pad_id, reader.pad_left))
    if reader.type_ids and tokens.before_second is not None:
        inputs.append(tokens.types(rows, width, reader.pad_left))
    return inputs
