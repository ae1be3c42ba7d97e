"""Where the paint of a road lies, from station and lateral position: what is painted there, and what is labelled."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mapforge.training.fields import FINE_M, RoadField
from mapforge.training.layout import Approach, Crossing, Divider

_NOWHERE_M = 1e3


def stripe(distance_m: Tensor, width_m: float) -> Tensor:
    """Share of a 0.1 m cell covered by a stripe whose middle is `distance_m` away."""
    return (0.5 + (width_m / 2 - distance_m.abs()) / FINE_M).clamp(0, 1)


def divider_coverage(divider: Divider, lateral_m: Tensor, station_m: Tensor) -> Tensor:
    """Paint coverage of a divider from lateral position and station."""
    d = torch.where(painted_along(divider, station_m), beside(divider, lateral_m, station_m), _NOWHERE_M)
    period = divider.dash_m + divider.gap_m
    along = torch.remainder(station_m + divider.phase_m, period)
    dashes = ((divider.dash_m - along) / FINE_M).clamp(0, 1) * (along / FINE_M).clamp(0, 1)
    left = stripe(d - divider.separation_m / 2, divider.width_m)
    right = stripe(d + divider.separation_m / 2, divider.width_m)
    match divider.marking_type:
        case "solid":
            return stripe(d, divider.width_m)
        case "dashed" | "botts_dots":
            return stripe(d, divider.width_m) * dashes
        case "double_solid":
            return torch.maximum(left, right)
        case "double_dashed":
            return torch.maximum(left, right) * dashes
        case "solid_dashed":
            return torch.maximum(left, right * dashes)
        case "dashed_solid":
            return torch.maximum(left * dashes, right)
    return torch.zeros_like(d)


def painted_along(divider: Divider, station_m: Tensor) -> Tensor:
    """Stations at which a divider is painted, dashes or not."""
    begun = (station_m > divider.start_m) & (station_m < divider.end_m)
    return begun & ~((station_m > divider.pause_m[0]) & (station_m < divider.pause_m[1]))


def beside(divider: Divider, lateral_m: Tensor, station_m: Tensor) -> Tensor:
    """Signed distance to a divider, left positive."""
    if not divider.taper:
        return lateral_m - divider.lateral_m
    moved = divider.lateral_m + divider.taper * (station_m - divider.start_m)
    return (lateral_m - moved) / math.hypot(1.0, divider.taper)


def near_mid_crossing(crossings: list[Crossing], station_m: Tensor) -> Tensor:
    """Where lines pause for a crossing within the block."""
    near = torch.zeros_like(station_m, dtype=torch.bool)
    for crossing in crossings:
        near |= (station_m > crossing.start_m - 0.8) & (station_m < crossing.end_m + 0.8)
    return near


def crossing_inside(crossing: Crossing, along_m: Tensor, lateral_m: Tensor, field: RoadField) -> Tensor:
    """Where a crossing's outline holds: from its start to its end, and between its lateral limits."""
    right, left = crossing_limits(crossing, field)
    across = (lateral_m > right) & (lateral_m < left)
    return across & (along_m > crossing.start_m) & (along_m < crossing.end_m)


def crossing_limits(crossing: Crossing, field: RoadField) -> tuple[float, float]:
    """Lateral limits (right, left) of a crossing's paint; bars fill them whole, the first and the last included."""
    right, left = -field.road.right_m + crossing.right_m, field.road.left_m - crossing.left_m
    if crossing.style == "lines":
        return right, left
    period = crossing.bar_m + crossing.gap_m
    width = max(1, int((left - right + crossing.gap_m) / period)) * period - crossing.gap_m
    middle = (left + right) / 2
    return middle - width / 2, middle + width / 2


def stop_line_side(lateral: Tensor, approach: Approach, field: RoadField) -> Tensor:
    """Where traffic towards the junction drives (on the right), margins left out."""
    road = field.road
    if approach.sign > 0:
        return (lateral > road.centre_m + 0.1) & (lateral < road.left_m - road.parking_m[0] - 0.2)
    return (lateral < road.centre_m - 0.1) & (lateral > -road.right_m + road.parking_m[1] + 0.2)
