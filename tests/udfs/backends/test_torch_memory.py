"""A process that runs models on a CPU neither grows with each new shape nor gives memory back."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from semscore.udfs.backends import torch_memory

# Prints by how many MB the process has grown after 600 products of different shapes.
GROWTH = """
import psutil, torch
from semscore.udfs.backends.torch_memory import hold_memory
hold_memory() if HOLD else None
multiply, lay_out = torch.ops.mkldnn._linear_pointwise, torch.ops.mkldnn._reorder_linear_weight
weights = lay_out(torch.ones(384, 1536, dtype=torch.bfloat16), 1536)
grown = -psutil.Process().memory_info().rss
for tokens in range(900, 1500):
    multiply(torch.ones(tokens, 1536, dtype=torch.bfloat16), weights, None, "none", [], "")
print((grown + psutil.Process().memory_info().rss) >> 20)
"""


def growth(hold: bool) -> int:
    script = GROWTH.replace("HOLD", str(hold))
    variables = {k: v for k, v in os.environ.items() if k not in torch_memory.CACHES}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=variables
    )
    return int(done.stdout)


def test_shapes_that_do_not_come_back_are_forgotten() -> None:
    assert growth(hold=True) < 0.6 * growth(hold=False)


def test_the_users_own_settings_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = torch_memory.CACHES
    monkeypatch.setenv(first, "7")
    monkeypatch.delenv(second, raising=False)
    torch_memory.hold_memory()
    assert (os.environ[first], os.environ[second]) == ("7", torch_memory.SHAPES)


def test_without_glibc_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_memory.ctypes, "CDLL", lambda _: object())
    torch_memory.hold_memory()
