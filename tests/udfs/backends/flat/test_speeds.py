"""Where it may be faster without padding, both ways are measured once, and the faster one runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from semscore.udfs.backends.flat import speeds
from semscore.udfs.backends.openvino.converted import converted_place
from semscore.udfs.backends.proving import prove
from semscore.udfs.backends.registry import load_backend
from semscore.udfs.gpus import cpu
from semscore.udfs.proofs.proof import proof_place
from semscore.udfs.recipe import Engine, Recipe

CACHED = (converted_place, proof_place, speeds.speeds_place, cpu._first)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SEMSCORE_CACHE", str(tmp_path))
    for function in CACHED:
        function.cache_clear()
    yield
    for function in CACHED:
        function.cache_clear()


def chosen(folder: Path, **engine: Any) -> str:
    backend, note = load_backend(folder, Recipe(model=str(folder)), Engine(**engine), "cpu", 1)
    assert note is None
    return backend.name


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give this machine a CPU with other flags."""

    def with_flags(flags: str) -> None:
        (tmp_path / "cpuinfo").write_text(f"model name\t: Pretended\nflags\t\t: {flags}\n")
        monkeypatch.setattr(cpu, "CPUINFO", tmp_path / "cpuinfo")

    return with_flags


def record(folder: Path, flat: float, openvino: float) -> None:
    place = speeds.speeds_place(folder)
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps({"float32": {"flat": flat, "openvino": openvino}}))


def test_a_cpu_with_amx_measures_both(model_folder: Path, pretend: Callable[[str], None]) -> None:
    pretend("fpu amx_bf16 avx512f")
    prove.prove(model_folder, "bi-encoder", None, convert=True)
    found = json.loads(speeds.speeds_place(model_folder).read_text())
    assert "float32" in found
    for seconds in found.values():
        assert seconds.keys() == {"flat", "openvino"}
        assert all(0 < value < 30 for value in seconds.values())


def test_other_cpus_measure_nothing(model_folder: Path, pretend: Callable[[str], None]) -> None:
    pretend("fpu avx512f")
    prove.prove(model_folder, "bi-encoder", None, convert=True)
    assert not speeds.speeds_place(model_folder).exists()
    assert chosen(model_folder) == "openvino"


@pytest.mark.parametrize(
    ("flat", "openvino", "expected"),
    [(0.5, 1.0, "flat"), (0.95, 1.0, "openvino"), (2.0, 1.0, "openvino")],
)
def test_the_clearly_faster_one_runs(
    model_folder: Path, flat: float, openvino: float, expected: str
) -> None:
    record(model_folder, flat, openvino)
    assert chosen(model_folder) == expected
    assert chosen(model_folder, backend="openvino") == "openvino"
    assert not speeds.is_faster(model_folder, "bfloat16")  # which was not measured


def test_without_openvino_nothing_is_padded(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from semscore.udfs.backends import registry

    monkeypatch.setattr(registry, "find_spec", lambda _: None)
    recipe = Recipe(model=str(model_folder))
    backend, note = load_backend(model_folder, recipe, Engine(), "cpu", 1)
    assert backend.name == "flat"
    assert str(note).startswith("the model runs in torch without padding, not in OpenVINO: it is")
    half = Recipe(model=str(model_folder), precision="float16")
    assert load_backend(model_folder, half, Engine(), "cpu", 1)[0].name == "torch"
