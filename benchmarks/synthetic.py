"""Make pairs from a corpus: in another order, with a share of repeats, or of a given length."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import BUILD
from benchmarks.files import write_parquet

SEED = 7
FILES = 8
BLOCK = 50  # rows that stay together, because a package's texts repeat in neighbouring rows


def mixed(corpus: Path) -> Path:
    """Put the corpus into random order, in blocks; return the folder.

    All its parts are then alike, so that contenders that score different numbers of its rows can
    be compared.
    """
    folder = BUILD / "synthetic" / f"mixed-{corpus.name}"
    if not folder.is_dir():
        table = pq.read_table(corpus)
        blocks = np.random.default_rng(SEED).permutation(-(-len(table) // BLOCK))
        places = (blocks[:, None] * BLOCK + np.arange(BLOCK)).ravel()
        write_parquet(table.take(places[places < len(table)]), folder, FILES)
    return folder


def repeated(corpus: Path, share: float, rows: int) -> Path:
    """Make `rows` pairs in random order, a `share` of which repeat other pairs; return the folder.

    `corpus` itself must not contain repeats.
    """
    folder = BUILD / "synthetic" / f"repeated-{share}-{rows}"
    if not folder.is_dir():
        distinct = max(round(rows * (1 - share)), 1)
        random = np.random.default_rng(SEED)
        again = random.integers(0, distinct, rows - distinct)
        places = random.permutation(np.concatenate([np.arange(distinct), again]))
        write_parquet(_renamed(pq.read_table(corpus).take(places)), folder, FILES)
    return folder


def cut(corpus: Path, words: int, rows: int) -> Path:
    """Make `rows` pairs of texts of `words` words, cut from the corpus; return the folder."""
    folder = BUILD / "synthetic" / f"cut-{words}-{rows}"
    if not folder.is_dir():
        stream = (word for text in pq.read_table(corpus)["text2"] for word in text.as_py().split())
        texts = [" ".join(islice(stream, words)) for _ in range(2 * rows)]
        if len(texts[-1].split()) < words:
            raise ValueError(f"{corpus} has too few words for {rows:,} pairs of {words} words")
        table = pa.table({"text1": texts[::2], "text2": texts[1::2]})
        write_parquet(_renamed(table), folder, FILES)
    return folder


def _renamed(table: pa.Table) -> pa.Table:
    """Replace the ids, so that each row has its own."""
    ids = pa.array(map(str, range(len(table))), pa.string())
    return pa.table({"id": ids, "text1": table["text1"], "text2": table["text2"]})
