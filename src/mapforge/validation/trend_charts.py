"""Cost, tiles and quality of the last runs as charts of the report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mapforge.schemas.report import TrendPoint
from mapforge.validation.charts import SHARE, Axis, curve_chart

LEAST_RUNS = 2


def trend_charts(points: Sequence[TrendPoint]) -> str:
    """Three charts over the runs, oldest left; nothing before there are two."""
    if len(points) < LEAST_RUNS:
        return ""
    runs = np.arange(len(points), dtype=np.float64)
    across = Axis(f"run, newest is {points[-1].run_id}", 0.0, float(len(points) - 1), _counts(len(points) - 1))
    names = sorted({name for point in points for name in point.quality})
    states = ("valid", "rejected", "failed")
    quality = {
        name.replace("_", " "): (f"step{k % 4}", *_known(runs, [point.quality.get(name) for point in points]))
        for k, name in enumerate(names)
    }
    tiles = {
        state: (f"step{k}", runs, np.array([float(point.tiles.get(state, 0)) for point in points]))
        for k, state in enumerate(states)
    }
    minutes = np.array([point.seconds / 60.0 for point in points])
    charts = [
        curve_chart(quality, across, Axis("share", 0.0, 1.0, SHARE), "Quality"),
        curve_chart(tiles, across, _from_zero("tiles", max(sum(p.tiles.values()) for p in points)), "Tiles by state"),
        curve_chart({"minutes": ("step0", runs, minutes)}, across, _from_zero("minutes", float(minutes.max())), "Cost"),
    ]
    return f'<div class="charts">{"".join(charts)}</div>'


def _known(runs: np.ndarray, values: Sequence[float | None]) -> tuple[np.ndarray, np.ndarray]:
    known = np.array([value is not None for value in values], dtype=bool)
    return runs[known], np.array([value for value in values if value is not None], dtype=np.float64)


def _counts(last: int) -> tuple[float, ...]:
    return tuple(float(v) for v in np.unique(np.linspace(0, last, 5).round()))


def _from_zero(label: str, high: float) -> Axis:
    high = max(high, 1e-3)
    step = 10.0 ** np.floor(np.log10(high))
    top = float(np.ceil(high / step) * step)
    return Axis(label, 0.0, top, tuple(float(v) for v in np.linspace(0.0, top, 5)))
