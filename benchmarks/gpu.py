"""The engine on one GPU, without Spark: `python -m benchmarks.gpu MODEL_FOLDER --help`.

Worker processes as Spark would run them, each with its own model on the same device, each scoring
windows of pairs through the engine's own code: pairs/s, tokens/s, share of the measured bfloat16
matrix limit, how busy the device was. Beside it `encode` of sentence-transformers, batches of 128
a column, in float32 and float16. Needs no network and nothing but MODEL_FOLDER; with no pairs
given it makes some of the lengths that the English corpus has.
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
from semscore.udfs.worker import resident as worker

WORDS = ["time", "year", "people", "way", "day", "thing", "world", "school", "state", "student"]
LOG_MEAN, LOG_SPREAD = 2.7, 0.9  # of words in a text: 15 in the middle, 9 of 10 below 50
BATCH_ROWS = 4096


def made_pairs(rows: int, seed: int) -> tuple[pd.Series[str], pd.Series[str]]:
    """Pairs of random words, as long as real ones, hardly any text twice."""
    random = np.random.default_rng(seed)

    def texts() -> pd.Series[str]:
        lengths = np.maximum(random.lognormal(LOG_MEAN, LOG_SPREAD, rows).astype(int), 1)
        words = iter(random.choice(WORDS, lengths.sum()))
        return pd.Series([" ".join(next(words) for _ in range(n)) for n in lengths], dtype=object)

    return texts(), texts()


def work(
    ready: Any, go: Any, results: Any, given: argparse.Namespace, rows: int, threads: int, seed: int
) -> None:
    """One worker: load, warm up, wait for the others, score its pairs; its meters."""
    recipe = Recipe(model=str(given.model), precision=given.precision)
    engine = Engine(backend="torch", token_budget=given.token_budget, window_rows=given.window_rows)
    backend, _ = load_backend(given.model, recipe, engine, given.device, threads)
    resident = worker.Resident(
        Encoder(backend, engine.token_budget, None), TaskDevice(given.device), ()
    )
    worker.resident = lambda *_: resident  # type: ignore[assignment]
    first, second = made_pairs(rows, seed)

    def batches(most: int) -> Iterator[tuple[pd.Series[str], pd.Series[str]]]:
        for start in range(0, most, BATCH_ROWS):
            yield first[start : start + BATCH_ROWS], second[start : start + BATCH_ROWS]

    for _ in worker.score_batches(batches(2 * BATCH_ROWS), recipe, engine, Meters()):
        pass
    meters = Meters()
    ready.release()
    go.wait()
    for _ in worker.score_batches(batches(len(first)), recipe, engine, meters):
        pass
    results.put(meters.figures() | {"rows": len(first)})


def run_engine(given: argparse.Namespace, workers: int, threads: int) -> dict[str, Any]:
    """All workers at once: seconds from the common start to the last one's end."""
    context = get_context("spawn")
    ready, go, results = context.Semaphore(0), context.Event(), context.Queue()
    shared = (ready, go, results, given, given.rows // workers, threads)
    processes = [context.Process(target=work, args=(*shared, seed)) for seed in range(workers)]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    with watched(given.device) as busy:
        start = perf_counter()
        go.set()
        figures = [results.get(timeout=3600) for _ in processes]
        seconds = perf_counter() - start
    for process in processes:
        process.join()
    total = {name: sum(each[name] for each in figures) for name in figures[0]}
    return {"seconds": seconds, "gpu_busy": float(np.mean(busy)) if busy else None} | total


def run_encode(given: argparse.Namespace, dtype: str) -> float:
    """The original's way, pairs/s: `encode` of each column, 128 texts a batch."""
    import torch
    from sentence_transformers import SentenceTransformer

    kinds = {"dtype": getattr(torch, dtype)}
    model = SentenceTransformer(str(given.model), device=given.device, model_kwargs=kinds)
    first, second = made_pairs(given.encode_rows, 99)
    model.encode(first[:512].tolist(), batch_size=128)
    start = perf_counter()
    for texts in (first, second):
        model.encode(texts.tolist(), batch_size=128)
    return given.encode_rows / (perf_counter() - start)


def peak_flops(device: str) -> float:
    """Best of some bfloat16 matrix products on the device, operations a second."""
    import torch

    n = 8192 if device.startswith("cuda") else 1024
    a, b = (torch.randn(n, n, device=device, dtype=torch.bfloat16) for _ in range(2))
    best = float("inf")
    for _ in range(20):
        start = perf_counter()
        (a @ b)[0, 0].item()  # waits for the product
        best = min(best, perf_counter() - start)
    return 2 * n**3 / best


@contextmanager
def watched(device: str) -> Iterator[list[float]]:
    """How busy the GPU is while this lasts, looked at every 0.2 s: shares of 1."""
    looks: list[float] = []
    if not device.startswith("cuda"):
        yield looks
        return
    query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    with subprocess.Popen([*query, "-lms=200"], stdout=subprocess.PIPE, text=True) as watch:
        yield looks
        watch.terminate()
        told = watch.communicate()[0].splitlines()
        looks += [float(line) / 100 for line in told if line.strip().isdigit()]


def main() -> None:
    """Each number of workers, then `encode`; one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--device", default="cuda:0", help="cpu: to see that all works")
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--worker-counts", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--cpus", type=int, default=16, help="shared out to the workers")
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--encode-rows", type=int, default=20_000)
    parser.add_argument("--token-budget", type=int)
    parser.add_argument("--window-rows", type=int, default=65_536)
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    given = parser.parse_args()
    import torch

    if given.device != "cpu" and not torch.cuda.is_available():
        sys.exit("this torch sees no CUDA device; nothing was measured")
    config = json.loads((given.model / "config.json").read_text("utf-8"))
    layers = config.get("num_hidden_layers") or config["n_layers"]
    hidden = config.get("hidden_size") or config["dim"]
    result: dict[str, Any] = {
        "date": f"{datetime.now(timezone.utc):%Y-%m-%d}",
        "device": given.device
        if given.device == "cpu"
        else torch.cuda.get_device_name(given.device),
        "torch": torch.__version__,
        "model": given.model.name,
        "precision": given.precision,
        "peak_flops": peak_flops(given.device),
        "encode_pairs_per_s": {dt: run_encode(given, dt) for dt in ("float32", "float16")},
        "engine": [],
    }
    for workers in given.worker_counts:
        threads = max(given.cpus // workers, 1)
        found = run_engine(given, workers, threads)
        # of texts of the mean length: attention, which grows with the square, is a few per cent
        mean = np.array([found["tokens"] / max(found["distinct_texts"], 1)])
        flop = float(flop_per_text(mean, layers, hidden)[0]) * found["distinct_texts"]
        found |= {
            "workers": workers,
            "threads_each": threads,
            "pairs_per_s": found["rows"] / found["seconds"],
            "tokens_per_s": found["tokens"] / found["seconds"],
            "share_of_peak": flop / found["seconds"] / result["peak_flops"],
        }
        result["engine"].append(found)
        given.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        print({name: found[name] for name in ("workers", "pairs_per_s", "gpu_busy")}, flush=True)


if __name__ == "__main__":
    main()
