"""The site builds without a broken link, and its reference has everything that the code has."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

import semscore
from semscore.jobs.cli.app import USAGES, app
from semscore.udfs.errors import by_full_name
from semscore.udfs.statuses import TABLE

ROOT = Path(__file__).parents[2]
SITE = "https://semscore.github.io/semscore/"
LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "srcset"}
# Of <link>: what a browser fetches or connects to by itself.
FETCHED = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "modulepreload"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Page(HTMLParser):
    """What a page's HTML has: ids, and what a browser loads with it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.loaded: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids.add(found.get("id") or "")
        if tag == "link" and FETCHED & set((found.get("rel") or "").split()):
            self.loaded.append(found.get("href") or "")
        elif place := found.get(LOADS.get(tag, "")):
            self.loaded.append(place)
        if found.get("data-md-component") == "source":
            self.loaded.append("https://api.github.com/")  # by the theme's script


def read(site: Path, page: str) -> Page:
    return Page(site / page / "index.html")


def options() -> Iterator[tuple[str, str]]:
    for command in USAGES:
        for argument in app[command.__name__].assemble_argument_collection().filter_by(show=True):
            if argument.names[0].startswith("--"):
                yield command.__name__, argument.names[0]


def test_the_reference_has_all_options(site: Path) -> None:
    found = list(options())
    assert len(found) > 150
    pages = {name: read(site, f"reference/cli/{name}").ids for name, _ in found}
    assert [(name, option) for name, option in found if option not in pages[name]] == []


def test_the_reference_has_all_public_names(site: Path) -> None:
    ids = set().union(*(Page(path).ids for path in site.glob("reference/python/*/index.html")))
    assert {f"semscore.{name}" for name in semscore.__all__} <= ids


def test_the_reference_has_all_exit_codes_and_errors(site: Path) -> None:
    text = (site / "reference/exit-codes/index.html").read_text("utf-8")
    for error in by_full_name().values():
        assert f"<code>{error.exit_code}</code>" in text
        assert f"<code>{error.__name__}</code>" in text


def test_the_reference_has_all_statuses(site: Path) -> None:
    text = (site / "reference/statuses/index.html").read_text("utf-8")
    for status in TABLE:
        assert f"<code>{status.name}</code>" in text


def test_the_reference_has_all_keys_of_the_conf_files(site: Path) -> None:
    html = (site / "reference/conf/index.html").read_text("utf-8")
    text = re.sub(r"<[^>]+>", "", html)
    keys = [
        line.split()[0]
        for file in (ROOT / "conf").glob("*.conf")
        for line in file.read_text("utf-8").splitlines()
        if line.startswith("spark.")
    ]
    assert len(keys) > 50
    assert [key for key in keys if key not in text] == []


def test_a_reader_s_browser_asks_no_other_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for path in pages:
        for place in Page(path).loaded:
            assert not re.match(r"(https?:)?//", place), (path.relative_to(site), place)
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", sheet.read_text("utf-8")), sheet


def test_lists_and_tables_are_not_left_as_text(site: Path) -> None:
    """Markdown of GitHub that the site's Markdown would show as it is written."""
    for path in site.rglob("*.html"):
        text = re.sub(r"<(pre|code|script)\b.*?</\1>", "", path.read_text("utf-8"), flags=re.S)
        left = re.search(r"<p>[^<]*\n *([-*]|\d\.) \S[^<]*|<p>\|[^<]*|[^<>\n]*\]\([^)]*\)", text)
        assert not left, (path.relative_to(site), left[0])


def test_llms_txt_names_all_pages(site: Path) -> None:
    text = (site / "llms.txt").read_text("utf-8")
    links = re.findall(rf"\]\({SITE}([^)]*)\)", text)
    assert len(links) >= len(list((ROOT / "docs").glob("*.md")))
    assert [link for link in links if not (site / link).is_file()] == []
    assert len((site / "llms-full.txt").read_text("utf-8")) > 100_000
