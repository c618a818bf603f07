"""Names of files and folders."""

from __future__ import annotations

import os

import pytest

from semscore.udfs.stores.names import folder_name, is_hidden, is_utf8, printable


@pytest.mark.parametrize(
    ("raw", "text", "shown"),
    [
        (b"plain", True, "plain"),
        ("漢字 é".encode(), True, "漢字 é"),
        (b"caf\xe9", False, r"caf\xe9"),
        ("é".encode() + b"\xff", False, r"é\xff"),
    ],
)
def test_a_name_that_is_not_text_can_be_printed(raw: bytes, text: bool, shown: str) -> None:
    name = os.fsdecode(raw)
    assert is_utf8(name) == text
    assert printable(name) == shown
    assert printable(name).encode()


def test_spark_s_names_of_folders() -> None:
    value = "a\x01\n\"#%'*/:=?\\\x7f{[]^b é$&.,; }<>|!~"
    escaped = "a%01%0A%22%23%25%27%2A%2F%3A%3D%3F%5C%7F%7B%5B%5D%5Eb é$&.,; }<>|!~"
    assert folder_name("k", value) == f"k={escaped}"
    assert folder_name("a=b", "") == "a%3Db=__HIVE_DEFAULT_PARTITION__"


def test_hidden_names_are_spark_s() -> None:
    assert [is_hidden(path) for path in (".a/b", "a/_b", "_a/b", "a/.b.crc")] == [True] * 4
    assert [is_hidden(path) for path in ("a/b", "_k=1/b", "a_b/c.d")] == [False] * 3
