"""What the wheel joints of a log measure."""

from __future__ import annotations

import math

_MOVING_MPS = 2.0
_RIM_SPEED_RATIO = (0.8, 1.25)


class WheelUnits:
    """Wheel rates to rim speeds.

    ROS has wheel joints turn in rad/s, yet some logs write rim speeds in m/s. The car's own speed, where the log has
    it, tells which; until it has moved, wheels that turn are unknown (NaN). Without it they are rad/s.
    """

    def __init__(self, wheel_radius_m: float) -> None:
        self._wheel_radius_m = wheel_radius_m
        self._speed_mps = math.nan
        self._factor: float | None = None

    def see(self, row: dict[str, float]) -> None:
        """Takes note of a row's speed."""
        self._speed_mps = row.get("speed_mps", self._speed_mps)

    def to_mps(self, row: dict[str, float]) -> dict[str, float]:
        """The row with its wheel columns in m/s."""
        wheels = {name: rate for name, rate in row.items() if name.startswith("wheel_")}
        if not wheels:
            return row
        if math.isnan(self._speed_mps):
            factor = self._wheel_radius_m
        else:
            factor = self._told_by_speed(list(wheels.values()))
        return {**row, **{name: 0.0 if rate == 0 else rate * factor for name, rate in wheels.items()}}

    def _told_by_speed(self, rates: list[float]) -> float:
        if self._factor is None and abs(self._speed_mps) > _MOVING_MPS:
            ratio = abs(sum(rates) / len(rates) / self._speed_mps)
            low, high = _RIM_SPEED_RATIO
            self._factor = 1.0 if low <= ratio <= high else self._wheel_radius_m
        return math.nan if self._factor is None else self._factor
