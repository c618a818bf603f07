"""The page of configuration files: each file in conf/, with its comments as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from marks import marked

CONF = Path(__file__).parents[2] / "conf"
INTRODUCTION = """# Configuration files

These are the files in [`conf/`](../../conf), in full: their keys with their values, and their
comments as text between them. semscore itself applies `spark-local.conf` and
`log4j2-local.properties` to local runs, `s3a.conf` if INPUT or OUTPUT is on S3, and
`spark-yarn.conf` and `spark-sagemaker.conf` to jobs that `semscore launch` starts. For other
clusters, pass the file to `spark-submit --properties-file`
([what all clusters need](../elsewhere.md#settings)).
"""


def pages() -> dict[str, str]:
    """Return the page by name."""
    return {"reference/conf.md": "\n".join(_page())}


def _page() -> Iterator[str]:
    yield INTRODUCTION
    for file in sorted(CONF.glob("*.conf")):
        yield f"## {file.name}\n"
        yield from _with_comments(file, "properties")
    for name, language in (("log4j2-local.properties", "properties"), ("instances.toml", "toml")):
        yield f"## {name}\n"
        yield from _with_comments(CONF / name, language)
    for file in sorted((CONF / "iam").glob("*.json")):
        yield f"## iam/{file.name}\n"
        yield "[Security](../security.md#rights) says what it is for.\n"
        yield f"```json\n{file.read_text('utf-8')}```\n"


def _with_comments(file: Path, language: str) -> Iterator[str]:
    """Yield comments as paragraphs, and the lines between them as blocks of code."""
    lines = file.read_text("utf-8").splitlines()
    for is_comment, found in groupby(lines, key=_is_comment):
        text = "\n".join(found).strip("\n")
        if is_comment:
            yield from _paragraphs(re.sub(r"^# ?", "", text, flags=re.M))
        elif text.strip():
            yield f"```{language}\n{text}\n```\n"


def _is_comment(line: str) -> bool:
    """Return whether a line is a comment, and not a setting that is commented out."""
    return line.startswith("#") and not re.match(r"# spark\.\S+ {2,}\S", line)


def _paragraphs(comment: str) -> Iterator[str]:
    """Yield a comment's paragraphs. Its indented lines are examples."""
    for is_example, lines in groupby(comment.splitlines(), key=lambda line: line[:2] == "  "):
        text = "\n".join(lines).strip("\n")
        if is_example:
            yield f"```text\n{text}\n```\n"
        elif text.strip():
            yield f"{marked(text)}\n"
