"""Links that work both on GitHub and on the site.

A page links to other files of the repository, as on GitHub: `plan.md`, `../conf/s3a.conf`. On the
site, a link to a page stays inside, and a link to any other file leads to the repository. A page
that exists only on the site, because it is generated, is linked by its full address; on the site,
this becomes a link inside too, so the strict build checks it. A link whose text is the name of a
page's file gets the page's title instead.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from pymdownx.slugs import slugify

# Code is matched first, so that what looks like a link in it stays as it is.
LINK = re.compile(
    r"^(?P<fence>```+)[^\n]*\n.*?^(?P=fence)|(?P<ticks>`+)[^`].*?(?P=ticks)"
    r"|(?P<open>(?:\[[\w./-]+\.md)?\]\()(?P<target>[^)\s]+)(?P<close>[^)]*\))",
    re.M | re.S,
)
HEADING = re.compile(r"^#+ +(.*?)\s*$", re.M)
FENCE = re.compile(r"^(```+).*?^\1", re.M | re.S)

_slug = slugify(case="lower")


class Links:
    """The links of one page."""

    def __init__(
        self,
        root: Path,
        source: str,
        page: str,
        pages: Collection[str],
        titles: Mapping[str, str],
        repository: str,
        site: str,
        complain: Callable[[str], None],
    ) -> None:
        self.root = root  # of the repository
        self.source = source  # the file that the text comes from, from the root
        self.page = page  # the page on the site, from docs/
        self.pages = pages  # and other files of the site, from docs/
        self.titles = titles  # of pages
        self.repository = repository  # address, without a slash at the end
        self.site = site  # address, with a slash at the end
        self.complain = complain

    def rewritten(self, markdown: str) -> str:
        """Return the text with links for the site. Complain about those that lead nowhere."""
        return LINK.sub(self._link, markdown)

    def _link(self, found: re.Match[str]) -> str:
        target = found["target"]
        if target is None:
            return found[0]
        text = found["open"].removesuffix("](").lstrip("[")
        title = self.titles.get(text.removeprefix("docs/"))
        opening = f"[{title}](" if title else found["open"]
        return f"{opening}{self._target(target)}{found['close']}"

    def _target(self, target: str) -> str:
        path, hash_, anchor = target.partition("#")
        if target.startswith(self.site):
            inner = path.removeprefix(self.site).strip("/")
            return self._inside(f"{inner or 'index'}.md") + hash_ + anchor
        if not path or re.match(r"[a-z]+:", path):
            return target
        file = posixpath.normpath(posixpath.join(posixpath.dirname(self.source), path))
        inner = file.removeprefix("docs/")
        if file.startswith("docs/") and inner in self.pages:
            return self._inside(inner) + hash_ + anchor
        if file in self.pages:  # a drawing
            return self._inside(file)
        own = next((page for page, made in COPIED.items() if made == file), None)
        if own in self.pages:
            return self._inside(own) + hash_ + anchor
        return self._in_repository(file, anchor)

    def _inside(self, page: str) -> str:
        """Return the link to a page of the site. MkDocs warns if there is none."""
        return posixpath.relpath(page, posixpath.dirname(self.page) or ".")

    def _in_repository(self, file: str, anchor: str) -> str:
        place = self.root / file
        if file.startswith("..") or not place.exists():
            self.complain(f"{self.source} links to {file}, which does not exist")
        elif anchor and place.suffix == ".md" and anchor not in _anchors(place.read_text("utf-8")):
            self.complain(f"{self.source} links to {file}#{anchor}, but there is no such heading")
        kind = "tree" if place.is_dir() else "blob"
        hash_ = f"#{anchor}" if anchor else ""
        return f"{self.repository}/{kind}/main/{file}{hash_}"


# Pages that are files of the repository outside of docs/.
COPIED = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}


def _anchors(markdown: str) -> set[str]:
    """Return the anchors that GitHub makes of the headings."""
    return {_slug(title, "-") for title in HEADING.findall(FENCE.sub("", markdown))}
