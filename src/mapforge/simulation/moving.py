"""Vehicles on their way: where they are at a time, and the triangles they are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.polylines import arc_length
from mapforge.geometry.se3 import SE3
from mapforge.simulation.world import Material, Mesh, MovingVehicle


class Track:
    """The way of one vehicle, ready to be asked often."""

    def __init__(self, vehicle: MovingVehicle) -> None:
        self._vehicle = vehicle
        self._path = vehicle.path_m.T.copy()
        self._along = arc_length(vehicle.path_m)

    def pose_at(self, elapsed_s: float) -> SE3 | None:
        """map_SE3_vehicle (origin on the ground under the centre, x forward), None once it has left its path."""
        vehicle = self._vehicle
        station = vehicle.start_station_m + vehicle.speed_mps * elapsed_s
        if not 0.0 <= station <= self._along[-1]:
            return None
        reach = vehicle.length_m / 3
        stations = np.array([station - reach, station, station + reach])
        back, centre, front = np.stack([np.interp(stations, self._along, axis) for axis in self._path], axis=1)
        forward = (front - back) / np.sqrt(((front - back) ** 2).sum())
        level = np.hypot(forward[0], forward[1])
        left = np.array([-forward[1] / level, forward[0] / level, 0.0])
        up = np.array([-forward[2] * left[1], forward[2] * left[0], level])
        return SE3(np.stack([forward, left, up], axis=1), centre)

    def velocity_at(self, elapsed_s: float) -> NDArray[np.float64]:
        """(3,) metres a second in the map frame; zero once it has left its path."""
        map_SE3_vehicle = self.pose_at(elapsed_s)
        if map_SE3_vehicle is None:
            return np.zeros(3)
        return np.asarray(map_SE3_vehicle.rotation[:, 0] * self._vehicle.speed_mps)


def vehicle_mesh(length_m: float, width_m: float, height_m: float) -> Mesh:
    """A car, van or lorry in its own frame: body, windowed cabin and wheels."""
    lorry = height_m > 2.2
    sill, belt = 0.25, height_m if lorry else 0.56 * height_m
    parts = [_block((-length_m / 2, length_m / 2), (-length_m / 2, length_m / 2), width_m, width_m, sill, belt)]
    materials = [np.full(12, Material.VEHICLE, np.uint8)]
    if not lorry:
        low = (-0.42 * length_m, 0.25 * length_m)
        high = (-0.30 * length_m, 0.08 * length_m)
        parts.append(_block(low, high, 0.94 * width_m, 0.78 * width_m, belt, height_m))
        cabin = np.full(12, Material.GLASS, np.uint8)
        cabin[2:4] = Material.VEHICLE
        materials.append(cabin)
    for x in (-0.3 * length_m, 0.3 * length_m):
        for y in (-0.42 * width_m, 0.42 * width_m):
            wheel = _block((x - 0.3, x + 0.3), (x - 0.3, x + 0.3), 0.22, 0.22, 0.0, 0.6) + (0.0, y, 0.0)
            parts.append(wheel)
            materials.append(np.full(12, Material.LIGHT_HOUSING, np.uint8))
    triangles = np.concatenate([_FACES + 8 * k for k in range(len(parts))])
    return Mesh(np.concatenate(parts).astype(np.float32), triangles.astype(np.int32), np.concatenate(materials))


_FACES = np.array(
    [
        *([0, 2, 1], [0, 3, 2]),  # bottom
        *([4, 5, 6], [4, 6, 7]),  # top
        *([0, 1, 5], [0, 5, 4]),
        *([1, 2, 6], [1, 6, 5]),
        *([2, 3, 7], [2, 7, 6]),
        *([3, 0, 4], [3, 4, 7]),
    ]
)


def _block(
    x_low: tuple[float, float], x_high: tuple[float, float], width_low: float, width_high: float, z0: float, z1: float
) -> NDArray[np.float64]:
    """(8, 3) corners of a box whose top may be smaller than its bottom."""
    y0, y1 = width_low / 2, width_high / 2
    low = [(x_low[0], -y0, z0), (x_low[1], -y0, z0), (x_low[1], y0, z0), (x_low[0], y0, z0)]
    high = [(x_high[0], -y1, z1), (x_high[1], -y1, z1), (x_high[1], y1, z1), (x_high[0], y1, z1)]
    return np.array(low + high)
