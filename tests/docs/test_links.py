"""How links of pages and lists become those of the site."""

from __future__ import annotations

from pathlib import Path

import pytest
from links import Links
from lists import as_everywhere

ROOT = Path(__file__).parents[2]
PAGES = {
    "index.md",
    "plan.md",
    "changelog.md",
    "reference/cli/score.md",
    "benchmarks/results/a.svg",
}


def links(page: str, source: str) -> tuple[Links, list[str]]:
    complaints: list[str] = []
    made = Links(
        root=ROOT,
        source=source,
        page=page,
        pages=PAGES,
        titles={"plan.md": "Predict time and cost"},
        repository="https://git.example/x",
        site="https://site.example/",
        complain=complaints.append,
    )
    return made, complaints


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[a](plan.md#how)", "[a](plan.md#how)"),
        ("[plan.md](plan.md)", "[Predict time and cost](plan.md)"),
        ("[a](../conf/s3a.conf)", "[a](https://git.example/x/blob/main/conf/s3a.conf)"),
        ("[a](../conf/iam)", "[a](https://git.example/x/tree/main/conf/iam)"),
        ("[a](../README.md#develop)", "[a](https://git.example/x/blob/main/README.md#develop)"),
        ("[a](../CHANGELOG.md)", "[a](changelog.md)"),
        ("![a](../benchmarks/results/a.svg)", "![a](benchmarks/results/a.svg)"),
        (
            "[a](https://site.example/reference/cli/score/#--mode)",
            "[a](reference/cli/score.md#--mode)",
        ),
        ("[a](https://site.example/)", "[a](index.md)"),
        ("[a](https://other.example/plan.md)", "[a](https://other.example/plan.md)"),
        ("[a](#here)", "[a](#here)"),
        ("`[a](../nowhere.md)`", "`[a](../nowhere.md)`"),
        ("```python\nf[a](../nowhere.md)\n```", "```python\nf[a](../nowhere.md)\n```"),
    ],
)
def test_a_link_of_a_page(before: str, after: str) -> None:
    made, complaints = links("scoring.md", "docs/scoring.md")
    assert made.rewritten(before) == after
    assert not complaints


def test_a_page_from_the_root_of_the_repository() -> None:
    made, complaints = links("contributing.md", "CONTRIBUTING.md")
    assert made.rewritten("[a](docs/plan.md)") == "[a](plan.md)"
    assert made.rewritten("[a](Makefile)") == "[a](https://git.example/x/blob/main/Makefile)"
    assert not complaints


def test_a_page_in_a_folder() -> None:
    made, _ = links("reference/conf.md", "docs/reference/conf.md")
    assert made.rewritten("[a](../plan.md) [b](../../conf)") == (
        "[a](../plan.md) [b](https://git.example/x/tree/main/conf)"
    )


@pytest.mark.parametrize(
    ("link", "complaint"),
    [
        ("[a](../nowhere.md)", "docs/scoring.md links to nowhere.md, which does not exist"),
        ("[a](../../outside.md)", "links to ../outside.md, which does not exist"),
        ("[a](../README.md#nowhere)", "README.md#nowhere, but there is no such heading"),
    ],
)
def test_a_broken_link_to_the_repository_is_a_warning(link: str, complaint: str) -> None:
    made, complaints = links("scoring.md", "docs/scoring.md")
    made.rewritten(link)
    assert len(complaints) == 1 and complaint in complaints[0]


def test_a_list_behind_a_paragraph_gets_a_blank_line() -> None:
    assert as_everywhere("text:\n- a\n  more\n- b\n\ntext\n1. c") == (
        "text:\n\n- a\n    more\n- b\n\ntext\n\n1. c"
    )


def test_what_belongs_to_an_item_is_indented_by_four_spaces() -> None:
    assert as_everywhere("1. a\n\n   more\n   - b\n     c\n2. d") == (
        "1. a\n\n    more\n\n    - b\n        c\n2. d"
    )
    assert as_everywhere("1. a:\n   > b\n   > c") == "1. a:\n\n    > b\n    > c"
    assert as_everywhere("```\ntext\n- a\n```") == "```\ntext\n- a\n```"
