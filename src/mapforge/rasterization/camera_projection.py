"""Colour of the ground: cells that lidar hit are looked up in the camera frames that see them.

Visibility is simple: a cell in which something stands is left out, as are cells far off or under the bonnet; what
still hides a cell in one frame is averaged out by the others.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from mapforge.geometry.grid import BevGrid
from mapforge.geometry.se3 import SE3
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import CameraFrame, DriveReader, SensorCalibration
from mapforge.rasterization.ground_map import GroundMap
from mapforge.rasterization.open_tiles import TileSums

STANDING_SHARE = 0.5
MIN_DEPTH_M = 0.5
OPENING_SLACK = 1.5


@dataclass(frozen=True, eq=False)
class CameraView:
    """A decoded frame and its place. pixels: (H, W, 3) uint8. cam_SE3_map: map frame to camera frame."""

    pixels: NDArray[np.uint8]
    cam_SE3_map: SE3
    calibration: SensorCalibration

    @property
    def centre_m(self) -> NDArray[np.float64]:
        return self.cam_SE3_map.inverse().translation_m


def ground_cameras(reader: DriveReader) -> dict[str, SensorCalibration]:
    """Calibrated cameras of a drive that has frames."""
    if not reader.manifest.rows("camera"):
        return {}
    return {name: c for name, c in reader.calibration().items() if c.model == "pinhole" and len(c.intrinsics) == 4}


def views_between(
    reader: DriveReader,
    cameras: dict[str, SensorCalibration],
    trajectory: Trajectory,
    start_ns: int,
    end_ns: int,
) -> list[CameraView]:
    """Frames taken in [start_ns, end_ns) that the trajectory covers."""
    frames = reader.camera_frames(start_ns, end_ns - 1) if cameras else iter(())
    return [
        _view(frame, cameras[frame.sensor], trajectory)
        for frame in frames
        if frame.sensor in cameras and trajectory.start_ns <= frame.timestamp_ns <= trajectory.end_ns
    ]


def colour_tile(
    sums: TileSums, view: CameraView, ground: GroundMap, grid: BevGrid, min_range_m: float, max_range_m: float
) -> None:
    """Adds the colour of every cell of the grid that the view sees, in place."""
    rows, columns = _cells_near(view.centre_m, grid, max_range_m)
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    row, column = _cells_ahead(view, grid, rows, columns, min_range_m, max_range_m)
    flat = row * grid.columns + column
    hits, sweeps, standing = (
        tensor[torch.from_numpy(flat).to(tensor.device)].cpu().numpy()
        for tensor in (sums.surface.hits, sums.sweeps, sums.obstacle_sweeps)
    )
    keep = np.flatnonzero((hits > 0) & (standing < STANDING_SHARE * sweeps))
    if not len(keep):
        return
    row, column, flat = row[keep], column[keep], flat[keep]
    xy = grid.centres_of(row, column)
    height = ground.heights_at(xy)
    pixel, seen = project(np.column_stack([xy, height]), view)
    colour = view.pixels[pixel[seen, 1], pixel[seen, 0]].astype(np.int32)
    cell = torch.from_numpy(flat[seen]).to(sums.colour_hits.device)
    sums.colour_hits[cell] += 1
    for channel in range(3):
        sums.colour_sum[channel][cell] += torch.from_numpy(colour[:, channel]).to(cell.device)


def project(xyz_map: NDArray[np.float64], view: CameraView) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Pixel (column, row) of each point, (N, 2) int64, and whether it lies in the picture, (N,).

    Pinhole with plumb-bob distortion (Brown, 1966), as OpenCV orders its coefficients.
    """
    xyz = view.cam_SE3_map.transform(xyz_map)
    ahead = (xyz[:, 2] > MIN_DEPTH_M) & np.isfinite(xyz).all(axis=1)
    depth = np.where(ahead, xyz[:, 2], 1.0)
    x, y = np.where(ahead, xyz[:, 0], 0.0) / depth, np.where(ahead, xyz[:, 1], 0.0) / depth
    k1, k2, p1, p2, k3 = (*view.calibration.distortion, 0.0, 0.0, 0.0, 0.0, 0.0)[:5]
    square = x * x + y * y
    radial = 1.0 + square * (k1 + square * (k2 + square * k3))
    u = x * radial + 2.0 * p1 * x * y + p2 * (square + 2.0 * x * x)
    v = y * radial + p1 * (square + 2.0 * y * y) + 2.0 * p2 * x * y
    fx, fy, cx, cy = view.calibration.intrinsics
    pixel = np.floor(np.stack([fx * u + cx, fy * v + cy], axis=1) + 0.5).astype(np.int64)
    height, width = view.pixels.shape[:2]
    inside = (pixel >= 0).all(axis=1) & (pixel[:, 0] < width) & (pixel[:, 1] < height)
    return pixel, ahead & inside


def _view(frame: CameraFrame, calibration: SensorCalibration, trajectory: Trajectory) -> CameraView:
    with Image.open(io.BytesIO(frame.image)) as image:
        pixels = np.asarray(image.convert("RGB"))
    map_SE3_cam = trajectory.pose_at(frame.timestamp_ns) @ calibration.ego_SE3_sensor
    return CameraView(pixels, map_SE3_cam.inverse(), calibration)


def _cells_ahead(
    view: CameraView, grid: BevGrid, rows: slice, columns: slice, min_range_m: float, max_range_m: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of the cells of a box that lie in range inside the view's horizontal opening."""
    x = grid.x0_m + (np.arange(columns.start, columns.stop) + 0.5) * grid.resolution_m - view.centre_m[0]
    y = grid.y0_m + (np.arange(rows.start, rows.stop) + 0.5) * grid.resolution_m - view.centre_m[1]
    x, y = x.astype(np.float32)[None], y.astype(np.float32)[:, None]
    ahead_x, ahead_y = view.cam_SE3_map.rotation[2, :2].astype(np.float32)
    depth, side = x * ahead_x + y * ahead_y, np.abs(y * ahead_x - x * ahead_y)
    half_width = OPENING_SLACK * view.calibration.width_px / (2.0 * view.calibration.intrinsics[0])
    square = x * x + y * y
    inside = (square > min_range_m**2) & (square < max_range_m**2) & (side < depth * half_width)
    row, column = np.nonzero(inside)
    return row + rows.start, column + columns.start


def _cells_near(centre_m: NDArray[np.float64], grid: BevGrid, reach_m: float) -> tuple[slice, slice]:
    """Row and column slices of the box of half width `reach_m` around a place, cut to the grid."""
    low = (centre_m[:2] - reach_m - (grid.x0_m, grid.y0_m)) / grid.resolution_m
    high = (centre_m[:2] + reach_m - (grid.x0_m, grid.y0_m)) / grid.resolution_m
    columns = slice(max(int(np.floor(low[0])), 0), min(int(np.ceil(high[0])), grid.columns))
    rows = slice(max(int(np.floor(low[1])), 0), min(int(np.ceil(high[1])), grid.rows))
    return rows, columns
