"""Trajectory files: round trip, other frames, refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mapforge.errors import ContractError, CrsMismatchError, MissingInputError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.parquet import read_metadata, read_table, write_table
from mapforge.io.trajectories import (
    TrajectoryInfo,
    path_sha256,
    read_sigma_relative,
    read_trajectory,
    read_trajectory_info,
    write_trajectory,
)
from mapforge.schemas.drive import TRAJECTORY

FRAME = MapFrame(32632, (456_000.0, 5_427_000.0))
INFO = TrajectoryInfo(FRAME, "lidar+gnss", "drive-1", False, "abc")


def _written(tmp_path: Path) -> tuple[Path, Trajectory]:
    times = np.arange(3, dtype=np.int64) * 50_000_000 + 10**18
    translation = np.array([[1.23456, 2.0, 3.0], [2.0, 3.0, 3.1], [3.0, 4.0, 3.2]])
    quaternion = np.tile([0.8, 0.0, 0.0, 0.6], (3, 1))
    trajectory = Trajectory(times, translation, quaternion, np.array([0.1, 0.2, 0.3]))
    path = tmp_path / "trajectories" / "drive-1.parquet"
    write_trajectory(trajectory, np.array([0.2, 0.2, 0.2]), INFO, path, tmp_path / "tmp")
    return path, trajectory


def test_round_trip_to_a_tenth_of_a_millimetre(tmp_path: Path) -> None:
    path, trajectory = _written(tmp_path)
    back = read_trajectory(path, FRAME)
    assert np.array_equal(back.timestamps_ns, trajectory.timestamps_ns)
    assert np.abs(back.translation_m - trajectory.translation_m).max() <= 5.1e-5
    assert np.allclose(back.quaternion_wxyz, trajectory.quaternion_wxyz)
    assert read_trajectory_info(path) == INFO


def test_rests_in_absolute_metres_and_reads_into_another_origin(tmp_path: Path) -> None:
    path, _ = _written(tmp_path)
    assert read_table(path, TRAJECTORY)["tx_m"][1].as_py() == pytest.approx(456_002.0)
    other = MapFrame(32632, (455_000.0, 5_427_000.0))
    assert read_trajectory(path, other).translation_m[1, 0] == pytest.approx(1002.0)


def test_aligned_trajectory_tells_own_error_from_the_shared_one(tmp_path: Path) -> None:
    path, trajectory = _written(tmp_path)
    alone = path_sha256(path)
    assert np.array_equal(read_sigma_relative(path), trajectory.sigma_xy_m)
    info = replace(INFO, aligned_set="drive-0", datum_sigma_m=0.075)
    own = np.array([0.02, 0.03, 0.04])
    write_trajectory(trajectory, np.full(3, 0.2), info, path, tmp_path / "tmp", own)
    assert np.array_equal(read_sigma_relative(path), own)
    assert np.array_equal(read_trajectory(path, FRAME).sigma_xy_m, trajectory.sigma_xy_m)
    assert read_trajectory_info(path) == info
    assert path_sha256(path) != alone


def test_refusals(tmp_path: Path) -> None:
    path, _ = _written(tmp_path)
    with pytest.raises(CrsMismatchError, match="32617"):
        read_trajectory(path, MapFrame(32617, (0.0, 0.0)))
    with pytest.raises(MissingInputError):
        read_trajectory(tmp_path / "none.parquet", FRAME)
    assert "frame" in read_metadata(path)
    write_table(read_table(path).replace_schema_metadata(None), path, tmp_path / "tmp")
    with pytest.raises(ContractError, match="frame"):
        read_trajectory(path, FRAME)
