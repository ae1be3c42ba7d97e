"""Moving vehicles that a drive's lidar saw: where they drove, and which way. Lanes take their direction from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import DriveReader
from mapforge.io.parquet import write_table
from mapforge.io.trajectories import read_trajectory
from mapforge.io.workspace import Workspace
from mapforge.perception.config import PerceptionConfig
from mapforge.perception.nearby_sweeps import sweep_in_map
from mapforge.perception.passages import Flow, Occupancy, flow_of
from mapforge.perception.traffic_config import TrafficConfig
from mapforge.schemas.traffic import TRAFFIC

Float = NDArray[np.float64]
Index = NDArray[np.int64]

_MARGIN_M = 6.0
"""The car moves on within a sweep."""


@dataclass(frozen=True)
class TrafficInputs:
    """One localised drive. fingerprint: goes into the footer of the table."""

    workspace: Workspace
    drive_id: str
    frame: MapFrame
    fingerprint: str


def run(inputs: TrafficInputs, config: PerceptionConfig) -> pa.Table:
    """Writes what moved and returns it; memory is bounded by a window of sweeps."""
    reader = DriveReader(inputs.workspace.drive(inputs.drive_id))
    trajectory = read_trajectory(inputs.workspace.trajectory(inputs.drive_id), inputs.frame)
    found = list(_flows(reader, trajectory, config.traffic)) if config.traffic.enabled else []
    table = _table(found, inputs.frame)
    metadata = {"fingerprint": inputs.fingerprint, "drive_id": inputs.drive_id}
    write_table(table, inputs.workspace.traffic(inputs.drive_id), inputs.workspace.tmp, metadata)
    return table


def _flows(reader: DriveReader, trajectory: Trajectory, config: TrafficConfig) -> Iterator[tuple[Float, Float, Flow]]:
    """Of each window in order of time: (N,) times in ns, (N, 3) places in the map frame, and the flow."""
    times = reader.sweep_index().timestamps_ns
    for sweeps, own_ns in _windows(times, np.flatnonzero(trajectory.covers(times)), config):
        start_ns = times[sweeps[0]]
        corner, seen, z = _occupancy(reader, trajectory, sweeps, config)
        flow = flow_of(seen, config)
        passed_ns = start_ns + np.rint(flow.time_s * 1e9).astype(np.int64)
        kept = (passed_ns >= own_ns[0]) & (passed_ns < own_ns[1])
        flow, passed_ns = flow.take(kept), passed_ns[kept]
        column, row = (flow.xy_m / config.cell_m).astype(np.int64).T
        yield passed_ns, np.column_stack([corner + flow.xy_m, z[row, column]]), flow


def _windows(times_ns: Index, covered: Index, config: TrafficConfig) -> Iterator[tuple[Index, tuple[int, int]]]:
    """Sweeps of each window, and the span of time that is its own: where two overlap, each has its half."""
    if not len(covered):
        return
    own = times_ns[covered]
    length, step = round(config.window_s * 1e9), round((config.window_s - config.overlap_s) * 1e9)
    starts = np.arange(own[0], max(int(own[-1]) - length + step, int(own[0])) + 1, step)
    half = (length - step) // 2
    for number, start in enumerate(starts.tolist()):
        inside = covered[(own >= start) & (own < start + length)]
        first = start + half if number else int(own[0])
        last = start + step + half if number + 1 < len(starts) else int(own[-1]) + 1
        if len(inside):
            yield inside, (first, last)


def _occupancy(
    reader: DriveReader, trajectory: Trajectory, sweeps: Index, config: TrafficConfig
) -> tuple[Float, Occupancy, Float]:
    """Corner (2,) of a grid round the window's way, what was seen in it, and the height (rows, columns) of the road,
    which is that of the way itself: not of another road above or below, where the drive came by at another time."""
    times = reader.sweep_index().timestamps_ns[sweeps]
    places = trajectory.poses_at(times)[1]
    reach = config.reach_m * np.sqrt(2.0) + _MARGIN_M
    corner = np.floor((places[:, :2].min(axis=0) - reach) / config.cell_m) * config.cell_m
    columns, rows = np.ceil((places[:, :2].max(axis=0) + reach - corner) / config.cell_m).astype(int)
    x, y = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
    centres = np.column_stack([x.ravel(), y.ravel()]) * config.cell_m + corner
    z = places[cKDTree(places[:, :2]).query(centres)[1], 2]
    occupied, free = (np.zeros((len(sweeps), rows * columns), dtype=bool) for _ in range(2))
    for k, sweep in enumerate(sweeps.tolist()):
        xyz_ego, xyz = sweep_in_map(reader, trajectory, sweep)
        ahead, aside = np.abs(xyz_ego[:, 0]), np.abs(xyz_ego[:, 1])
        near = (np.maximum(ahead, aside) < config.reach_m) & (np.hypot(ahead, aside) > config.nearest_m)
        column, row = ((xyz[near, :2] - corner) / config.cell_m).astype(np.int64).T
        cell = row * columns + column
        height = xyz[near, 2] - z[cell]
        occupied[k, cell[(height > config.low_m) & (height < config.high_m)]] = True
        free[k, cell[np.abs(height) < config.road_m]] = True
    shape = (len(sweeps), rows, columns)
    seen = Occupancy((times - times[0]) * 1e-9, occupied.reshape(shape), free.reshape(shape))
    return corner, seen, z.reshape(rows, columns)


def _table(found: list[tuple[Float, Float, Flow]], frame: MapFrame) -> pa.Table:
    """The TRAFFIC table: absolute projected metres rounded to 0.1 mm."""
    if not found:
        return TRAFFIC.empty_table()
    xyz = np.round(frame.to_projected(np.concatenate([places for _, places, _ in found])), 4)
    columns = {
        "timestamp_ns": np.concatenate([times for times, _, _ in found]),
        **dict(zip(("x_m", "y_m", "z_m"), xyz.T)),
        "heading_rad": np.round(np.concatenate([flow.heading_rad for *_, flow in found]), 4),
        "speed_mps": np.round(np.concatenate([flow.speed_mps for *_, flow in found]), 2),
    }
    return pa.Table.from_arrays([pa.array(columns[field.name], type=field.type) for field in TRAFFIC], schema=TRAFFIC)
