"""What others do on the same device: `encode` of sentence-transformers, and vLLM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.gpu.steps import NotInstalled

BATCH = 128  # texts
CHUNK_TOKENS = 400_000  # about, in one call, so that `encode` can sort many texts by length

# By name: the number format, and how sentence-transformers computes attention
ENCODE: dict[str, tuple[str, str]] = {
    "encode float32": ("float32", "sdpa"),
    "encode float16, SDPA": ("float16", "sdpa"),
    "encode float16, FlashAttention 2": ("float16", "flash_attention_2"),
}
NAMES = (*ENCODE, "vLLM float16")


def measure(
    name: str, folder: Path, device: str, texts: Sequence[str], seconds: float
) -> dict[str, float]:
    """Measure a contender for at least that many seconds.

    Raises NotInstalled if a package is missing.
    """
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    lengths = [len(ids) for ids in tokenizer(list(texts), truncation=True)["input_ids"]]
    tokens = sum(lengths) / len(lengths)
    size = max(int(CHUNK_TOKENS / tokens), 2 * BATCH)
    encode = _encode(folder, device, *ENCODE[name]) if name in ENCODE else _vllm(folder)
    encode(texts[:size])
    done, took, start = 0, 0.0, perf_counter()
    while (took := perf_counter() - start) < seconds or not done:
        place = done % max(len(texts) - size + 1, 1)
        chunk = texts[place : place + size]
        encode(chunk)
        done += len(chunk)
    return {
        "texts_per_s": done / took,
        "tokens_per_s": done * tokens / took,
        "pairs_per_s": done / 2 / took,
    }


def _encode(
    folder: Path, device: str, dtype: str, attention: str
) -> Callable[[Sequence[str]], Any]:
    if attention == "flash_attention_2" and not find_spec("flash_attn"):
        raise NotInstalled("flash_attn")
    import torch
    from sentence_transformers import SentenceTransformer

    options = {"dtype": getattr(torch, dtype), "attn_implementation": attention}
    model = SentenceTransformer(str(folder), device=device, model_kwargs=options)
    return lambda texts: model.encode(list(texts), batch_size=BATCH, show_progress_bar=False)


def _vllm(folder: Path) -> Callable[[Sequence[str]], Any]:
    if not find_spec("vllm"):
        raise NotInstalled("vllm")
    from vllm import LLM

    model = LLM(model=str(folder), runner="pooling", dtype="float16", gpu_memory_utilization=0.3)
    return lambda texts: model.embed(list(texts), use_tqdm=False)
