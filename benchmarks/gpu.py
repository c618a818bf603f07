"""Measure the engine on one GPU, without Spark: `python -m benchmarks.gpu MODEL_FOLDER --help`.

Starts worker processes as Spark would, each with its own model on the same device. Each scores
windows of pairs with the engine's own code. Measures pairs/s, tokens/s, the share of the measured
bfloat16 matrix limit, and how busy the device was. For comparison, also measures `encode` of
sentence-transformers in float32 and float16, one column at a time in batches of 128. Needs only
MODEL_FOLDER and no network: it makes pairs whose lengths are like those of the English corpus.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.flops import flop_per_text
from semscore.udfs.backends.registry import load_backend
from semscore.udfs.gpus.device import TaskDevice
from semscore.udfs.meters import Meters
from semscore.udfs.recipe import Engine, Recipe
from semscore.udfs.texts.encoder import Encoder
from semscore.udfs.worker import batches as task

WORDS = ["time", "year", "people", "way", "day", "thing", "world", "school", "state", "student"]
LOG_MEAN, LOG_SPREAD = 2.7, 0.9  # of words in a text: median 15, 90% below 50
BATCH_ROWS = 4096


def made_pairs(rows: int, seed: int) -> tuple[pd.Series[str], pd.Series[str]]:
    """Make pairs of random words, as long as real texts, with hardly any repeats."""
    random = np.random.default_rng(seed)

    def texts() -> pd.Series[str]:
        lengths = np.maximum(random.lognormal(LOG_MEAN, LOG_SPREAD, rows).astype(int), 1)
        words = iter(random.choice(WORDS, lengths.sum()))
        return pd.Series([" ".join(next(words) for _ in range(n)) for n in lengths], dtype=object)

    return texts(), texts()


def work(
    ready: Any, go: Any, results: Any, args: argparse.Namespace, rows: int, threads: int, seed: int
) -> None:
    """Run one worker: load, warm up, wait for the others, score, and report its meters."""
    recipe = Recipe(model=str(args.model), precision=args.precision)
    engine = Engine(backend="torch", token_budget=args.token_budget, window_rows=args.window_rows)
    backend, _ = load_backend(args.model, recipe, engine, args.device, threads)
    encoder = Encoder(backend, engine.token_budget, None)
    resident = task.Resident(encoder, args.model, TaskDevice(args.device), args.device, ())
    task.resident = lambda *_: resident  # type: ignore[assignment]
    first, second = made_pairs(rows, seed)

    def batches(most: int) -> Iterator[tuple[pd.Series[str], pd.Series[str]]]:
        for start in range(0, most, BATCH_ROWS):
            yield first[start : start + BATCH_ROWS], second[start : start + BATCH_ROWS]

    for _ in task.score_batches(batches(2 * BATCH_ROWS), recipe, engine, Meters()):
        pass
    meters = Meters()
    ready.release()
    go.wait()
    for _ in task.score_batches(batches(len(first)), recipe, engine, meters):
        pass
    results.put(meters.figures() | {"rows": len(first)})


def run_engine(args: argparse.Namespace, workers: int, threads: int) -> dict[str, Any]:
    """Run all workers in parallel and return the sums of their meters.

    `seconds` is the time from the common start until the last worker ends.
    """
    context = get_context("spawn")
    ready, go, results = context.Semaphore(0), context.Event(), context.Queue()
    shared = (ready, go, results, args, args.rows // workers, threads)
    processes = [context.Process(target=work, args=(*shared, seed)) for seed in range(workers)]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    with watched(args.device) as busy:
        start = perf_counter()
        go.set()
        figures = [results.get(timeout=3600) for _ in processes]
        seconds = perf_counter() - start
    for process in processes:
        process.join()
    total = {name: sum(of_worker[name] for of_worker in figures) for name in figures[0]}
    return {"seconds": seconds, "gpu_busy": float(np.mean(busy)) if busy else None} | total


def run_encode(args: argparse.Namespace, dtype: str) -> float:
    """Measure the pairs/s of `encode`, one column at a time in batches of 128 texts."""
    import torch
    from sentence_transformers import SentenceTransformer

    kinds = {"dtype": getattr(torch, dtype)}
    model = SentenceTransformer(str(args.model), device=args.device, model_kwargs=kinds)
    first, second = made_pairs(args.encode_rows, 99)
    model.encode(first[:512].tolist(), batch_size=128)
    start = perf_counter()
    for texts in (first, second):
        model.encode(texts.tolist(), batch_size=128)
    return args.encode_rows / (perf_counter() - start)


def peak_flops(device: str) -> float:
    """Return the operations per second of the fastest of 20 bfloat16 matrix products."""
    import torch

    n = 8192 if device.startswith("cuda") else 1024
    a, b = (torch.randn(n, n, device=device, dtype=torch.bfloat16) for _ in range(2))
    best = float("inf")
    for _ in range(20):
        start = perf_counter()
        (a @ b)[0, 0].item()  # `item` waits for the product
        best = min(best, perf_counter() - start)
    return 2 * n**3 / best


@contextmanager
def watched(device: str) -> Iterator[list[float]]:
    """Collect the utilisation of the GPU inside the `with` block, every 0.2 s, as shares of 1."""
    looks: list[float] = []
    if not device.startswith("cuda"):
        yield looks
        return
    query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    with subprocess.Popen([*query, "-lms=200"], stdout=subprocess.PIPE, text=True) as watch:
        yield looks
        watch.terminate()
        lines = watch.communicate()[0].splitlines()
        looks += [float(line) / 100 for line in lines if line.strip().isdigit()]


def main() -> None:
    """Measure `encode` and each number of workers, and write one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--device", default="cuda:0", help="cpu only shows that everything works")
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--worker-counts", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--cpus", type=int, default=16, help="cores, divided among the workers")
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--encode-rows", type=int, default=20_000)
    parser.add_argument("--token-budget", type=int)
    parser.add_argument("--window-rows", type=int, default=65_536)
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    args = parser.parse_args()
    import torch

    if args.device != "cpu" and not torch.cuda.is_available():
        sys.exit("torch found no CUDA device; nothing was measured")
    config = json.loads((args.model / "config.json").read_text("utf-8"))
    layers = config.get("num_hidden_layers") or config["n_layers"]
    hidden = config.get("hidden_size") or config["dim"]
    result: dict[str, Any] = {
        "date": f"{datetime.now(timezone.utc):%Y-%m-%d}",
        "device": args.device if args.device == "cpu" else torch.cuda.get_device_name(args.device),
        "torch": torch.__version__,
        "model": args.model.name,
        "precision": args.precision,
        "peak_flops": peak_flops(args.device),
        "encode_pairs_per_s": {dt: run_encode(args, dt) for dt in ("float32", "float16")},
        "engine": [],
    }
    for workers in args.worker_counts:
        threads = max(args.cpus // workers, 1)
        point = run_engine(args, workers, threads)
        # As if all texts had the mean length: only attention is not linear in it, a few per cent.
        mean = np.array([point["tokens"] / max(point["distinct_texts"], 1)])
        flop = float(flop_per_text(mean, layers, hidden)[0]) * point["distinct_texts"]
        point |= {
            "workers": workers,
            "threads_each": threads,
            "pairs_per_s": point["rows"] / point["seconds"],
            "tokens_per_s": point["tokens"] / point["seconds"],
            "share_of_peak": flop / point["seconds"] / result["peak_flops"],
        }
        result["engine"].append(point)
        args.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        print({name: point[name] for name in ("workers", "pairs_per_s", "gpu_busy")}, flush=True)


if __name__ == "__main__":
    main()
