"""Exports made by the command, without AWS."""

from __future__ import annotations

from collections.abc import Callable

import pytest

PRINTED: dict[tuple[object, ...], str] = {}  # by the command's words: each takes half a second


@pytest.fixture
def exported(
    nowhere: None, launch: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """What `semscore launch --export FORMAT --dry-run` prints."""

    def run(
        form: str, *options: str, places: tuple[str, ...] | None = None, again: bool = False
    ) -> str:
        words = (form, options, places)
        if again or words not in PRINTED:
            capsys.readouterr()
            given = {} if places is None else {"places": places}
            assert launch("--export", form, "--dry-run", *options, **given) == 0
            PRINTED[words] = capsys.readouterr().out
        return PRINTED[words]

    return run
