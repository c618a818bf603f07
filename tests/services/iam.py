"""What IAM policies allow: their statements evaluated as AWS documents it, for one account.

"Policy evaluation logic" and "IAM JSON policy elements: Condition operators",
docs.aws.amazon.com/IAM/latest/UserGuide/. Knows what the policies here use, and fails on the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Statement = Mapping[str, Any]
ARN_PARTS = 6


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def like(pattern: str, value: str) -> bool:
    """Whether a value matches a pattern with * and ?."""
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in pattern)
    return re.fullmatch("".join(parts), value, re.S) is not None


def arn_like(pattern: str, value: str) -> bool:
    """Whether an ARN matches. Each part is compared on its own, so * does not cross a colon."""
    both = [text.split(":", ARN_PARTS - 1) for text in (pattern, value)]
    return len(both[0]) == len(both[1]) and all(map(like, *both))


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringLike": like,
    "ArnEquals": arn_like,  # AWS documents that it is the same as ArnLike
    "ArnLike": arn_like,
    "Bool": lambda wanted, found: wanted.lower() == found.lower(),
}


def is_met(condition: Mapping[str, Mapping[str, str | list[str]]], context: Statement) -> bool:
    """Whether all keys of a condition match. A key that the request lacks does not match."""
    return all(
        key in context and any(OPERATORS[operator](value, context[key]) for value in listed(values))
        for operator, keys in condition.items()
        for key, values in keys.items()
    )


def applies(statement: Statement, action: str, resource: str, context: Statement) -> bool:
    """Whether a statement is about a request. Actions are compared without regard to case."""
    unknown = set(statement) - {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}
    assert not unknown, unknown
    actions = listed(statement["Action"])
    return (
        any(like(pattern.lower(), action.lower()) for pattern in actions)
        and any(like(pattern, resource) for pattern in listed(statement.get("Resource", "*")))
        and is_met(statement.get("Condition", {}), context)
    )


def allows(
    statements: Sequence[Statement], action: str, resource: str = "*", **context: str
) -> bool:
    """Whether statements allow a request. A Deny takes precedence over each Allow.

    `context` has the condition keys, with __ for the colon: `aws__SourceAccount`.
    """
    given = {key.replace("__", ":"): value for key, value in context.items()}
    found = {each["Effect"] for each in statements if applies(each, action, resource, given)}
    return found == {"Allow"}
