"""Error of fused lines against the number of drives as a picture: what more drives take away, and what they cannot."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BELOW = 760, 420, 64, 190, 76, 48
INK, QUIET, GRID = "#222", "#777", "#e4e4de"
COLOURS = {"lane_divider": "#2b6cb0", "road_boundary": "#c26a00"}
STEP_M = 0.02
FLOOR, NOISE = "4 4", "1 4"


def error_svg(errors: Mapping[str, Mapping[int, float]], fits: Mapping[str, Mapping[str, float]], subtitle: str) -> str:
    """A standalone SVG. errors: class -> drives -> median lateral error in metres. fits: class -> floor_m and noise_m
    of median^2 = floor^2 + noise^2 / drives."""
    counts = sorted({count for curve in errors.values() for count in curve})
    highest = max(value for curve in errors.values() for value in curve.values())
    top_m = STEP_M * np.ceil(highest * 1.1 / STEP_M)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fbfbf8"/>',
        f'<text x="{LEFT}" y="26" font-size="17" font-weight="600">Lateral error against number of drives</text>',
        f'<text x="{LEFT}" y="43" fill="{QUIET}">{html.escape(subtitle)}</text>',
    ]

    def place(count: float, error_m: float) -> str:
        x = LEFT + (count - 1.0) / max(counts[-1] - 1.0, 1.0) * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BELOW - error_m / top_m * (HEIGHT - TOP - BELOW)
        return f"{x:.1f},{y:.1f}"

    for value in np.arange(0.0, top_m + 1e-9, STEP_M):
        x, y = place(1.0, float(value)).split(",")
        parts.append(f'<line x1="{x}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="{GRID}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{float(y) + 4:.1f}" text-anchor="end">{value:.2f}</text>')
    for count in counts:
        x, y = place(count, 0.0).split(",")
        parts.append(f'<text x="{x}" y="{float(y) + 18:.1f}" text-anchor="middle">{count}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle" fill="{QUIET}">drives</text>')
    parts.append(f'<text x="{LEFT - 8}" y="{TOP - 12}" text-anchor="end" fill="{QUIET}">m</text>')
    fine = np.linspace(1.0, counts[-1], 50)
    for name, curve in errors.items():
        colour, fit = COLOURS.get(name, INK), fits[name]
        points = [place(count, error_m) for count, error_m in sorted(curve.items())]
        parts.append(_curve(points, colour, ""))
        parts += [f'<circle cx="{p.split(",")[0]}" cy="{p.split(",")[1]}" r="3.5" fill="{colour}"/>' for p in points]
        parts.append(_curve([place(1.0, fit["floor_m"]), place(counts[-1], fit["floor_m"])], colour, FLOOR))
        parts.append(_curve([place(n, float(e)) for n, e in zip(fine, fit["noise_m"] / np.sqrt(fine))], colour, NOISE))
    parts += _legend(list(errors), fits)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _curve(points: Sequence[str], colour: str, dash: str) -> str:
    style = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"{style}/>'


def _legend(names: Sequence[str], fits: Mapping[str, Mapping[str, float]]) -> list[str]:
    parts, y = [], TOP + 6
    for name in names:
        colour = COLOURS.get(name, INK)
        rows = (
            (f"{name.replace('_', ' ')}, median", ""),
            (f"floor {fits[name]['floor_m']:.3f} m", FLOOR),
            (f"noise {fits[name]['noise_m']:.3f} m / sqrt(drives)", NOISE),
        )
        for text, dash in rows:
            x = WIDTH - RIGHT + 10
            parts.append(_curve([f"{x},{y - 4}", f"{x + 22},{y - 4}"], colour, dash))
            parts.append(f'<text x="{x + 28}" y="{y}">{html.escape(text)}</text>')
            y += 18
        y += 10
    return parts
