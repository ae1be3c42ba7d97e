"""Two drives of one street, each with its own GNSS bias."""

from __future__ import annotations

from typing import Any

import numpy as np

from mapforge.geometry.trajectory import Trajectory
from mapforge.io.trajectories import read_trajectory, read_trajectory_info
from mapforge.io.workspace import Workspace
from mapforge.localization import alignment, stage
from mapforge.localization.config import AlignmentConfig, LocalizationConfig

BIASES_M = {"a": (0.3, 0.0, 0.2), "b": (-0.1, -0.3, -0.3)}


def _mean_error(found: Trajectory, street: Any) -> np.ndarray:
    times = np.arange(street.start_ns, street.start_ns + 35 * street.sweep_ns, street.sweep_ns)
    return (found.poses_at(times)[1] - street.truth.poses_at(times)[1]).mean(axis=0)


def test_drives_agree_afterwards_and_their_mean_stays(workspace: Workspace, street: Any) -> None:
    config = LocalizationConfig(alignment=AlignmentConfig(segment_m=15.0))
    for name, bias in BIASES_M.items():
        street.write_drive(workspace, name, sweeps=40, gnss_bias_m=bias)
        stage.run(stage.LocalizationInputs(workspace, name, street.frame, None, "own", aligned_later=True), config)
        assert not workspace.trajectory(name).exists()
    inputs = alignment.AlignmentInputs(workspace, ("b", "a"), street.frame, {"a": "fa", "b": "fb"})
    alignment.run(inputs, config)
    before = {
        name: _mean_error(read_trajectory(workspace.unaligned_trajectory(name), street.frame), street)
        for name in BIASES_M
    }
    after = {name: _mean_error(read_trajectory(workspace.trajectory(name), street.frame), street) for name in BIASES_M}
    assert np.linalg.norm(before["a"] - before["b"]) > 0.4
    assert np.linalg.norm(after["a"] - after["b"]) < 0.04
    assert np.abs((after["a"] + after["b"]) - (before["a"] + before["b"])).max() < 0.08
    info = read_trajectory_info(workspace.trajectory("a"))
    assert (info.source, info.fingerprint) == ("lidar+gnss+aligned", "fa")
    written = [workspace.trajectory(name).read_bytes() for name in "ab"]
    alignment.run(alignment.AlignmentInputs(workspace, ("a", "b"), street.frame, {"a": "fa", "b": "fb"}), config)
    assert [workspace.trajectory(name).read_bytes() for name in "ab"] == written


def test_one_drive_keeps_its_path(workspace: Workspace, street: Any) -> None:
    poses = street.true_poses(f"EPSG:{street.frame.epsg}", "dataset")
    street.write_drive(workspace, "a", sweeps=2, poses=poses)
    config = LocalizationConfig()
    stage.run(stage.LocalizationInputs(workspace, "a", street.frame, None, "own", aligned_later=True), config)
    corrections = alignment.run(alignment.AlignmentInputs(workspace, ("a",), street.frame, {"a": "fa"}), config)
    assert corrections == {}
    kept = read_trajectory(workspace.trajectory("a"), street.frame)
    assert np.array_equal(
        kept.translation_m, read_trajectory(workspace.unaligned_trajectory("a"), street.frame).translation_m
    )
    assert read_trajectory_info(workspace.trajectory("a")).source == "log_poses"
