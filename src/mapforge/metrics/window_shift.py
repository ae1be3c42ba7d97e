"""The rigid shift between a map and the truth, window by window: a bias of the positioning, not of the mapping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.metrics.stations import SegmentIndex, Stations

Float = NDArray[np.float64]

REACHES_M = (3.0, 2.0, 1.0, 1.0, 1.0)
ROBUST_M = 0.2
PRIOR_SHIFT_M, PRIOR_YAW_RAD, NOISE_M = 3.0, 0.02, 0.05
LEAST_STATIONS = 20


@dataclass(frozen=True)
class Shift:
    """What brings the predictions of one window onto the truth: a turn about its centre, then a move.

    x_m, y_m: the centre, map frame. sigma_m: what the map stated (median of its vertices), NaN when it states none.
    """

    x_m: float
    y_m: float
    dx_m: float
    dy_m: float
    yaw_rad: float
    n_stations: int
    sigma_m: float = float("nan")

    def apply(self, xyz: Float) -> Float:
        """(N, >=2) points of the window, moved; further columns are kept."""
        moved = np.array(xyz, dtype=np.float64)
        relative = moved[:, :2] - (self.x_m, self.y_m)
        cos, sin = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        moved[:, 0] = self.x_m + self.dx_m + cos * relative[:, 0] - sin * relative[:, 1]
        moved[:, 1] = self.y_m + self.dy_m + sin * relative[:, 0] + cos * relative[:, 1]
        return moved


def window_shifts(
    predicted: dict[str, Stations], truth: dict[str, SegmentIndex], anchors: Float
) -> tuple[list[Shift], dict[str, Stations]]:
    """The shift of every window, and all stations after it.

    predicted, truth: by class; all classes of a window move together. anchors: (A, 2) centres; a station belongs to
    the nearest.
    """
    window = {name: _nearest_anchor(stations, anchors) for name, stations in predicted.items()}
    moved = {name: np.array(stations.xyz) for name, stations in predicted.items()}
    shifts = []
    for a, centre in enumerate(anchors):
        masks = {name: window[name] == a for name in predicted}
        shift = _fit({n: predicted[n].where(masks[n]) for n in sorted(predicted)}, truth, centre)
        if shift is not None:
            shifts.append(shift)
            for name, mask in masks.items():
                moved[name][mask] = shift.apply(moved[name][mask])
    return shifts, {name: stations.moved(moved[name]) for name, stations in predicted.items()}


def _nearest_anchor(stations: Stations, anchors: Float) -> NDArray[np.int64]:
    if not len(anchors):
        return np.full(len(stations), -1, dtype=np.int64)
    return np.linalg.norm(stations.xyz[:, None, :2] - anchors[None], axis=2).argmin(axis=1)


def _fit(predicted: dict[str, Stations], truth: dict[str, SegmentIndex], centre: Float) -> Shift | None:
    """Robust point-to-line registration by iterated weighted least squares; None with too few matched stations.

    A weak prior keeps what the lines do not show (a move along parallel lines) at zero.
    """
    x, y = (float(value) for value in centre)
    sigmas = np.concatenate([stations.value for stations in predicted.values()])
    sigma = float(np.median(sigmas[np.isfinite(sigmas)])) if np.isfinite(sigmas).any() else float("nan")
    shift = Shift(x, y, 0.0, 0.0, 0.0, 0, sigma)
    prior = np.diag([(NOISE_M / PRIOR_SHIFT_M) ** 2] * 2 + [(NOISE_M / PRIOR_YAW_RAD) ** 2])
    for reach_m in REACHES_M:
        rows, residuals = _equations(predicted, truth, shift, reach_m)
        if len(residuals) < LEAST_STATIONS:
            return None
        weight = 1.0 / (1.0 + (residuals / ROBUST_M) ** 2)
        state = np.array([shift.dx_m, shift.dy_m, shift.yaw_rad])
        step = np.linalg.solve(rows.T @ (weight[:, None] * rows) + prior, rows.T @ (weight * residuals) - prior @ state)
        dx, dy, yaw = state + step
        shift = Shift(x, y, float(dx), float(dy), float(yaw), len(residuals), sigma)
    return shift


def _equations(
    predicted: dict[str, Stations], truth: dict[str, SegmentIndex], shift: Shift, reach_m: float
) -> tuple[Float, Float]:
    """(K, 3) derivatives of the offset by (dx, dy, yaw) and (K,) what is missing to the truth."""
    rows, residuals = [np.zeros((0, 3))], [np.zeros(0)]
    for name, stations in predicted.items():
        xyz = shift.apply(stations.xyz)
        feet = truth[name].nearest(xyz, reach_m)
        beside = ~feet.beyond_end
        normal, relative = feet.normal[beside], xyz[feet.query[beside], :2] - (shift.x_m, shift.y_m)
        by_yaw = normal[:, 1] * relative[:, 0] - normal[:, 0] * relative[:, 1]
        rows.append(np.column_stack([normal, by_yaw]))
        residuals.append(-feet.offset_m[beside])
    return np.concatenate(rows), np.concatenate(residuals)
