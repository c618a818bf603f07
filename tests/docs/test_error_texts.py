"""docs/error-texts.md quotes semscore's messages as the code has them. A quote begins with `> `."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from semscore.jobs.failures.wording import as_options

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/error-texts.md").read_text("utf-8")
QUOTES = re.findall(r"^ *> (.+)$", PAGE, re.M)
GAP = "…"  # in place of names and numbers


def texts(tree: ast.AST) -> Iterator[str]:
    """Yield the strings of a module. Each value that an f-string inserts is a gap."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values
            )


@cache
def messages() -> list[str]:
    """All strings in the code, with the names of options that users see."""
    files = [file for folder in ("jobs", "udfs") for file in (ROOT / folder).rglob("*.py")]
    return [
        as_options(text) for file in files for text in texts(ast.parse(file.read_text("utf-8")))
    ]


def is_quoted(quote: str, message: str) -> bool:
    """Whether the parts of a quote stand in a message, in this order."""
    parts = [part.strip() for part in quote.split(GAP) if part.strip()]
    between = r"[\s\S]*?".join(map(re.escape, parts))
    return re.search(between, message) is not None


def test_the_page_quotes_messages() -> None:
    assert len(QUOTES) >= 25


def test_a_quote_is_a_paragraph_of_its_own() -> None:
    """Markdown would join it with a line that follows directly."""
    assert not re.findall(r"^ *> .+\n(?=.)", PAGE, re.M)


@pytest.mark.parametrize("quote", QUOTES)
def test_a_quote_is_in_the_code(quote: str) -> None:
    assert any(is_quoted(quote, message) for message in messages()), quote


def test_a_quote_that_the_code_does_not_have_is_noticed() -> None:
    assert not any(is_quoted("a disk is full: buy … a new one", each) for each in messages())


@pytest.mark.parametrize(
    "text",
    [
        "ModuleNotFoundError",
        "CUDA out of memory",
        "Container killed by YARN for exceeding physical memory limits",
        "No space left on device",
        "AccessDenied, 403",
        "ResourceLimitExceeded",
        "CapacityError",
        "Unable to pull image, CannotPullContainerError",
        "Connection reset",
        "Failed to find Spark",
        "large_string",
        "SlowDown, 503",
        "ExpiredToken",
    ],
)
def test_texts_that_people_search_for_are_headings(text: str) -> None:
    assert any(text in heading for heading in re.findall(r"^## (.+)$", PAGE, re.M))
