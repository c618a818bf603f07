"""Words that messages share."""

from __future__ import annotations

import pytest

from semscore.jobs.failures.wording import counted


@pytest.mark.parametrize(
    ("n", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1200, "1,200 rows")]
)
def test_a_noun_has_the_form_of_its_number(n: int, text: str) -> None:
    assert counted(n, "row") == text
