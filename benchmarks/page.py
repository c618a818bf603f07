"""Write the table as markdown, with data, hardware, versions and dates."""

from __future__ import annotations

from typing import Any

from benchmarks.cells import CELLS
from benchmarks.contenders import label, parts
from benchmarks.files import table
from benchmarks.summary import Line, Result, summarize

HEAD = (
    *("model", "corpus", "contender", "pairs/s", "× script", "of the limit", "start-up s"),
    *("CPU s per 1,000", "peak GB", "largest difference", "rows", "s", "rounds", "date"),
)


def markdown(result: Result, name: str) -> str:
    """Return the table, the machine above it, and limits, data and versions below it."""
    machine, dates = result["machine"], sorted(row["date"] for row in result["rows"])
    lines = summarize(result)
    return "\n".join(
        [
            f"## {name}\n",
            f"{machine['cores']} cores of {machine['cpu']} ({', '.join(machine['flags'])}), "
            f"{machine['memory_gb']} GB; {dates[0]} to {dates[-1]}. `s` is the time between the "
            "two sizes in `rows`. Three rounds are medians; one round has no median, so small "
            "differences mean nothing there.\n",
            table(HEAD, map(_cells, lines)),
            *_failures(result),
            "\nThe limit, if only matrix products were computed, each in its fastest kernel:\n",
            table(("model", "precision", "kernel", "GFLOP/s"), _limits(result)),
            "\nThe data, for the contender that scored most rows:\n",
            table(("model", "corpus", "pairs", "tokens a pair", "distinct texts"), _data(result)),
            "\nVersions:\n",
            table(("contenders", "versions"), _versions(result)),
        ]
    )


def _cells(line: Line) -> tuple[str, ...]:
    resolved = "" if parts(line.contender)[1] != "auto" else f" = {line.precision}"
    small, large = line.rows
    return (
        line.model,
        line.corpus,
        label(line.contender) + resolved,
        "lost in noise" if line.pairs_per_s is None else f"{line.pairs_per_s:,.1f}",
        _or_dash(line.ratio, "{:.2f}"),
        _or_dash(line.limit_share, "{:.0%}"),
        _or_dash(line.start_s, "{:.1f}"),
        f"{line.cpu_s_per_1000:.1f}",
        f"{line.peak_bytes / 1e9:.1f}",
        f"{line.max_diff:.1g}",
        f"{small:,} to {large:,}",
        f"{line.seconds:.0f}",
        str(line.rounds),
        line.date[:10],
    )


def _failures(result: Result) -> list[str]:
    return [
        f"- {row['model']}, {row['corpus']}, {label(row['contender'])}: {row['error']}"
        for row in result["rows"]
        if "error" in row
    ]


def _limits(result: Result) -> list[tuple[Any, ...]]:
    return [
        (model, precision, found["kernel"], f"{found['gflops']:,.0f}")
        for model, precisions in result["limits"].items()
        for precision, found in precisions.items()
    ]


def _data(result: Result) -> list[tuple[Any, ...]]:
    found = []
    for cell in CELLS:
        works = [
            row["work"]
            for row in result["rows"]
            if (row["model"], row["corpus"]) == (cell.model, cell.corpus) and "error" not in row
        ]
        if works:
            work = max(works, key=lambda work: int(work["pairs"]))
            distinct = f"{work['distinct_texts'] / work['texts']:.0%}"
            tokens = f"{work['tokens'] / work['pairs']:.0f}"
            found.append((cell.model, cell.corpus, f"{work['pairs']:,}", tokens, distinct))
    return found


def _versions(result: Result) -> list[tuple[str, str]]:
    by_versions: dict[str, set[str]] = {}
    for row in result["rows"]:
        versions = ", ".join(f"{name} {version}" for name, version in row["versions"].items())
        by_versions.setdefault(versions, set()).add(parts(row["contender"])[0])
    return [(", ".join(sorted(names)), versions) for versions, names in by_versions.items()]


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
