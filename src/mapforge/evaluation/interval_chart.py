"""Figures with their intervals, a row each, as inline SVG; colours come from the page's style sheet."""

from __future__ import annotations

import html
from collections.abc import Sequence

from mapforge.evaluation.spread import Spread

WIDTH, ROW, TOP, BOTTOM, LEFT, RIGHT = 360, 20, 6, 22, 128, 44
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def interval_chart(rows: Sequence[tuple[str, Spread]], css: str, title: str) -> str:
    """Shares from 0 to 1: a dot for the mean, a line for its interval. rows: label -> spread."""
    height = TOP + ROW * len(rows) + BOTTOM
    parts = [_grid(height)]
    for number, (label, spread) in enumerate(rows):
        y = TOP + ROW * (number + 0.5)
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{html.escape(label)}</text>')
        parts.append(
            f'<line class="interval {html.escape(css)}" x1="{_x(spread.low):.1f}" y1="{y:.1f}" '
            f'x2="{_x(spread.high):.1f}" y2="{y:.1f}"/>'
        )
        parts.append(f'<circle class="mean {html.escape(css)}" cx="{_x(spread.mean):.1f}" cy="{y:.1f}" r="4"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 8}" y="{y + 4:.1f}">{spread.mean:.3f}</text>')
    return (
        f'<figure class="chart"><figcaption>{html.escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(title)}">'
        f"{''.join(parts)}</svg></figure>"
    )


def _x(value: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * min(max(value, 0.0), 1.0)


def _grid(height: int) -> str:
    bottom = height - BOTTOM
    return "".join(
        f'<line class="grid" x1="{_x(t):.1f}" y1="{TOP}" x2="{_x(t):.1f}" y2="{bottom}"/>'
        f'<text x="{_x(t):.1f}" y="{bottom + 14}" text-anchor="middle">{t:g}</text>'
        for t in TICKS
    )
