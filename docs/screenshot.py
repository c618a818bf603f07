"""Pictures of the demo's report, light and dark: `make screenshots`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTH = 1100  # pixels
NAME = "build/demo/scored"  # instead of where that is on this machine


def main(report: Path, folder: Path) -> None:
    """Draw a report down to its section on time, light and dark, with the system's chromium."""
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for scheme in ("light", "dark"):
            page = browser.new_page(color_scheme=scheme, viewport={"width": WIDTH, "height": 900})
            page.goto(report.absolute().as_uri())
            page.evaluate("name => document.querySelector('h1').textContent = name", NAME)
            end = page.locator("#time").bounding_box()["y"]
            page.screenshot(
                path=folder / f"report-{scheme}.png",
                full_page=True,
                clip={"x": 0, "y": 0, "width": WIDTH, "height": end},
            )
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
