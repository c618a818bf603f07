"""Workers that note what they do: the settings that start them, and their notes.

They run watched_daemon.py, which says what is in a note.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def watched(folder: Path) -> dict[str, str]:
    """Return Spark's settings for workers that write their notes to a folder."""
    return {
        "spark.python.daemon.module": "watched_daemon",
        "spark.executorEnv.PYTHONPATH": str(Path(__file__).parent),
        "spark.executorEnv.WATCH": str(folder),
    }


def notes(folder: Path) -> list[dict[str, Any]]:
    """Return all notes in a folder, oldest first."""
    lines = (line for path in folder.glob("*.jsonl") for line in path.read_text().splitlines())
    return sorted(map(json.loads, lines), key=lambda note: note["at"])
