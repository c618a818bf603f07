"""Odd text pairs, which a scoring job must handle without stopping or shifting rows."""

from collections.abc import Iterator, Sequence
from itertools import cycle

PLAIN = "The ferry leaves at noon."

MISSING: dict[str, tuple[str | None, str | None]] = {
    "null-first": (None, PLAIN),
    "null-second": (PLAIN, None),
    "null-both": (None, None),
    "null-and-empty": (None, ""),
    "null-and-blank": ("  ", None),
    "empty-first": ("", PLAIN),
    "empty-second": (PLAIN, ""),
    "empty-both": ("", ""),
}

BLANKS = {
    "space": " ",
    "spaces": "     ",
    "tab": "\t",
    "newline": "\n",
    "carriage-return": "\r\n",
    "no-break-space": "\u00a0",
    "ideographic-space": "\u3000",
    "mixed": " \t\n\u00a0\u3000 ",
}

# Everyday sentences with similar meaning on both sides, in scripts that the graded pairs lack.
SCRIPTS = {
    "arabic": ("القطار متأخر اليوم.", "تأخر القطار هذا اليوم."),
    "hebrew": ("הרכבת מאחרת היום.", "היום יש איחור ברכבת."),
    "persian": ("کتاب روی میز است.", "روی میز یک کتاب هست."),
    "hindi": ("आज ट्रेन देर से आएगी।", "ट्रेन आज समय पर नहीं आएगी।"),
    "bengali": ("আজ খুব গরম।", "আজকের দিনটা খুব গরম।"),
    "tamil": ("இன்று மழை பெய்கிறது.", "இன்று மழை."),
    "thai": ("วันนี้ฝนตก", "ฝนกำลังตกในวันนี้"),
    "korean": ("오늘은 기차가 늦는다.", "오늘 열차가 지연된다."),
    "greek": ("Το τρένο άργησε.", "Το τρένο είχε καθυστέρηση."),
    "armenian": ("Այսօր ցուրտ է։", "Ցուրտ օր է այսօր։"),
    "georgian": ("დღეს ცივა.", "დღეს ცივი დღეა."),
    "ukrainian": ("Потяг запізнюється.", "Поїзд прибуде пізніше."),
    "vietnamese": ("Hôm nay trời mưa.", "Trời đang mưa hôm nay."),
    "mixed-scripts": ("東京 Tokyo Токио 도쿄", "Tokyo, the capital of Japan"),
    "mixed-directions": ("The word שלום means peace.", "سلام also means peace."),
}

SYMBOLS = {
    "emoji": ("I love this song 😍🎶", "This song is wonderful ❤️"),
    "emoji-only": ("🎉🎂🎈", "🥳"),
    "emoji-skin-tone": ("Well done 👍🏽", "Well done 👍"),
    "emoji-flags": ("🇯🇵 🇧🇷 🇰🇪", "Japan, Brazil, Kenya"),
    "emoji-zero-width-joiner": ("A family: 👩\u200d👩\u200d👧\u200d👦", "A rainbow: 🏳️\u200d🌈"),
    "combining-accents": ("Cafe\u0301 cre\u0300me", "Café crème"),
    "combining-stack": ("Z\u0351\u036b\u0343a\u0329\u034el\u0334go\u0321", "Zalgo"),
    "ligatures": ("e\ufb03cient \ufb01ne print", "efficient fine print"),
    "full-width": ("\uff26\uff55\uff4c\uff4c\u3000\uff57\uff49\uff44\uff54\uff48", "Full width"),
    "zero-width-space": ("zero\u200bwidth\u200bspace", "zero width space"),
    "byte-order-mark": ("\ufeffStarts with a mark", "Starts with a mark"),
    "control-characters": ("bell\x07 and escape\x1b[0m", "bell and escape"),
    "outside-bmp": ("𝔊𝔬𝔱𝔥𝔦𝔠 𐍈 𠜎", "Gothic letters"),
    "line-breaks": ("one\ntwo\r\nthree\u2028four", "one two three four"),
    "padding": ("   The ferry leaves at noon.\t\n", PLAIN),
    "punctuation-only": ("?!... --- ;;;", "!!!"),
    "digits-only": ("3.14159265358979", "22/7"),
    "one-letter": ("a", "b"),
    "one-long-word": ("x" * 5000, "x"),
    "markup": ("<b>Sale</b> &amp; return", 'Sale & return, "as is"'),
}

LONG_CHARS = (20_000, 50_000, 100_000, 200_000)  # characters in each very long text


def odd_texts(paragraphs: Sequence[str]) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield (name, text1, text2). The very long texts consist of `paragraphs`."""
    for name, (text1, text2) in {**MISSING, **SCRIPTS, **SYMBOLS}.items():
        yield name, text1, text2
    for name, blank in BLANKS.items():
        yield f"blank-{name}", blank, PLAIN
    for copy in range(5):
        yield f"repeat-{copy}", PLAIN, "The boat sets off at midday."
    yield "same-both-sides", PLAIN, PLAIN
    yield "same-both-sides-blank", "\u3000", "\u3000"
    for n_chars in LONG_CHARS:
        yield f"long-{n_chars}", long_text(paragraphs, n_chars), paragraphs[0]
    yield "long-both", long_text(paragraphs, 20_000), long_text(paragraphs[::-1], 20_000)


def long_text(paragraphs: Sequence[str], n_chars: int) -> str:
    """Join paragraphs, repeating them as needed, and cut the text at exactly `n_chars`."""
    parts: list[str] = []
    total = 0
    for paragraph in cycle(paragraphs):
        parts.append(paragraph)
        total += len(paragraph) + 1
        if total > n_chars:
            break
    return " ".join(parts)[:n_chars]
