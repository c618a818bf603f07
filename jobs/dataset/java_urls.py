"""URLs of files in the forms in which Java and Spark write them."""

from __future__ import annotations

import re

LEGAL = r"\w\-.!~'()*/;:@&=+$,"  # in a URL's path, as Java writes it; \w: letters of all languages


def escaped(path: str) -> str:
    """Return a path with all other characters as escapes (`%20`)."""

    def escape(match: re.Match[str]) -> str:
        character = match[0]
        if not (character.isascii() or character.isspace()):
            return character
        return "".join(f"%{byte:02X}" for byte in character.encode())

    return re.sub(f"[^{LEGAL}]", escape, path)


def spellings(url: str) -> set[str]:
    """Return a URL in all its forms: `file:/` or `file:///`, with escapes or without."""
    scheme, _, path = url.partition("://")
    starts = ("file://", "file:") if scheme == "file" else (f"{scheme}://",)
    return {f"{start}{form}" for start in starts for form in (path, escaped(path))}
