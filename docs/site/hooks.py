"""What MkDocs calls while it builds the site: generated pages, links, the sections of llms.txt."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import command_line
import configuration
import outcomes
import public_face
import records
from links import COPIED, Links
from lists import with_blank_lines
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from sources import copy_sources

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "build/docs-source"
FROM_CODE = (command_line, configuration, outcomes, public_face, records)
log = logging.getLogger("mkdocs.hooks.semscore")


def on_startup(**_: Any) -> None:
    """Make the folder for the sources, because mkdocstrings ignores one that does not exist."""
    SOURCES.mkdir(parents=True, exist_ok=True)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Copy the sources for mkdocstrings, and give llms.txt the sections of `nav`."""
    copy_sources(SOURCES / "semscore")
    sections = {title: _pages(entry) for part in config.nav or [] for title, entry in part.items()}
    config.plugins["llmstxt"].config["sections"] = sections
    return config


def _pages(entry: Any) -> list[str]:
    """Return the pages of a part of `nav`, in their order."""
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [page for part in parts for page in _pages(part)]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made of code, and those that are files outside of docs/."""
    pages = {page: (ROOT / file).read_text("utf-8") for page, file in COPIED.items()}
    for module in FROM_CODE:
        pages |= module.pages()
    for page, text in pages.items():
        made = File.generated(config, page, content=text)
        made.edit_uri = None
        files.append(made)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the links of a page, and separate its lists from the text before them."""
    name = page.file.src_uri
    links = Links(
        root=ROOT,
        source=COPIED.get(name, f"docs/{name}"),
        page=name,
        pages={file.src_uri for file in files.documentation_pages()},
        repository=(config.repo_url or "").rstrip("/"),
        site=config.site_url or "",
        complain=log.warning,
    )
    return with_blank_lines(links.rewritten(markdown))
