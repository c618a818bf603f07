"""Values and comments as Python source, for exports that are Python files."""

from __future__ import annotations

import json
from typing import Any

STEP = "    "


def literal(value: Any, indent: str = "") -> str:
    """Return a value of a JSON document as a Python literal."""
    inner = indent + STEP
    if isinstance(value, dict) and value:
        lines = [f"{json.dumps(key)}: {literal(each, inner)}" for key, each in value.items()]
    elif isinstance(value, list) and value:
        lines = [literal(each, inner) for each in value]
    elif isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    else:
        return repr(value)
    before, after = "{}" if isinstance(value, dict) else "[]"
    return "\n".join([before, *(f"{inner}{line}," for line in lines), f"{indent}{after}"])


def comment(text: str) -> str:
    """Return a text as comment lines."""
    return "\n".join(f"# {line}" for line in text.splitlines())
