"""Environments of their own, and the processor after which results are named."""

from __future__ import annotations

import pytest

from benchmarks.contenders import TOOLS, versions
from benchmarks.environments import REQUIREMENTS, pinned
from benchmarks.hardware import processor_class


@pytest.mark.parametrize("path", sorted(REQUIREMENTS.glob("*.txt")), ids=lambda path: path.stem)
def test_all_versions_are_pinned(path) -> None:
    assert {"sentence-transformers", "torch", "transformers"} <= set(pinned(path))


@pytest.mark.parametrize("name", [name for name, tool in TOOLS.items() if tool.environment])
def test_versions_of_an_environment_are_known_before_it_is_made(name: str) -> None:
    assert set(versions(name)) >= {"numpy", "torch", *TOOLS[name].libraries}


def test_ours_are_identified_by_their_sources_too() -> None:
    assert len(versions("semscore:int8")["sources"]) == 8


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        (["avx2", "avx512_bf16", "avx512_vnni", "amx_tile"], "amx"),
        (["avx2", "avx512_vnni", "avx512_bf16"], "avx512-bf16"),
        (["avx2", "avx512_vnni"], "avx512-vnni"),
        (["avx2"], "avx2"),
        ([], "other"),
    ],
)
def test_the_class_of_a_processor(flags: list[str], name: str) -> None:
    assert processor_class(flags) == name
