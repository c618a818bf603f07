"""The report in a real browser: it renders, asks nobody, has the numbers, is usable by all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from semscore.jobs.cli import app as cli
from semscore.jobs.report import report as report_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium")
    assert found, "chromium is not installed: make tools-for-browser"
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page_file(dataset: Path) -> Path:
    assert (
        cli.main(
            ["report", str(dataset), "--gold", "grade", "--gold-positive", "3", "--price", "3.6"]
        )
        == 0
    )
    return dataset / "_semscore/report.html"


@pytest.fixture
def opened(browser: Browser, page_file: Path) -> Iterator[Open]:
    """Opens the page, and fails afterwards if the page has complained or asked for anything."""
    said: list[str] = []
    asked: list[str] = []

    def open_(scheme: str = "light", width: int = 1100) -> Page:
        context = browser.new_context(
            color_scheme=scheme,  # type: ignore[arg-type]
            viewport={"width": width, "height": 900},
        )
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_file.as_uri())
        return page

    yield open_
    assert not said
    assert set(asked) == {page_file.as_uri()}


def test_charts_hold_the_right_numbers(opened: Open) -> None:
    page = opened()

    def marks(chart: str) -> list[str]:
        return page.locator(f"#chart-{chart} svg title").all_text_contents()

    assert [mark for mark in marks("scores") if "pairs: 0" not in mark] == [
        "cosine: 0; pairs: 100; high: 0.05",
        "cosine: 0.95; pairs: 96; high: 1",
    ]
    assert sum("running the model" in mark for mark in marks("all_seconds")) == 1
    assert len(marks("rates")) == 20
    assert all("rows per second: 10;" in mark for mark in marks("rates"))
    assert len(marks("gold")) == 196
    heights = page.locator("#chart-scores svg [role=graphics-symbol][aria-label*='pairs: ']")
    tall = [box["height"] for box in (mark.bounding_box() for mark in heights.all()) if box]
    assert max(tall) > 50  # drawn, and not only said


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 360])
def test_an_audit_of_accessibility_finds_nothing(opened: Open, scheme: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(opened(scheme, width))
    assert found.response["passes"]
    assert found.violations_count == 0, found.generate_report()


def test_light_and_dark_differ(opened: Open) -> None:
    colors = {
        scheme: opened(scheme).evaluate(
            "[getComputedStyle(document.body).backgroundColor,"
            " getComputedStyle(document.querySelector('svg text')).fill]"
        )
        for scheme in ("light", "dark")
    }
    assert colors["light"] == ["rgb(255, 255, 255)", "rgb(27, 31, 36)"]
    assert colors["dark"] == ["rgb(20, 23, 27)", "rgb(232, 235, 239)"]


@pytest.mark.parametrize("width", [320, 360, 768])
def test_a_narrow_screen_shows_all_without_scrolling_sideways(opened: Open, width: int) -> None:
    page = opened(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_reaches_the_content_and_opens_tables(opened: Open) -> None:
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")
    summary = page.locator("#chart-scores summary")
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("#chart-scores details table").is_visible()


def test_markup_in_a_pair_is_shown_as_text(opened: Open) -> None:
    page = opened()
    assert page.locator("main script").count() == 0
    assert page.locator("td.text", has_text="<script>alert('x')</script>").count() > 0


def test_in_a_notebooks_frame_it_looks_the_same_and_links_stay_within(
    browser: Browser, page_file: Path, tmp_path: Path
) -> None:
    notebook = tmp_path / "notebook.html"
    frame = report_page(str(page_file.parents[1]))._repr_html_()
    notebook.write_text(f"<!doctype html><title>notebook</title>{frame}", "utf-8")
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(notebook.as_uri())
    inside = page.frame_locator("iframe[title^='Report of ']")
    assert inside.locator("#chart-scores svg").is_visible()
    inside.locator("nav a[href='#what']").click()
    assert inside.locator("#what").is_visible()
    assert page.frames[1].url == "about:srcdoc#what"
    assert page.frames[1].evaluate("scrollY") > 1000
    assert not said
    page.close()
