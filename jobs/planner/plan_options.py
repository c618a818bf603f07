"""Check the options that `semscore plan` has in addition to those of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter

from semscore.jobs.failures.wording import counted
from semscore.jobs.hosts.instances import find_host, is_shape, short_name
from semscore.jobs.options.types import Flag, Names
from semscore.udfs.errors import UserError

PLAN = Group("Plan", sort_key=-1)


@Parameter(name="*", group=PLAN)
@dataclass(frozen=True, kw_only=True)
class Ask:
    """The hosts and prices to plan for.

    Raises:
        UserError: A type is unknown, or a number or a price is invalid.

    Examples:
        >>> from semscore import Ask
        >>> ask = Ask(instance_type=("g5.2xlarge", "g4dn.xlarge"), price=("g5.2xlarge=1.515",))
        >>> ask.instance_type
        ('g5.2xlarge', 'g4dn.xlarge')
    """

    instance_type: Annotated[Names, Parameter(name=("--instance-type", "--host"))] = ()
    """Comma-separated instance types to plan for, such as ml.g5.2xlarge,ml.m7i.4xlarge, or shapes
    of hosts: CPUs x GiB, x GPUs and their model, such as 96x1152x8:A100-80."""
    instances: int | None = None
    """Instances of each type. Unset: as many as possible, as long as the total cost is at most 25%
    above that of the cheapest choice."""
    price: Names = ()
    """Price of an instance per hour, in any currency: a number, or comma-separated type=number if
    there are several types."""
    past_run: Names = ()
    """OUTPUT of an earlier run, or its report.json. The speed measured there replaces the assumed
    speed of the same hardware. Can be given several times."""
    role: str | None = None
    """ARN of the job's role, for the `semscore launch` command that is printed."""
    image_uri: str | None = None
    """Image of the job, for the `semscore launch` command that is printed."""
    json: Flag = False
    """Print one JSON document."""

    def __post_init__(self) -> None:
        if self.instances is not None and self.instances < 1:
            raise UserError(f"--instances must be at least 1, got {self.instances}")
        for name in self.instance_type:
            find_host(name)
        self.prices()

    @property
    def types(self) -> tuple[str, ...]:
        """Names of the types in SageMaker's form, and shapes, without duplicates."""
        return tuple(dict.fromkeys(map(_full_name, self.instance_type)))

    def prices(self) -> dict[str, float]:
        """Return the hourly price of one instance by type, for the types that have a price."""
        prices: dict[str, float] = {}
        for given in self.price:
            name, equals, number = given.rpartition("=")
            if not equals and len(self.types) != 1:
                raise UserError(
                    f"--price {given}: name its type, because --instance-type has "
                    f"{counted(len(self.types), 'type')}: "
                    f"--price {(self.types or ('ml.g5.2xlarge',))[0]}={given},…"
                )
            kind = _full_name(name) if equals else self.types[0]
            if kind not in self.types:
                raise UserError(
                    f"--price {given}: {name} is not one of the types in --instance-type "
                    f"{','.join(self.types) or '(none)'}"
                )
            prices[kind] = _amount(number, given)
        return prices


def _full_name(name: str) -> str:
    """Return a type's name in SageMaker's form, or a shape's name."""
    return short_name(name) if is_shape(name) else f"ml.{short_name(name)}"


def _amount(number: str, given: str) -> float:
    try:
        amount = float(number)
    except ValueError:
        amount = -1.0
    if not 0 < amount < float("inf"):
        raise UserError(
            f"--price {given}: expected a number above 0, with a decimal point and without a "
            "currency, or type=number"
        )
    return amount
