"""Each way a drive can be localised, on a made-up street whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mapforge.errors import ConfigurationError, DriveRefusedError
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.trajectories import (
    TrajectoryInfo,
    read_sigma_z,
    read_trajectory,
    read_trajectory_info,
    write_trajectory,
)
from mapforge.io.trajectory_quality import read_quality
from mapforge.io.workspace import Workspace
from mapforge.localization.config import LocalizationConfig, PoseSource
from mapforge.localization.stage import LocalizationInputs, run


def _localised(workspace: Workspace, street: Any, drive_id: str, **options: Any) -> Trajectory:
    origin = street.origin_lon_lat_deg if options.pop("with_origin", False) else None
    inputs = LocalizationInputs(workspace, drive_id, street.frame, origin, "fp")
    run(inputs, LocalizationConfig(**options))
    return read_trajectory(workspace.trajectory(drive_id), street.frame)


def _errors(found: Trajectory, street: Any) -> np.ndarray:
    """(N, 3) at times half-way between sweeps too."""
    times = np.arange(street.truth.start_ns + 350_000_000, street.truth.end_ns - 600_000_000, street.sweep_ns // 4)
    return found.poses_at(times)[1] - street.truth.poses_at(times)[1]


def _largest_turn_deg(found: Trajectory, street: Any) -> float:
    times = street.truth.timestamps_ns[50:500:50]
    turn, true_turn = found.poses_at(times)[0], street.truth.poses_at(times)[0]
    cosine = (np.einsum("nij,nij->n", turn, true_turn) - 1) / 2
    return float(np.rad2deg(np.arccos(np.clip(cosine, -1, 1))).max())


def test_lidar_odometry_with_gnss_finds_the_path_and_states_the_bias(workspace: Workspace, street: Any) -> None:
    street.write_drive(workspace, "a", gnss_bias_m=(0.15, -0.1, 0.2))
    found = _localised(workspace, street, "a")
    errors = _errors(found, street)
    assert np.abs(errors.mean(axis=0) - (0.15, -0.1, 0.2)).max() < 0.08
    assert np.linalg.norm((errors - errors.mean(axis=0))[:, :2], axis=1).max() < 0.06
    assert 0.1 < found.sigma_xy_m.mean() < 0.3
    assert _largest_turn_deg(found, street) < 0.6
    info = read_trajectory_info(workspace.trajectory("a"))
    assert (info.source, info.georeferenced, info.drive_id, info.fingerprint) == ("lidar+gnss", True, "a", "fp")
    quality = read_quality(workspace, "a")
    assert quality.source == "lidar+gnss" and quality.converged and quality.lost_sweeps == 0
    assert quality.rates["sweeps"].rate_hz == pytest.approx(10.0) and quality.rates["gnss"].count == 25
    assert {"odometry", "gnss"} <= set(quality.residuals)
    states = {finding.name: finding.state for finding in quality.calibration}
    assert states["distance_scale"] == "absent" and states["lever_x_m"] in ("refused", "absent")


def test_same_drive_same_bytes(workspace: Workspace, street: Any) -> None:
    street.write_drive(workspace, "a", sweeps=20, gnss_bias_m=(0.0, 0.0, 0.0))
    _localised(workspace, street, "a")
    first = workspace.trajectory("a").read_bytes()
    _localised(workspace, street, "a")
    assert workspace.trajectory("a").read_bytes() == first


def test_without_gnss_the_drive_is_placed_at_the_origin_and_says_so(workspace: Workspace, street: Any) -> None:
    street.write_drive(workspace, "a", sweeps=20)
    found = _localised(workspace, street, "a", with_origin=True)
    origin = street.frame.from_wgs84(np.array([[*street.origin_lon_lat_deg, 0.0]]))[0]
    first_sweep = street.truth.start_ns + 300_000_000
    assert np.linalg.norm(found.pose_at(first_sweep).translation_m - origin) < 0.05
    driven = np.linalg.norm(found.pose_at(first_sweep + 1_500_000_000).translation_m - origin)
    assert driven == pytest.approx(12.0, abs=0.1)
    assert not read_trajectory_info(workspace.trajectory("a")).georeferenced


def test_without_gnss_and_origin_the_error_says_what_to_set(workspace: Workspace, street: Any) -> None:
    street.write_drive(workspace, "a", sweeps=5)
    with pytest.raises(ConfigurationError, match="origin"):
        _localised(workspace, street, "a")


def test_good_log_poses_are_used_as_they_are(workspace: Workspace, street: Any) -> None:
    street.write_drive(workspace, "a", sweeps=2, poses=street.true_poses(f"EPSG:{street.frame.epsg}", "dataset"))
    found = _localised(workspace, street, "a")
    assert np.abs(found.translation_m - street.truth.translation_m).max() < 1e-4
    assert read_trajectory_info(workspace.trajectory("a")).source == "log_poses"
    assert read_quality(workspace, "a").source == "log_poses"


def test_jumping_log_poses_are_not_used(workspace: Workspace, street: Any) -> None:
    poses = street.true_poses(f"EPSG:{street.frame.epsg}", "dataset")
    poses["tx_m"] = np.asarray(poses["tx_m"]) + np.where(np.arange(len(poses["tx_m"])) == 100, 50.0, 0.0)
    street.write_drive(workspace, "a", sweeps=30, poses=poses)
    found = _localised(workspace, street, "a")
    assert read_trajectory_info(workspace.trajectory("a")).source == "lidar+gnss"
    times = np.arange(street.truth.start_ns + 350_000_000, street.truth.start_ns + 3_000_000_000, street.sweep_ns // 4)
    assert np.abs(found.poses_at(times)[1] - street.truth.poses_at(times)[1]).max() < 0.1
    with pytest.raises(DriveRefusedError, match="jump"):
        _localised(workspace, street, "a", source=PoseSource.log_poses)


def test_sparse_sweeps_use_the_cars_own_odometry(workspace: Workspace, street: Any) -> None:
    poses = street.true_poses("local", "odometry")
    street.write_drive(workspace, "a", sweeps=5, step_ns=10 * street.sweep_ns, gnss_bias_m=(0.0, 0.0, 0.0), poses=poses)
    found = _localised(workspace, street, "a")
    assert read_trajectory_info(workspace.trajectory("a")).source == "log_odometry+gnss"
    assert np.linalg.norm(_errors(found, street)[:, :2], axis=1).max() < 0.1


def test_a_drive_that_hardly_moves_is_refused(workspace: Workspace, street: Any) -> None:
    street.write_drive(workspace, "a", sweeps=4, gnss_bias_m=(0.0, 0.0, 0.0))
    with pytest.raises(DriveRefusedError, match="min_gnss_baseline_m"):
        _localised(workspace, street, "a")


def test_too_few_sweeps_without_poses_are_refused(workspace: Workspace, street: Any) -> None:
    street.write_drive(workspace, "a", sweeps=2, gnss_bias_m=(0.0, 0.0, 0.0))
    with pytest.raises(DriveRefusedError, match="2 sweeps"):
        _localised(workspace, street, "a")


def _given(street: Any, folder: Path, drive_id: str, trajectory: Trajectory) -> None:
    info = TrajectoryInfo(street.frame, "survey", drive_id, True, "")
    sigma_z_m = np.full(len(trajectory.timestamps_ns), 0.03)
    write_trajectory(trajectory, sigma_z_m, info, folder / f"{drive_id}.parquet", folder / "tmp")


def test_a_given_trajectory_is_taken_as_it_is(workspace: Workspace, street: Any, tmp_path: Path) -> None:
    """Whatever the log says of itself; not even its own sensors' bias shows."""
    street.write_drive(workspace, "a", gnss_bias_m=(5.0, 5.0, 0.0))
    _given(street, tmp_path / "given", "a", street.truth)
    found = _localised(workspace, street, "a", source=PoseSource.given, given_folder=str(tmp_path / "given"))
    assert np.abs(_errors(found, street)).max() < 1e-3
    assert np.array_equal(found.sigma_xy_m, np.round(street.truth.sigma_xy_m, 4))
    assert read_sigma_z(workspace.trajectory("a")) == pytest.approx(0.03)
    assert read_trajectory_info(workspace.trajectory("a")).source == "given"
    assert read_quality(workspace, "a").source == "given"


def test_a_drive_without_a_given_trajectory_is_refused(workspace: Workspace, street: Any, tmp_path: Path) -> None:
    street.write_drive(workspace, "a", sweeps=5)
    with pytest.raises(DriveRefusedError, match=r"no .*a\.parquet"):
        _localised(workspace, street, "a", source=PoseSource.given, given_folder=str(tmp_path))


def test_a_given_trajectory_must_cover_the_drive(workspace: Workspace, street: Any, tmp_path: Path) -> None:
    street.write_drive(workspace, "a")
    truth = street.truth
    half = len(truth.timestamps_ns) // 2
    short = Trajectory(*(values[:half] for values in (
        truth.timestamps_ns, truth.translation_m, truth.quaternion_wxyz, truth.sigma_xy_m
    )))  # fmt: skip
    _given(street, tmp_path, "a", short)
    with pytest.raises(DriveRefusedError, match="of the sweeps"):
        _localised(workspace, street, "a", source=PoseSource.given, given_folder=str(tmp_path))


def test_given_trajectories_need_a_folder() -> None:
    with pytest.raises(ConfigurationError, match="given_folder"):
        LocalizationConfig(source=PoseSource.given)
