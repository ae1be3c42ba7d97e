"""Absolute positions of a drive: GNSS fixes, or georeferenced poses of the log taken as fixes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame, projected_to_wgs84, wgs84_to_projected
from mapforge.geometry.se3 import Float

HEIGHT_SIGMA_RATIO = 2.0
MAX_TRIPLE_NS = 2_500_000_000
MIN_TRIPLES = 10
NORMAL_MAD = 0.6745
MAX_STATED_SIGMA_M = 100.0
GEOREFERENCED = "EPSG:"


@dataclass(frozen=True, eq=False)
class Fixes:
    """Measured positions of one point of the car.

    timestamps_ns: (M,) int64, strictly increasing. xyz_map: (M, 3) float64. sigma_m: (M, 3) total one-sigma error
    along east, north, up. lever_ego_m: (3,) where on the car the measured point is.
    """

    timestamps_ns: NDArray[np.int64]
    xyz_map: Float
    sigma_m: Float
    lever_ego_m: Float

    def __len__(self) -> int:
        return len(self.timestamps_ns)

    def between(self, start_ns: int, end_ns: int) -> Fixes:
        inside = (self.timestamps_ns >= start_ns) & (self.timestamps_ns <= end_ns)
        return Fixes(self.timestamps_ns[inside], self.xyz_map[inside], self.sigma_m[inside], self.lever_ego_m)


def fixes_of_gnss(
    gnss: pa.Table, frame: MapFrame, lever_ego_m: Float, default_sigma_m: float, floor_sigma_m: float
) -> Fixes:
    """Valid fixes of a drive's GNSS table in the map frame; grid convergence does not turn a position."""
    valid = gnss["fix_type"].to_numpy() >= 0
    times, first = np.unique(gnss["timestamp_ns"].to_numpy()[valid], return_index=True)
    columns = [gnss[name].to_numpy()[valid][first] for name in ("lon_deg", "lat_deg", "height_m")]
    xyz = frame.from_wgs84(np.stack(columns, axis=1).reshape(-1, 3))
    covariance = [row or [0.0] * 9 for row in gnss["cov_enu_m2"].to_pylist()]
    variance = np.array(covariance, dtype=np.float64).reshape(-1, 9)[valid][first][:, [0, 4, 8]]
    stated = np.sqrt(np.where(np.isfinite(variance) & (variance > 0.0), variance, np.nan))
    default = default_sigma_m * np.array([1.0, 1.0, HEIGHT_SIGMA_RATIO])
    sigma = np.clip(np.where(np.isfinite(stated), stated, default), floor_sigma_m, MAX_STATED_SIGMA_M)
    return Fixes(times, xyz, sigma, lever_ego_m)


def fast_share(fixes: Fixes, antenna_map: Float) -> float | None:
    """Share of the stated sigma that changes from fix to fix; None where fixes are too few or too far apart to tell.

    antenna_map: (M, 3) where odometry says the antenna was. Second differences of the misfit take out bias, drift
    and a slightly wrong heading; white noise is left, sqrt(6) times (median absolute deviation, so that multipath does
    not count).
    """
    misfit = (fixes.xyz_map - antenna_map) / fixes.sigma_m
    second = misfit[2:] - 2.0 * misfit[1:-1] + misfit[:-2]
    close = fixes.timestamps_ns[2:] - fixes.timestamps_ns[:-2] <= MAX_TRIPLE_NS
    if close.sum() < MIN_TRIPLES:
        return None
    return float(np.median(np.abs(second[close][:, :2])) / NORMAL_MAD / np.sqrt(6.0))


def fixes_of_poses(poses: pa.Table, frame: MapFrame, sigma_m: float) -> Fixes:
    """Georeferenced poses of the log as fixes of the ego origin."""
    times, xyz, _ = georeferenced_poses(poses, frame)
    sigma = np.tile(sigma_m * np.array([1.0, 1.0, HEIGHT_SIGMA_RATIO]), (len(times), 1))
    return Fixes(times, xyz, sigma, np.zeros(3))


def georeferenced_poses(poses: pa.Table, frame: MapFrame) -> tuple[NDArray[np.int64], Float, Float]:
    """Poses of a log that stand in a projected CRS: times (N,), translation (N, 3) in `frame`, quaternion (N, 4).

    Positions of another CRS are reprojected; their quaternions are left, since zones differ in grid north by little
    and the caller needs them only in the map's own CRS (`epsg_of_poses`).
    """
    names = poses["frame"].to_pylist()
    epsg = epsg_of_poses(poses)
    rows = poses.filter(pa.array([name == f"{GEOREFERENCED}{epsg}" for name in names], pa.bool_()))
    times, first = np.unique(rows["timestamp_ns"].to_numpy(), return_index=True)
    xyz = np.stack([rows[name].to_numpy()[first] for name in ("tx_m", "ty_m", "tz_m")], axis=1)
    if epsg not in (None, frame.epsg) and len(times):
        xyz = wgs84_to_projected(frame.epsg, projected_to_wgs84(epsg, xyz))
    quaternion = np.stack([rows[name].to_numpy()[first] for name in ("qw", "qx", "qy", "qz")], axis=1)
    return times, frame.from_projected(xyz), quaternion


def epsg_of_poses(poses: pa.Table) -> int | None:
    """EPSG code of the first georeferenced pose, None when there is none."""
    for name in poses["frame"].to_pylist():
        if name is not None and name.startswith(GEOREFERENCED):
            return int(name.removeprefix(GEOREFERENCED))
    return None
