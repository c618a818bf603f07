"""Draw the chart: a bar for each contender, with a mark at its hardware limit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no window
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D

from benchmarks.contenders import is_ours, label
from benchmarks.summary import Line

OURS, PEER, LIMIT = "#1f6feb", "#a9b4c2", "#d1242f"
BAR_INCHES = 0.42
STYLE = {"font.size": 10, "svg.hashsalt": "semscore", "svg.fonttype": "path"}


def draw(result: dict[str, Any], lines: Sequence[Line], path: Path) -> None:
    """Write the pairs/s of lines of one model and corpus as SVG, the slowest on top."""
    lines = sorted(lines, key=lambda line: -_rate(line))
    rates = [_rate(line) for line in lines]
    limits = [
        rate / line.limit_share if line.limit_share else None
        for rate, line in zip(rates, lines, strict=True)
    ]
    machine, date = result["machine"], max(row["date"] for row in result["rows"])
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            figsize=(9, 1.6 + BAR_INCHES * len(lines)), layout="constrained", facecolor="white"
        )
        colors = [OURS if is_ours(line.contender) else PEER for line in lines]
        axes.barh(range(len(lines)), rates, color=colors, height=0.7)
        for y, (line, most) in enumerate(zip(lines, limits, strict=True)):
            if most:
                axes.plot([most, most], [y - 0.4, y + 0.4], color=LIMIT, linewidth=2)
            beside = axes.get_yaxis_transform()  # x: share of the width, right of all bars
            axes.text(1.01, y, _note(line), va="center", transform=beside)
        axes.set_yticks(range(len(lines)), [label(line.contender) for line in lines])
        axes.set_xlim(0, 1.12 * max(*rates, *(most or 0 for most in limits)))
        axes.set_xlabel("pairs per second in steady state (more is better)")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(
            handles=[Line2D([], [], color=LIMIT, linewidth=2)],
            labels=["hardware limit: only the matrix products of the distinct texts"],
            loc="lower center",
            bbox_to_anchor=(0.4, 1.0),
            frameon=False,
        )
        figure.suptitle(
            f"{lines[0].model}, {lines[0].corpus} pairs, {machine['cores']} cores of "
            f"{machine['cpu']}, {date[:10]}"
        )
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def _rate(line: Line) -> float:
    return line.pairs_per_s or 0.0


def _note(line: Line) -> str:
    rate = f"{_rate(line):,.0f}"
    return rate if line.ratio is None else f"{rate}  ({line.ratio:.1f}×)"
