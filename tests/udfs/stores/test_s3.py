"""What S3 answers, without a server."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.utils import parse_timestamp

from semscore.udfs.stores.s3 import _time


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-29T17:19:42.123Z",  # in listings
        "2026-11-29T17:19:42Z",
        "Sun, 29 Nov 2026 17:19:42 GMT",  # in headers
        1795972782,
        "1795972782.5",
    ],
)
def test_times_are_those_that_botocore_finds(text: Any) -> None:
    assert _time(text) == parse_timestamp(text)
