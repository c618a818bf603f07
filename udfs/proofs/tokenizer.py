"""Proof that a copy of a tokenizer reads texts exactly as the model itself does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, TypeVar

import numpy as np

MOST_ADDED = 128  # added tokens that are tried, taken evenly from the list
MOST_CANDIDATES = 200  # tokens that are tried as a text of their own
UNBOUNDED = 2_000  # words of the longest text if the model has no limit
FAR = 4  # length of the longest text in multiples of the limit; only its beginning is tokenised
BLANKS = "▁Ġ "  # the marks of a word's beginning in three kinds of vocabulary

NEARLY_EMPTY = (" x", "x ", "a", "\u200b", "\u00a0", "\n", ".", "  ", "\t.\t", "\0")
SCRIPTS = (
    "A plain sentence, with 12,345 and more in it.",
    "UPPER lower MiXeD, don't-stop co-op e.g. 3.14",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich",
    "Cafe\u0301 naïve Ångström ﬁne ½ Ⅷ İstanbul",
    "漢字仮名交じり文を書く。日本語には空白がない。",
    "سلام دنیا Привет, мир שלום עולם สวัสดีชาวโลก नमस्ते",
    "🎉 party 👩‍👩‍👧 𝒳 \ufffd \u202eabc",
    "two  blanks\tand a tab\r\nand lines\n\n",
)

Item = TypeVar("Item")  # a text or a pair

Features = Mapping[str, Any]  # arrays (n, tokens), and plain values


def difference(
    ours: Callable[[Sequence[Item]], Features],
    theirs: Callable[[Sequence[Item]], Features],
    texts: Sequence[Item],
) -> Item | None:
    """Return the first text or pair from which two functions make different features, or None.

    If one of them rejects a text by raising, the other must reject it too.
    """
    try:
        if same(ours(texts), theirs(texts)):
            return None
    except Exception:  # tokenizers raises nothing more specific for a text that it rejects
        pass
    if len(texts) > 1:
        middle = len(texts) // 2
        halves = (difference(ours, theirs, half) for half in (texts[:middle], texts[middle:]))
        return next((text for text in halves if text is not None), None)
    ours_refuses, theirs_refuses = (_refuses(read, texts) for read in (ours, theirs))
    return None if ours_refuses and theirs_refuses else texts[0]


def same(a: Features, b: Features) -> bool:
    """Return whether two sets of features have equal names, shapes and values."""
    return a.keys() == b.keys() and all(
        np.array_equal(np.asarray(value), np.asarray(b[name])) for name, value in a.items()
    )


def short_texts(added: Iterable[str]) -> list[str]:
    """Return texts in many scripts, nearly empty texts, and texts with each of the added tokens."""
    tokens = _evenly([token for token in added if token.strip()], MOST_ADDED)
    return [*SCRIPTS, *NEARLY_EMPTY, *(text for token in tokens for text in around(token))]


def around(token: str) -> Iterator[str]:
    """Yield texts with a token alone, inside words, between blanks, in other case, and twice."""
    yield from (token, f"{token} x", f"x{token}x", f"x  {token}  x", f"x {token}, {token}{token}")
    for other in (token.lower(), token.upper(), token.swapcase()):
        if other != token:
            yield f"x {other} x"


def long_texts(word: str, limit: int | None, count: Callable[[str], int]) -> list[str]:
    """Return texts made of `word`, with lengths around the limit and far beyond it.

    `count` returns the number of tokens of a whole text, special tokens included.
    """
    if limit is None:
        return [word * UNBOUNDED]
    single, double = count(word), count(word * 2)
    step = max(double - single, 1)
    words = max((limit - single) // step + 1, 1)
    near = [word * max(words + more, 1) for more in (-2, -1, 0, 1, 2)]
    far = word * (FAR * words + 50)
    return [*near, far, word * words + " \n " * 40 + far]


def probe_word(tokens: Iterable[str], read: Callable[[str], object]) -> str:
    """Return a word that `read` accepts without raising, followed by a blank if it accepts that.

    Tries "word", then `tokens`, the vocabulary, because a tokenizer for proteins, for example, does
    not know English. Raises ValueError, with the last exception, if `read` rejects all of them.
    """
    candidates = islice(filter(None, map(as_text, tokens)), MOST_CANDIDATES)
    refusal: Exception | None = None
    for candidate in chain(["word"], candidates):
        for text in (f"{candidate} ", candidate):
            try:
                read(text)
            except Exception as error:  # tokenizers raises nothing more specific
                refusal = error
            else:
                return text
    raise ValueError(f"it rejects every text, even its own tokens: {refusal}")


def as_text(token: str) -> str:
    """Return a token as it appears in a text, without the marks of word pieces and blanks."""
    return token.strip(BLANKS).removeprefix("##").removesuffix("</w>").strip()


def _refuses(read: Callable[[Sequence[Item]], Features], texts: Sequence[Item]) -> bool:
    try:
        read(texts)
    except Exception:  # tokenizers raises nothing more specific
        return True
    return False


def _evenly(items: list[str], most: int) -> list[str]:
    """Return at most `most` items, taken evenly from the list."""
    if len(items) <= most:
        return items
    return [items[number * len(items) // most] for number in range(most)]
