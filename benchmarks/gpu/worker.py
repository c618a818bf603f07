"""One worker process: it scores windows of pairs with the engine's own code, as Spark's would.

    python -m benchmarks.gpu.worker

Reads one JSON document per line and answers each with one: first what to load, then for how long to
score. It ends with its input.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.gpu import bare
from benchmarks.gpu.made import Sizes, mixed_texts, texts_of

WINDOWS = 3  # different ones, scored in turns


class Work:
    """A loaded model and windows of pairs."""

    def __init__(
        self,
        model: str,
        device: str,
        backend: Any,
        precision: Any,
        cpus: int,
        rows: int,
        tokens: int | None,
        sizes: list[int],
        seed: int,
    ) -> None:
        import pandas as pd

        from semscore.udfs.backends.registry import load_backend
        from semscore.udfs.models.fitted import checked, fitted
        from semscore.udfs.models.flops import architecture
        from semscore.udfs.pairs.registry import scorer_of
        from semscore.udfs.recipe import Engine, Recipe
        from semscore.udfs.texts.encoder import Encoder

        folder = Path(model)
        recipe = checked(Recipe(model=model, precision=precision), folder)
        loaded, self.note = load_backend(folder, recipe, Engine(backend=backend), device, cpus)
        self.backend = loaded.name
        self._scorer = scorer_of(Encoder(loaded, None, None), fitted(recipe, folder), folder)
        self._architecture = architecture(folder)
        count = 2 * rows * WINDOWS
        texts = (
            mixed_texts(count, seed)
            if tokens is None
            else texts_of(tokens, count, seed, Sizes(*sizes))
        )
        columns = [
            pd.Series(texts[start : start + rows], dtype=object) for start in range(0, count, rows)
        ]
        self._windows = list(zip(columns[::2], columns[1::2], strict=True))

    def run(self, seconds: float) -> dict[str, float]:
        """Score windows for at least that long. Returns sums over them, and the seconds."""
        from semscore.udfs.meters import Meters
        from semscore.udfs.worker.ahead import ahead

        meters = Meters()
        total = {"pairs": 0.0, "tokens": 0.0, "flop": 0.0}

        def prepared() -> Iterator[Any]:
            for first, second in cycle(self._windows):
                yield self._scorer.prepare(first, second, meters)

        with closing(ahead(prepared())) as ready:
            start = perf_counter()
            for window in ready:
                scores = self._scorer.score(window, meters)
                lengths = scores.token_lengths
                total["pairs"] += len(scores.score)
                total["tokens"] += float(lengths.sum())
                total["flop"] += float(self._architecture.flop(lengths.astype(float)).sum())
                if perf_counter() - start >= seconds:
                    break
            total["seconds"] = perf_counter() - start
        return total | {"tokenize_s": meters.tokenize_s, "forward_s": meters.forward_s}


def main() -> None:
    """Answer each line of the input."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # whatever libraries print goes elsewhere
    bare.prepare()
    work: Work | None = None
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        answer: dict[str, Any]
        try:
            if "seconds" not in asked:
                work = None  # never two models at once
                work = Work(**asked)
                answer = {"backend": work.backend, "note": work.note}
            else:
                assert work is not None
                answer = dict(work.run(asked["seconds"]))
        except Exception as error:  # the process that asks decides
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
