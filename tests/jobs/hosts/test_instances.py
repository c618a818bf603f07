"""What is known of types of hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from semscore.jobs.hosts.instances import GIB, find_host, host_types, known_gpu
from semscore.udfs.errors import UserError


def test_a_type_is_found_by_both_of_its_names() -> None:
    host = find_host("ml.g5.12xlarge")
    assert host == find_host("g5.12xlarge")
    assert (host.cpus, host.memory, host.gpus) == (48, 192 * GIB, 4)
    assert host.gpu
    assert (host.gpu.name, host.gpu.memory, host.gpu.capability) == ("A10G", 24 * GIB, 8.6)


def test_cpu_types_say_whether_they_compute_in_bfloat16() -> None:
    assert find_host("ml.m5.4xlarge").gpu is None
    assert not find_host("ml.m5.4xlarge").bfloat16
    assert find_host("ml.c7i.4xlarge").bfloat16


def test_the_table_has_the_gpu_types_of_sagemaker_processing() -> None:
    steps = ("", *(f"{n}" for n in (2, 4, 8, 12, 16, 24, 48)))
    expected = {f"{family}.{n}xlarge" for family in ("g5", "g6", "g6e") for n in steps}
    expected |= {f"g4dn.{n}xlarge" for n in steps[:6]} | {f"p3.{n}xlarge" for n in (2, 8, 16)}
    expected |= {f"g7e.{n}xlarge" for n in steps if n not in ("", "16")} | {"p5.4xlarge"}
    offered = {name for name, host in host_types().items() if host.gpus and host.in_processing}
    assert offered == expected
    assert not find_host("p4de.24xlarge").in_processing


def test_all_types_have_figures_that_can_be() -> None:
    for name, host in host_types().items():
        assert host.name == name
        assert host.cpus in range(4, 193), name
        assert host.memory / host.cpus in (GIB * 2, GIB * 4, GIB * 8) or host.gpus, name
        assert (host.gpus > 0) == (host.gpu is not None), name
        if host.gpu:
            assert 7.0 <= host.gpu.capability <= 12.0
            assert 8e12 <= host.gpu.float32 < host.gpu.half <= 1e15


@pytest.mark.parametrize("name", ["ml.g5.13xlarge", "g5.12xlarg", "ML.G5.12XLARGE1"])
def test_an_unknown_type_is_refused_with_those_like_it(name: str) -> None:
    said = (
        rf"'{name}' is not in conf/instances\.toml \(did you mean .*g5\.12xlarge.*the host's shape"
    )
    with pytest.raises(UserError, match=said):
        find_host(name)


def test_a_name_like_none_is_refused_without_a_guess() -> None:
    with pytest.raises(UserError, match=r"'laptop' is not in conf/instances\.toml\. Give the host"):
        find_host("laptop")


@pytest.mark.parametrize(
    ("shape", "sizes", "gpu"),
    [
        ("64x256", (64, 256, 0), None),
        ("96x1152x8:A100-80", (96, 1152, 8), "A100-80"),
        ("96X1152X8:a100-80", (96, 1152, 8), "A100-80"),
        ("16x64x2", (16, 64, 2), None),
    ],
)
def test_a_host_of_any_shape(shape: str, sizes: tuple[int, ...], gpu: str | None) -> None:
    host = find_host(shape)
    assert (host.cpus, host.memory // GIB, host.gpus) == sizes
    assert (host.gpu.name if host.gpu else None) == gpu
    assert not host.in_processing


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ("96x1152x8:A100", r"GPU 'a100' is not .*Known are .*A100-80"),
        ("96x1152x0:A100-80", "must be at least 1"),
        ("0x8", "must be at least 1"),
        ("96x1152:A100-80", "is not in conf/instances.toml"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(shape: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        find_host(shape)


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("NVIDIA A100-SXM4-80GB", "A100-80"),
        ("NVIDIA A100-PCIE-40GB", "A100-40"),
        ("Tesla V100-SXM2-16GB", "V100"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX-PRO-6000"),
    ],
)
def test_a_gpu_is_known_by_the_name_that_cuda_gives_it(device: str, name: str) -> None:
    gpu = known_gpu(device)
    assert gpu is not None
    assert gpu.name == name


def test_a_file_of_ones_own_adds_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "ours.toml"
    monkeypatch.setenv("SEMSCORE_INSTANCES", str(own))
    own.write_text(
        "[gpus]\nMI300X = { memory = 192, capability = 9.4 }\n"
        '[families.rack]\ngpu = "MI300X"\nbig = [192, 2304, 8]\nsmall = [32, 128]\n'
    )
    host = find_host("rack.big")
    assert host.gpu
    assert (host.gpus, host.gpu.memory) == (8, 192 * GIB)
    assert find_host("rack.small").gpus == 0
    assert find_host("g5.xlarge").gpus == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "ours.toml cannot be read: .*No such file"),
        ("[families.rack\n", "ours.toml cannot be read"),
        ('[families.rack]\ngpu = "X"\nbig = [1, 2, 3]\n', "the form of conf/instances.toml: .*'X'"),
        ("a = 1\n", "the form of conf/instances.toml: .*families"),
        ('[families.rack]\nbig = "8x32"\n', "the form of conf/instances.toml"),
    ],
)
def test_a_file_of_ones_own_that_is_wrong_is_refused(
    text: str | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / f"{abs(hash(text))}-ours.toml"
    monkeypatch.setenv("SEMSCORE_INSTANCES", str(own))
    if text:
        own.write_text(text)
    with pytest.raises(UserError, match=says):
        find_host("g5.xlarge")
