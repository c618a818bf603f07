"""Compare scores with grades by people: `python -m benchmarks.quality GRADED.tsv...`.

A graded file is tab-separated, with the header `gold text1 text2` and without quoting. Each file is
scored by the semscore command in each precision, and by sentence-transformers. The results are
Spearman's correlation of score and grade, times 100 as in papers, and the difference of the scores
from those of semscore in float32.
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks import BUILD
from benchmarks.contenders import command, score_column
from benchmarks.files import write_parquet
from benchmarks.ours import Book, parser
from benchmarks.process import measure
from benchmarks.scores import encode_and_compare
from semscore.udfs.models.fetch import local_folder

COLUMNS = ["file", "pairs", "scorer", "spearman_x100", "max_diff", "mean_diff", "error"]
FILES = 2


def main() -> None:
    """Measure each file in each precision."""
    options = parser(__doc__)
    options.set_defaults(precision="float32,bfloat16,int8")
    options.add_argument("graded", nargs="+", type=Path)
    args = options.parse_args()
    model = local_folder(args.model)
    book = Book("quality", COLUMNS)
    for path in args.graded:
        pairs = read_graded(path)
        data = BUILD / "graded" / path.stem
        shutil.rmtree(data, ignore_errors=True)
        write_parquet(pa.Table.from_pandas(pairs, preserve_index=False), data, FILES)
        about = {"file": path.name, "pairs": len(pairs)}
        expected = encode_and_compare(model, pairs["text1"].tolist(), pairs["text2"].tolist())
        book.add(**about, scorer="sentence-transformers", **agreement(expected, pairs["gold"]))
        exact = None
        for precision in args.precision.split(","):
            scores = score(f"semscore:{precision}", data, model, args.limit)
            if isinstance(scores, str):
                book.add(**about, scorer=precision, error=scores)
                continue
            exact = scores if precision == "float32" else exact
            results = agreement(scores, pairs["gold"]) | distance(scores, exact)
            book.add(**about, scorer=precision, **results)


def read_graded(path: Path) -> pd.DataFrame:
    """Read columns `id`, `gold`, `text1`, `text2`. The word `null` is a text like any other."""
    frame = pd.read_csv(path, sep="\t", quoting=csv.QUOTE_NONE, dtype=str, keep_default_na=False)
    missing = {"gold", "text1", "text2"} - set(frame.columns)
    if missing:
        raise ValueError(f"{path} has no columns {sorted(missing)}; it has: {list(frame.columns)}")
    return frame.assign(id=[str(row) for row in frame.index], gold=frame["gold"].astype(float))


def score(contender: str, data: Path, model: Path, limit_s: float) -> NDArray[np.float32] | str:
    """Return the scores in the order of the rows, or a message about what failed."""
    output = BUILD / "out" / f"{contender.replace(':', '-')}-{data.name}"
    log = BUILD / "logs" / f"{output.name}.log"
    shutil.rmtree(output, ignore_errors=True)
    cost = measure(command(contender, data, output, str(model)), log, limit_s=limit_s)
    if cost.exit_code:
        return f"exit code {cost.exit_code}; see {log}"
    column = score_column(contender)
    scored = pq.read_table(output, columns=["id", column]).to_pandas()
    scored = scored.set_index(scored["id"].astype(int)).sort_index()
    return scored[column].to_numpy()


def agreement(scores: NDArray[np.float32], gold: pd.Series) -> dict[str, float]:
    """Return Spearman's correlation with the grades, times 100."""
    return {"spearman_x100": round(100 * float(spearmanr(scores, gold).statistic), 2)}


def distance(scores: NDArray[np.float32], exact: NDArray[np.float32] | None) -> dict[str, float]:
    """Return the largest and the mean difference from float32; empty if `exact` is None."""
    if exact is None:
        return {}
    gap = np.abs(scores - exact)
    return {"max_diff": float(gap.max()), "mean_diff": float(gap.mean())}


if __name__ == "__main__":
    main()
