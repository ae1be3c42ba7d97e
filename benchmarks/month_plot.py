"""The month as one picture: what was released, what it cost, how good it was, what happened."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

WIDTH, LEFT, RIGHT, PANEL, GAP, TOP = 980, 64, 170, 112, 36, 76
PANELS, STEPS = 4, 4
INK, QUIET, GRID = "#222", "#777", "#e4e4de"
BLUE, ORANGE, GREEN, RED, GREY = "#2b6cb0", "#c26a00", "#2f855a", "#c1272d", "#b9b9b2"
OUTCOMES = {"published": GREEN, "unchanged": GREY, "held": ORANGE, "skipped": BLUE, "failed": RED}


def month_svg(rows: Sequence[dict[str, Any]]) -> str:
    """A standalone SVG. rows: as benchmarks/month.py records them."""
    marked = [(row["night"], "; ".join(_happened(row))) for row in rows if _happened(row)]
    below = TOP + PANELS * (PANEL + GAP)
    height = below + 44 + 15 * len(marked) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fbfbf8"/>',
        f'<text x="{LEFT}" y="26" font-size="17" font-weight="600">A month of nights in miniature</text>',
        f'<text x="{LEFT}" y="43" fill="{QUIET}">{len(rows)} nights, '
        f"{sum(row['new_drives'] for row in rows)} drives taken in, "
        f"{sum(row['outcome'] == 'published' for row in rows)} releases</text>",
    ]
    nights = [row["night"] for row in rows]
    released = [float(row["tiles_released"]) for row in rows]
    built = [float(row["tiles_built"]) for row in rows]
    parts += _panel(0, "tiles", nights, [("released", BLUE, released)], [("built tonight", ORANGE, built)])
    seconds = [float(row["seconds"]) for row in rows]
    parts += _panel(1, "cost", nights, [], [("seconds of wall time", ORANGE, seconds)])
    run, reused = ([float(row[key]) for row in rows] for key in ("tasks_run", "tasks_reused"))
    both = [a + b for a, b in zip(run, reused)]
    parts += _panel(2, "tasks", nights, [], [("found done", GREY, both), ("run", ORANGE, run)])
    shares = [
        (name, colour, [row.get(name) for row in rows])
        for name, colour in (("completeness", BLUE), ("correctness", GREEN))
    ]
    parts += _panel(3, "quality of the release against the town of that night", nights, shares, [], (0.6, 1.0))
    parts += _outcomes(rows, below - 14)
    parts += _events(marked, below + 44)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _happened(row: dict[str, Any]) -> list[str]:
    """What a night had that others had not."""
    gates = sorted(set(row["failed_gates"]))
    what = "held by" if row["outcome"] == "held" else f"{row['held']} of the tiles held by"
    said = [*row["events"], *([f"{what}: {', '.join(gates)}"] if gates else [])]
    said += [text for text in row["problems"] if text.startswith(("log ", "drive "))]
    return said


def _panel(
    number: int,
    title: str,
    nights: Sequence[int],
    lines: Sequence[tuple[str, str, Sequence[float | None]]],
    bars: Sequence[tuple[str, str, Sequence[float]]],
    limits: tuple[float, float] | None = None,
) -> list[str]:
    top = TOP + number * (PANEL + GAP)
    values = [v for _, _, series in (*lines, *bars) for v in series if v is not None]
    low, high = limits or (0.0, _round_up(max(values, default=1.0)))
    parts = [f'<text x="{LEFT}" y="{top - 6}" font-weight="600">{html.escape(title)}</text>']
    for step in range(STEPS + 1):
        value = low + (high - low) * step / STEPS
        y = _y(value, low, high, top)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="{QUIET}">{value:.3g}</text>')
    for _, colour, series in bars:
        for night, value in zip(nights, series):
            y = _y(value, low, high, top)
            parts.append(
                f'<rect x="{_x(night, nights) - 7:.1f}" y="{y:.1f}" width="14" height="{top + PANEL - y:.1f}" '
                f'fill="{colour}" fill-opacity="0.75"/>'
            )
    for _, colour, series in lines:
        known = [(night, value) for night, value in zip(nights, series) if value is not None]
        points = " ".join(f"{_x(night, nights):.1f},{_y(value, low, high, top):.1f}" for night, value in known)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    for row, (label, colour, _) in enumerate((*lines, *bars)):
        y = top + 12 + 17 * row
        parts.append(f'<rect x="{WIDTH - RIGHT + 14}" y="{y - 9}" width="11" height="11" fill="{colour}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 30}" y="{y + 1}">{html.escape(label)}</text>')
    return parts


def _outcomes(rows: Sequence[dict[str, Any]], y: int) -> list[str]:
    """A strip of what each night came to."""
    nights = [row["night"] for row in rows]
    parts = [f'<text x="{LEFT - 6}" y="{y + 11}" text-anchor="end" fill="{QUIET}">night</text>']
    for row in rows:
        x = _x(row["night"], nights)
        parts.append(f'<rect x="{x - 7:.1f}" y="{y}" width="14" height="14" fill="{OUTCOMES[row["outcome"]]}"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{y + 27}" text-anchor="middle" font-size="10" fill="{QUIET}">{row["night"]}</text>'
        )
    used = [name for name in OUTCOMES if any(row["outcome"] == name for row in rows)]
    for number, name in enumerate(used):
        x = WIDTH - RIGHT + 14 + 68 * (number % 2)
        at = y + 17 * (number // 2)
        parts.append(f'<rect x="{x}" y="{at}" width="11" height="11" fill="{OUTCOMES[name]}"/>')
        parts.append(f'<text x="{x + 14}" y="{at + 10}" font-size="11">{name}</text>')
    return parts


def _events(marked: Sequence[tuple[int, str]], top: int) -> list[str]:
    return [
        f'<text x="{LEFT}" y="{top + 15 * number}" font-size="11"><tspan font-weight="600">night {night}</tspan> '
        f"{html.escape(text)}</text>"
        for number, (night, text) in enumerate(marked)
    ]


def _round_up(value: float) -> float:
    """The next value that STEPS ticks divide into round numbers."""
    if value <= 0.0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value / STEPS))
    return STEPS * next(unit * step for step in (1.0, 2.0, 2.5, 5.0, 10.0, 20.0) if STEPS * unit * step >= value)


def _x(night: int, nights: Sequence[int]) -> float:
    width = WIDTH - LEFT - RIGHT
    return LEFT + width * (night - nights[0] + 0.5) / max(nights[-1] - nights[0] + 1, 1)


def _y(value: float, low: float, high: float, top: int) -> float:
    return top + PANEL * (1.0 - (value - low) / (high - low))
