"""Findings: how they read, and what becomes of a check that cannot be made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from semscore.jobs.diagnosis.finding import Finding, findings, refused
from semscore.udfs.errors import UserError
from semscore.udfs.gpus.leases import LeaseError


@pytest.mark.parametrize(
    ("sentence", "found", "fix"),
    [
        ("no 'a'; it has: b. Name it with --text1", "no 'a'; it has: b", "Name it with --text1"),
        ("OUTPUT is INPUT; choose another folder", "OUTPUT is INPUT", "choose another folder"),
        ("too old; take 12.6 (cu126; up to 2.14)", "too old", "take 12.6 (cu126; up to 2.14)"),
        ("it is so", "it is so", ""),
    ],
)
def test_an_errors_sentence_ends_with_what_to_do(sentence: str, found: str, fix: str) -> None:
    assert refused("x", sentence) == Finding("x", "fail", found, fix)


def test_one_check_does_not_end_the_others() -> None:
    def broken(error: Exception) -> Iterator[Finding]:
        yield Finding("first", "ok", "before")
        raise error

    found = list(
        findings(
            {
                "user": lambda: broken(UserError("no. Do this")),
                "gpus": lambda: broken(LeaseError("spoiled")),
                "disk": lambda: broken(PermissionError(13, "denied")),
                "odd": lambda: broken(ZeroDivisionError("by zero")),
                "last": lambda: [Finding("last", "ok", "after")],
            }
        )
    )
    assert [(one.check, one.level) for one in found if one.check != "first"] == [
        ("user", "fail"),
        ("gpus", "fail"),
        ("disk", "fail"),
        ("odd", "warn"),
        ("last", "ok"),
    ]
    assert "could not be checked: by zero" in str(found[7])


def test_a_finding_is_one_sentence() -> None:
    assert str(Finding("disk", "warn", "1 GB free", "make room")) == "disk: 1 GB free; make room"
    assert str(Finding("disk", "ok", "1 GB free")) == "disk: 1 GB free"
