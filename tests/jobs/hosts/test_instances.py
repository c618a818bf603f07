"""What is known of types of hosts."""

from __future__ import annotations

import pytest

from semscore.jobs.hosts.instances import GIB, find_host, host_types
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
    assert {name for name, host in host_types().items() if host.gpus} == expected


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
    said = rf"'{name}' is not in conf/instances\.toml \(did you mean .*g5\.12xlarge.*set sizes as"
    with pytest.raises(UserError, match=said):
        find_host(name)


def test_a_name_like_none_is_refused_without_a_guess() -> None:
    with pytest.raises(UserError, match=r"'laptop' is not in conf/instances\.toml\. Add it there"):
        find_host("laptop")
