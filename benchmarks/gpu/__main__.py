"""Measure the engine on one GPU, without Spark: `python -m benchmarks.gpu MODEL_FOLDER --help`.

In at most eight minutes, and with no network, it
1. compares vectors without padding with those of padding in float32, in each precision;
2. measures `encode` of sentence-transformers, and FlashAttention 2 and vLLM if they are installed;
3. measures the engine with 1, 2 and 4 worker processes on the same GPU, with and without padding:
   tokens/s, the share of the measured bfloat16 matrix limit, and how busy the GPU was. The models
   are MODEL_FOLDER, on texts whose lengths are like those of the English corpus, and one with the
   shape of BERT-base and random weights, on texts of 128 and 512 tokens;
4. recommends a number of workers per GPU.

The results are written after each step. A step that fails is recorded, and the others still run.

It runs from a bare checkout: where semscore, pyspark or obstore are not installed, it makes links
and stand-ins itself (see bare.py). Needed are torch, sentence-transformers, pandas, psutil and
filelock. benchmarks/README.md says how to make a copy of all-MiniLM-L6-v2 of 45 MB.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.gpu import bare, contenders, device, engine, equality
from benchmarks.gpu.made import BERT_BASE, TINY, Sizes, mixed_texts, random_bert, texts_of
from benchmarks.gpu.steps import Steps

START_S, LOAD_S = 15.0, 6.0  # of a worker's process, and of a model in it
WINDOW_TOKENS = 700_000  # about as many as 16,384 pairs of short texts have
MIXED_TOKENS = 21  # of a text of mixed lengths, on average


@dataclass(frozen=True)
class Case:
    """A model, and the texts that it is measured on."""

    name: str
    model: Path
    tokens: int | None  # of each text; None: mixed lengths

    def rows(self, window_tokens: int) -> int:
        """Return the pairs of a window of about that many tokens."""
        return max(window_tokens // (2 * (self.tokens or MIXED_TOKENS)), 1)

    def texts(self, count: int, sizes: Sizes) -> list[str]:
        """Make texts."""
        return (
            mixed_texts(count, 99)
            if self.tokens is None
            else texts_of(self.tokens, count, 99, sizes)
        )


def measure(args: argparse.Namespace, steps: Steps, made: Path) -> None:
    """Run all steps, the most important ones first."""
    sizes = TINY if args.tiny else BERT_BASE
    window = 500 if args.tiny else WINDOW_TOKENS
    steps.run("hardware", 1, partial(device.describe, args.device))
    peak = (steps.run("peak_flops", 3, partial(device.peak_flops, args.device)) or {}).get(
        "bfloat16"
    )
    bert = steps.run("model", 5, lambda: str(random_bert(made / "bert", sizes)))
    cases = [Case("given", args.model, None)]
    if bert:
        cases += [Case(f"bert-{n}", Path(bert), n) for n in ((16, 32) if args.tiny else (128, 512))]
    texts = [*mixed_texts(30 if args.tiny else 2000, 5), "long " * 1000]
    halves = ("float32", "bfloat16") if args.device == "cpu" else ("float32", "bfloat16", "float16")
    steps.run("equality", 45, partial(equality.compare, args.model, args.device, texts, halves))

    def contend(case: Case, names: tuple[str, ...]) -> None:
        chosen = case.texts(max(window // (case.tokens or MIXED_TOKENS), 10), sizes)
        for name in names:
            of = partial(contenders.measure, name, case.model, args.device, chosen, args.seconds)
            steps.run(f"{case.name}: {name}", 2 * args.seconds + LOAD_S, of)

    contend(cases[0], contenders.NAMES)
    for count in args.worker_counts:
        _engine(args, steps, cases, count, window, sizes, peak)
    for case in cases:
        _recommend(steps, case, args.worker_counts)
    for case in cases[1:]:
        contend(case, contenders.NAMES[:2])


def _engine(
    args: argparse.Namespace,
    steps: Steps,
    cases: list[Case],
    count: int,
    window: int,
    sizes: Sizes,
    peak: float | None,
) -> None:
    """Measure the engine with a number of workers, with and without padding."""
    with engine.Workers(count, args.cpus) as workers:
        start = START_S
        for case in cases:
            for backend in ("flat", "torch"):
                what = {
                    "model": str(case.model),
                    "backend": backend,
                    "precision": args.precision,
                    "rows": case.rows(window),
                    "tokens": case.tokens,
                    "sizes": list(sizes),
                }
                of = partial(workers.measure, args.device, args.seconds, peak, what)
                steps.run(
                    f"{case.name}: {backend}, {count} workers",
                    start + LOAD_S + 2 * args.seconds,
                    of,
                )
                start = 0


def _recommend(steps: Steps, case: Case, counts: list[int]) -> None:
    """Recommend a number of workers for a case, if any was measured."""
    found = [steps.results.get(f"{case.name}: flat, {count} workers", {}) for count in counts]
    points = [point for point in found if "pairs_per_s" in point]
    if points:
        steps.run(f"{case.name}: recommended", 0, partial(engine.recommended, points))


def main() -> None:
    """Measure, and write one JSON document."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="a folder, such as that of all-MiniLM-L6-v2")
    parser.add_argument("--device", default="cuda:0", help="cpu only shows that everything works")
    parser.add_argument("--precision", default="bfloat16", help="of the engine")
    parser.add_argument("--worker-counts", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--cpus", type=int, help="cores, divided among the workers; unset: all")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement")
    parser.add_argument("--total-seconds", type=float, default=430.0, help="of all steps together")
    parser.add_argument("--tiny", action="store_true", help="very small models and few texts")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    args = parser.parse_args()
    args.cpus = args.cpus or len(os.sched_getaffinity(0))
    args.model = args.model.resolve()
    steps = Steps(args.out, args.total_seconds)
    os.environ |= {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    import torch

    if args.device != "cpu" and not torch.cuda.is_available():
        sys.exit("torch found no CUDA device; nothing was measured")
    bare.prepare()
    with tempfile.TemporaryDirectory() as made:
        measure(args, steps, Path(made))


if __name__ == "__main__":
    main()
