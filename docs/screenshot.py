"""Pictures of the demo's report, light and dark: `make screenshots`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

SIZE = (1100, 1240)  # pixels, of the page's beginning


def main(report: Path, folder: Path) -> None:
    """Draw the top of a report in both schemes, with the system's chromium."""
    width, height = SIZE
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for scheme in ("light", "dark"):
            page = browser.new_page(
                color_scheme=scheme, viewport={"width": width, "height": height}
            )
            page.goto(report.absolute().as_uri())
            page.screenshot(path=folder / f"report-{scheme}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
