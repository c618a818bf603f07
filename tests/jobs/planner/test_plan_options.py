"""Hosts and prices, as they are asked for."""

from __future__ import annotations

import pytest

from semscore.jobs.planner.plan_options import Ask
from semscore.udfs.errors import UserError

TWO = ("ml.g5.xlarge", "M5.4xlarge", "g5.xlarge")


def test_types_have_one_name_and_count_once() -> None:
    assert Ask(instance_type=TWO).types == ("ml.g5.xlarge", "ml.m5.4xlarge")
    assert Ask().types == ()


def test_a_price_is_for_the_one_type_or_for_the_one_that_is_named() -> None:
    assert Ask(instance_type=("g5.xlarge",), price=("1.41",)).prices() == {"ml.g5.xlarge": 1.41}
    found = Ask(instance_type=TWO, price=("ml.g5.xlarge=1.41", "m5.4xlarge=.9")).prices()
    assert found == {"ml.g5.xlarge": 1.41, "ml.m5.4xlarge": 0.9}


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ("1.41", r"--instance-type has 2 types: --price ml\.g5\.xlarge=1\.41"),
        ("ml.g6.xlarge=1", r"not one of the types in --instance-type ml\.g5\.xlarge,ml\.m5"),
        ("ml.g5.xlarge=$1", "expected a number above 0"),
        ("ml.g5.xlarge=", "expected a number above 0"),
        ("ml.g5.xlarge=0", "expected a number above 0"),
        ("ml.g5.xlarge=nan", "expected a number above 0"),
        ("ml.g5.xlarge=-3", "expected a number above 0"),
    ],
)
def test_a_price_that_is_none_is_refused(price: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        Ask(instance_type=TWO, price=(price,))


def test_a_price_without_any_type_is_for_nothing() -> None:
    with pytest.raises(UserError, match="--instance-type has 0 types: --price"):
        Ask(price=("1",))


def test_an_unknown_type_is_refused_with_those_like_it() -> None:
    with pytest.raises(UserError, match=r"'ml\.g5\.13xlarge' is not in .*g5\.12xlarge"):
        Ask(instance_type=("ml.g5.13xlarge",))


def test_no_instances_are_no_plan() -> None:
    with pytest.raises(UserError, match="--instances must be at least 1, got 0"):
        Ask(instances=0)
