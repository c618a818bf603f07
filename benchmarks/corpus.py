"""Make parquet files of real text pairs from Debian's package descriptions.

    python -m benchmarks.corpus [--suite bookworm]

Needs a Debian machine with apt. The lists are downloaded to a separate folder under build/bench/.
Do not commit the lists or the pairs, because the description of each package has that package's
licence. The same lists always give the same rows in the same order.

en        summary x each paragraph of the English description: 135,033 pairs in bookworm
en-nodup  those pairs of en in which neither text has occurred before, in either column
de        English summary or paragraph x its German translation: 41,864 pairs
"""

from __future__ import annotations

import argparse
import subprocess
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks import BUILD
from benchmarks.files import write_parquet

NAMES = ("en", "en-nodup", "de")
FILES = 16
SCHEMA = pa.schema([(name, pa.string()) for name in ("id", "section", "text1", "text2")])


class Pair(NamedTuple):
    """One row. `id` is unique, `section` is the first letter of the package."""

    id: str
    section: str
    text1: str
    text2: str


def corpus(name: str, suite: str = "bookworm") -> Path:
    """Return the folder of a corpus. Make the corpus if it does not exist."""
    folder = BUILD / "corpora" / suite / name
    if not folder.is_dir():
        write_parquet(pa.Table.from_pylist(_rows(name, suite), SCHEMA), folder, FILES)
    return folder


def _rows(name: str, suite: str) -> list[dict[str, str]]:
    english = descriptions("en", suite)
    if name == "de":
        pairs = translated(english, descriptions("de", suite))
    else:
        pairs = summary_and_paragraphs(english)
    return [pair._asdict() for pair in (unrepeated(pairs) if name == "en-nodup" else pairs)]


def summary_and_paragraphs(english: dict[str, list[str]]) -> list[Pair]:
    """Pair each package's summary with each of its paragraphs."""
    return [
        Pair(f"{package}/{i}", package[0], summary, paragraph)
        for package, (summary, *paragraphs) in sorted(english.items())
        for i, paragraph in enumerate(paragraphs)
    ]


def translated(english: dict[str, list[str]], other: dict[str, list[str]]) -> list[Pair]:
    """Pair each text with its translation, if both descriptions have the same number of texts."""
    pairs = []
    for package, texts in sorted(english.items()):
        if len(other.get(package, ())) == len(texts):
            different = [(a, b) for a, b in zip(texts, other[package], strict=True) if a != b]
            pairs += [Pair(f"{package}/{i}", package[0], *ab) for i, ab in enumerate(different)]
    return pairs


def unrepeated(pairs: list[Pair]) -> list[Pair]:
    """Return the pairs with two different texts that occur in no earlier row."""
    texts = pd.Series([text for pair in pairs for text in (pair.text1, pair.text2)])
    seen_before = texts.duplicated().to_numpy().reshape(-1, 2).any(axis=1)  # (pairs,)
    return [pairs[i] for i in np.flatnonzero(~seen_before)]


def descriptions(language: str, suite: str) -> dict[str, list[str]]:
    """Return package -> summary and paragraphs, each on one line."""
    texts = {}
    for stanza in _translation_list(language, suite).split("\n\n"):
        lines = stanza.split("\n")
        fields = dict(line.split(": ", 1) for line in lines if line[:1] != " " and ": " in line)
        body = [line.strip() for line in lines if line.startswith(" ")]
        summary = fields.get(f"Description-{language}")
        if summary is not None and body:
            blocks = groupby(body, key=lambda line: line in (".", ""))
            paragraphs = [" ".join(block) for is_gap, block in blocks if not is_gap]
            texts[fields["Package"]] = [summary, *paragraphs]
    return texts


def _translation_list(language: str, suite: str) -> str:
    folder = (BUILD / "apt").resolve()
    pattern = f"*debian_dists_{suite}_main_i18n_Translation-{language}"
    if not list(folder.glob(pattern)):
        _fetch_lists(folder)
    paths = list(folder.glob(pattern))
    if len(paths) != 1:
        raise FileNotFoundError(
            f"found {len(paths)} lists named {pattern} in {folder}, expected one. Check that apt's "
            f"sources on this machine include {suite} main, or name another suite with --suite"
        )
    return paths[0].read_bytes().decode("utf-8", "replace")  # without changing line ends


def _fetch_lists(folder: Path) -> None:
    """Let apt download the lists as plain text into `folder`, apart from the system's lists."""
    (folder / "partial").mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::State::Lists": folder,
        "Dir::Cache": folder / "cache",
        "Acquire::GzipIndexes": "false",
        "Acquire::Languages": "en,de",
        "Acquire::IndexTargets::deb::Translations::DefaultEnabled": "true",
    }
    flags = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
    subprocess.run(["apt-get", "-q", *flags, "update"], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Make all corpora and print their folders."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--suite", default="bookworm", help="Debian release that is in apt's sources"
    )
    suite = parser.parse_args().suite
    for name in NAMES:
        print(corpus(name, suite))


if __name__ == "__main__":
    main()
