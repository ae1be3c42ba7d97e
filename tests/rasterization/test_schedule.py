"""Windows and the tiles they touch."""

from __future__ import annotations

import numpy as np

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import SweepIndex
from mapforge.rasterization.schedule import Schedule
from mapforge.rasterization.window import plan_windows

FRAME = MapFrame(32632, (500_000.0, 5_000_000.0))
SECOND = 10**9


def _drive() -> tuple[SweepIndex, Trajectory]:
    """600 m east at 10 m/s, one sweep a second, the last ten sweeps after the trajectory's end."""
    times = np.arange(71, dtype=np.int64) * SECOND
    rows = np.full(71, 1000, dtype=np.int64)
    index = SweepIndex(times, ("lidar",) * 71, rows, np.zeros(71, np.int64), np.arange(71))
    knots = np.array([0, 60 * SECOND])
    quaternion = np.tile([1.0, 0.0, 0.0, 0.0], (2, 1))
    return index, Trajectory(knots, np.array([[0.0, 50.0, 0.0], [600.0, 50.0, 0.0]]), quaternion, np.zeros(2))


def test_windows_hold_covered_sweeps_by_time_and_size() -> None:
    index, trajectory = _drive()
    windows = plan_windows(index, trajectory, 4.0, 10**9)
    assert [i for window in windows for i in window] == list(range(61))
    assert {len(window) for window in windows[:-1]} == {5}
    assert {len(window) for window in plan_windows(index, trajectory, 100.0, 2500)} <= {1, 2}


def test_a_tile_is_finished_once_at_its_last_window() -> None:
    index, trajectory = _drive()
    windows = plan_windows(index, trajectory, 4.0, 10**9)
    schedule = Schedule.of(windows, index, trajectory, FRAME, 40.0, None)
    finished = [tile for tiles in schedule.finished for tile in tiles]
    assert sorted(finished) == sorted({tile for tiles in schedule.touched for tile in tiles})
    first = TileId(32632, 5000, 50000)
    last_window = max(k for k, tiles in enumerate(schedule.touched) if first in tiles)
    assert first in schedule.finished[last_window]
    assert first not in schedule.forgettable(last_window)
    assert first in schedule.forgettable(len(windows) - 1)


def test_only_wanted_tiles() -> None:
    index, trajectory = _drive()
    windows = plan_windows(index, trajectory, 4.0, 10**9)
    wanted = TileId(32632, 5003, 50000)
    schedule = Schedule.of(windows, index, trajectory, FRAME, 40.0, [wanted])
    assert {tile for tiles in schedule.touched for tile in tiles} == {wanted}
