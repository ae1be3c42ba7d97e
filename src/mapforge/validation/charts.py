"""Curves and bars as inline SVG; colours come from the page's style sheet by class name."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

WIDTH, HEIGHT = 340, 230
LEFT, RIGHT, TOP, BOTTOM = 42, 12, 10, 34


@dataclass(frozen=True)
class Axis:
    """low, high: range. ticks: values that get a line and a label."""

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]


SHARE = (0.0, 0.25, 0.5, 0.75, 1.0)


def curve_chart(curves: Mapping[str, tuple[str, Float, Float]], x: Axis, y: Axis, title: str) -> str:
    """Lines over two axes, with a legend. curves: label -> (css class, x values, y values)."""
    drawn = [
        f'<polyline class="curve {html.escape(css)}" points="{_points(xs, ys, x, y)}"/>'
        for css, xs, ys in curves.values()
        if len(xs)
    ]
    legend = [
        f'<span class="key"><i class="swatch {html.escape(css)}"></i>{html.escape(label)}</span>'
        for label, (css, _, _) in curves.items()
    ]
    return (
        f'<figure class="chart"><figcaption>{html.escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">'
        f"{_grid(x, y)}{''.join(drawn)}</svg><div class='keys'>{''.join(legend)}</div></figure>"
    )


def precision_recall_chart(curves: Mapping[float, tuple[Float, Float]], title: str) -> str:
    """One curve a threshold, from recall 0 on."""
    lines = {
        f"{threshold} m": (f"step{i}", np.append(recall[:1] * 0.0, recall), np.append(precision[:1], precision))
        for i, (threshold, (recall, precision)) in enumerate(curves.items())
    }
    return curve_chart(lines, Axis("recall", 0.0, 1.0, SHARE), Axis("precision", 0.0, 1.0, SHARE), title)


def distribution_chart(samples: Mapping[str, tuple[Float, Float]], title: str, high_m: float = 0.6) -> str:
    """Share of matched length below an error. samples: class -> (absolute errors, lengths)."""
    lines = {}
    grid = np.linspace(0.0, high_m, 121)
    for name, (errors, lengths) in samples.items():
        order = np.argsort(errors, kind="stable")
        below = np.concatenate([[0.0], np.cumsum(lengths[order])])
        if below[-1] > 0.0:
            share = below[np.searchsorted(errors[order], grid, side="right")] / below[-1]
            lines[name.replace("_", " ")] = (f"class-{name}", grid, share)
    ticks = tuple(float(t) for t in np.round(np.linspace(0.0, high_m, 4), 2))
    return curve_chart(lines, Axis("error, m", 0.0, high_m, ticks), Axis("share", 0.0, 1.0, SHARE), title)


def bar_chart(values: Sequence[tuple[str, float]], unit: str) -> str:
    """Labelled horizontal bars with their value and share."""
    total = sum(value for _, value in values) or 1.0
    most = max((value for _, value in values), default=0.0) or 1.0
    rows = [
        f'<div class="bar"><span>{html.escape(label)}</span>'
        f'<i><b style="width:{100.0 * value / most:.1f}%"></b></i>'
        f"<em>{value:.1f} {html.escape(unit)} <small>{value / total:.0%}</small></em></div>"
        for label, value in values
    ]
    return f'<div class="bars">{"".join(rows)}</div>'


def _points(xs: Float, ys: Float, x: Axis, y: Axis) -> str:
    return " ".join(f"{_x(float(a), x):.1f},{_y(float(b), y):.1f}" for a, b in zip(xs, ys))


def _x(value: float, axis: Axis) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (value - axis.low) / (axis.high - axis.low)


def _y(value: float, axis: Axis) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - axis.low) / (axis.high - axis.low)


def _grid(x: Axis, y: Axis) -> str:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for tick in x.ticks:
        at = _x(tick, x)
        parts.append(f'<line class="grid" x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{bottom}"/>')
        parts.append(f'<text x="{at:.1f}" y="{bottom + 14}" text-anchor="middle">{tick:g}</text>')
    for tick in y.ticks:
        at = _y(tick, y)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{at:.1f}" x2="{right}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 3.5:.1f}" text-anchor="end">{tick:g}</text>')
    parts.append(f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 4}" text-anchor="middle">{html.escape(x.label)}</text>')
    middle = (TOP + bottom) / 2
    turned = f'transform="rotate(-90 10 {middle})"'
    parts.append(f'<text x="10" y="{middle}" text-anchor="middle" {turned}>{html.escape(y.label)}</text>')
    return "".join(parts)
