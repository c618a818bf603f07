"""What MkDocs calls while it builds the site: generated pages, links, the sections of llms.txt."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import command_line
import configuration
import outcomes
import public_face
import records
from links import COPIED, Links
from lists import as_everywhere
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from sources import copy_sources

ROOT = Path(__file__).parents[2]
DRAWINGS = ROOT / "benchmarks/results"
SOURCES = ROOT / "build/docs-source"
FROM_CODE = (command_line, configuration, outcomes, public_face, records)
log = logging.getLogger("mkdocs.hooks.semscore")


def on_startup(**_: Any) -> None:
    """Make the folder for the sources, because mkdocstrings ignores one that does not exist."""
    SOURCES.mkdir(parents=True, exist_ok=True)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Copy the sources for mkdocstrings, and give llms.txt the sections of `nav`."""
    copy_sources(SOURCES / "semscore")
    sections = {
        title: [page for page, _ in _titles({title: entry})]
        for part in config.nav or []
        for title, entry in part.items()
    }
    config.plugins["llmstxt"].config["sections"] = sections
    return config


def _titles(entry: Any) -> Iterator[tuple[str, str]]:
    """Yield the pages of a part of `nav` with their titles."""
    parts = entry.items() if isinstance(entry, dict) else [(None, part) for part in entry or []]
    for title, part in parts:
        if isinstance(part, str):
            yield part, title or part
        else:
            yield from _titles(part)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made of code, and the pages and drawings outside of docs/."""
    pages = {page: (ROOT / file).read_text("utf-8") for page, file in COPIED.items()}
    for module in FROM_CODE:
        pages |= module.pages()
    for page, text in pages.items():
        made = File.generated(config, page, content=text)
        made.edit_uri = None
        files.append(made)
    for drawing in DRAWINGS.glob("*.svg"):
        name = drawing.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(drawing)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the links of a page, and separate its lists from the text before them."""
    name = page.file.src_uri
    links = Links(
        root=ROOT,
        source=COPIED.get(name, f"docs/{name}"),
        page=name,
        pages={file.src_uri for file in files if file.inclusion.is_included()},
        titles=dict(_titles(config.nav)),
        repository=(config.repo_url or "").rstrip("/"),
        site=config.site_url or "",
        complain=log.warning,
    )
    return as_everywhere(links.rewritten(markdown))
