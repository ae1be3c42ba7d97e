"""Carriageways and ramps of a motorway as offsets to its axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.simulation.streets import Curve

Float = NDArray[np.float64]

AXIS_STEP_M = 1.0
TAPER_M = 45.0
BESIDE_M = (70.0, 110.0)
"""Length of the lane beside the carriageway on which cars slow down or speed up."""
SWERVE_M = 85.0
SERVICE_M = (60.0, 120.0)
APART_M = (7.0, 11.0)
"""Grass between the carriageway's asphalt and that of the service road."""
RAMP_LANE_M = 3.8
RAMP_SHOULDER_M = 0.9
RAMP_LIMIT_MPS = 60 / 3.6
RAMPS_FREE_M = 60.0
TWO_RAMPS_M = 1350.0


@dataclass(frozen=True)
class Carriageway:
    """One direction. side: -1 right of the axis (along it), +1 left of it (against it). Distances are from the axis.

    first_m: of the innermost lane's inner border.
    """

    side: float
    lanes: int
    lane_m: float
    first_m: float
    inner_shoulder_m: float
    shoulder_m: float

    @property
    def last_m(self) -> float:
        """Outer border of the outermost lane."""
        return self.first_m + self.lanes * self.lane_m

    @property
    def asphalt_from_m(self) -> float:
        return self.first_m - self.inner_shoulder_m

    @property
    def asphalt_to_m(self) -> float:
        return self.last_m + self.shoulder_m

    def lane_offset_m(self, lane: int) -> float:
        """Signed offset of a lane's middle, 0 the innermost."""
        return self.side * (self.first_m + (lane + 0.5) * self.lane_m)


@dataclass(frozen=True)
class Ramp:
    """A lane that opens beside a carriageway, swerves off to a service road, and comes back.

    start_m, end_m: stations of the axis, rising, whatever way traffic goes. beside_m: lengths at either end on which
    it runs along the carriageway. away_m: distance of the service road's middle from the axis.
    """

    way: Carriageway
    start_m: float
    end_m: float
    beside_m: tuple[float, float]
    away_m: float

    @property
    def beside_offset_m(self) -> float:
        """Distance from the axis of the ramp's middle where it runs along the carriageway."""
        return self.way.last_m + RAMP_LANE_M / 2

    @property
    def noses_m(self) -> tuple[float, float]:
        """Stations at which the ramp begins and ends to swerve."""
        return self.start_m + TAPER_M + self.beside_m[0], self.end_m - TAPER_M - self.beside_m[1]

    def distance_m(self, stations_m: Float) -> Float:
        """(M,) distance of the ramp's middle from the axis, as it would be without the tapers."""
        low, high = self.noses_m
        share = np.clip(np.minimum(stations_m - low, high - stations_m) / SWERVE_M, 0.0, 1.0)
        eased = share**3 * (10 - 15 * share + 6 * share**2)
        return self.beside_offset_m + (self.away_m - self.beside_offset_m) * eased

    def opening(self, stations_m: Float) -> Float:
        """(M,) 0 where the lane has not opened yet, 1 where it is as wide as it gets."""
        share = np.clip(np.minimum(stations_m - self.start_m, self.end_m - stations_m) / TAPER_M, 0.0, 1.0)
        return np.asarray(share**2 * (3 - 2 * share))

    def outer_m(self, stations_m: Float) -> Float:
        """(M,) distance of the lane's outer border from the axis."""
        last = self.way.last_m
        return last + (self.distance_m(stations_m) + RAMP_LANE_M / 2 - last) * self.opening(stations_m)

    def shoulder_m(self, stations_m: Float) -> Float:
        """(M,) width of the asphalt beyond the outer border: that of the carriageway gives way to a narrow one."""
        return self.way.shoulder_m + (RAMP_SHOULDER_M - self.way.shoulder_m) * self.opening(stations_m)

    def stations(self, low_m: float | None = None, high_m: float | None = None) -> Float:
        """Stations at even steps, over all of the ramp or a part."""
        low = self.start_m if low_m is None else low_m
        high = self.end_m if high_m is None else high_m
        return np.linspace(low, high, max(2, int(np.ceil((high - low) / AXIS_STEP_M)) + 1))

    def area(self, axis: Curve) -> shapely.Geometry:
        """Its asphalt; along the carriageway it reaches into that."""
        stations = self.stations()
        outer = self.outer_m(stations) + self.shoulder_m(stations)
        inner = np.maximum(self.distance_m(stations) - RAMP_LANE_M / 2 - RAMP_SHOULDER_M, self.way.last_m - 0.5)
        ring = np.vstack(
            [axis.points(stations, self.way.side * inner), axis.points(stations, self.way.side * outer)[::-1]]
        )
        return shapely.make_valid(shapely.Polygon(ring))


def draw_ramps(rng: np.random.Generator, way: Carriageway, axis_m: float) -> list[Ramp]:
    """One or two ramps, none over the axis' beginning. axis_m: its length."""
    count = 2 if axis_m > TWO_RAMPS_M and rng.random() < 0.6 else 1
    room = axis_m / count
    ramps = []
    for n in range(count):
        beside = tuple(float(b) for b in rng.uniform(*BESIDE_M, 2))
        away = way.asphalt_to_m + float(rng.uniform(*APART_M)) + RAMP_SHOULDER_M + RAMP_LANE_M / 2
        length = 2 * TAPER_M + sum(beside) + 2 * SWERVE_M + float(rng.uniform(*SERVICE_M))
        length = min(length, room - RAMPS_FREE_M)
        low, high = n * room + RAMPS_FREE_M / 2, (n + 1) * room - RAMPS_FREE_M / 2 - length
        start = low + float(rng.random()) * max(0.0, high - low)
        ramps.append(Ramp(way, start, start + length, (beside[0], beside[1]), away))
    return ramps
