"""The commands in docs/ exist, with the options and values that they have there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from semscore.jobs.cli.app import app
from semscore.jobs.cli.config_file import config_files
from tests.services.examples import commands

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {page.name: page.read_text("utf-8") for page in sorted(DOCS.glob("*.md"))}
COMMANDS = [(name, words) for name, page in PAGES.items() for words in commands(page)]
# A shell block that writes a file of options
CONFIG = re.compile(r"^cat > (\S+\.toml) <<EOF\n(.*?)^EOF", re.M | re.S)


def test_pages_have_commands() -> None:
    assert len({name for name, _ in COMMANDS}) >= 8


@pytest.mark.parametrize(("name", "words"), COMMANDS, ids=lambda value: "-".join(value[1:2]))
def test_commands_are_understood(
    name: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for path, content in CONFIG.findall(PAGES[name]):
        Path(path).write_text(content, "utf-8")
    monkeypatch.setattr(app, "config", config_files(app, words[1:]))
    app.parse_args(words[1:], print_error=False, exit_on_error=False)
