"""Drives of one street, each with its own GNSS bias."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mapforge.geometry.trajectory import Trajectory
from mapforge.io.trajectories import (
    TrajectoryInfo,
    read_sigma_relative,
    read_trajectory,
    read_trajectory_info,
    write_trajectory,
)
from mapforge.io.workspace import Workspace
from mapforge.localization import alignment, settling
from mapforge.localization.alignment_config import AlignmentConfig
from mapforge.localization.datum import datum_of_sets
from mapforge.localization.settled import Ledger, Standing, read_ledger, which_move
from mapforge.localization.settling import AlignmentInputs

BIASES_M = {"a": (0.3, 0.0, 0.2), "b": (-0.1, -0.3, -0.3), "c": (0.0, 0.2, 0.0)}
CONFIG = AlignmentConfig(segment_m=15.0)
SWEEPS = 30
FINGERPRINTS = {name: f"own {name}" for name in "abcd"}


@pytest.fixture(scope="module")
def drives(street: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with every drive placed by its own log; d's GNSS lies by 3 m and says 0.2 m."""
    workspace = Workspace(tmp_path_factory.mktemp("drives"))
    for name, bias in {**BIASES_M, "d": (2.5, -1.6, 0.0)}.items():
        street.write_drive(workspace, name, sweeps=SWEEPS)
        times = street.truth.timestamps_ns[::10]
        wander = np.array([0.05, -0.05, 0.0]) * np.linspace(-0.5, 0.5, len(times))[:, None]
        path = Trajectory(
            times,
            street.truth.translation_m[::10] + bias + wander,
            street.truth.quaternion_wxyz[::10],
            np.full(len(times), 0.2),
        )
        info = TrajectoryInfo(street.frame, "lidar+gnss", name, True, FINGERPRINTS[name])
        write_trajectory(path, np.full(len(times), 0.4), info, workspace.unaligned_trajectory(name), workspace.tmp)
    return workspace.root


@pytest.fixture
def placed(drives: Path, workspace: Workspace) -> Workspace:
    (workspace.root / "drives").symlink_to(drives / "drives")
    shutil.copytree(drives / "trajectories", workspace.root / "trajectories")
    return workspace


def _align(workspace: Workspace, street: Any, names: str, config: AlignmentConfig = CONFIG) -> Ledger:
    moves = which_move(workspace, {name: FINGERPRINTS[name] for name in names}, config.readjust)
    inputs = AlignmentInputs(workspace, moves.moving, moves.frozen, street.frame, FINGERPRINTS, "job")
    return alignment.run(inputs, config)


def _mean_error(path: Path, street: Any) -> np.ndarray:
    times = np.arange(street.start_ns, street.start_ns + (SWEEPS - 5) * street.sweep_ns, street.sweep_ns)
    found = read_trajectory(path, street.frame)
    return np.asarray((found.poses_at(times)[1] - street.truth.poses_at(times)[1]).mean(axis=0))


def test_drives_agree_afterwards_and_their_mean_stays(placed: Workspace, street: Any) -> None:
    ledger = _align(placed, street, "bac")
    before = np.array([_mean_error(placed.unaligned_trajectory(name), street) for name in "abc"])
    after = np.array([_mean_error(placed.trajectory(name), street) for name in "abc"])
    assert np.linalg.norm(before[0] - before[1]) > 0.4
    assert np.ptp(after[:, :2], axis=0).max() < 0.03
    assert np.abs(after.mean(axis=0) - before.mean(axis=0)).max() < 0.05
    info = read_trajectory_info(placed.trajectory("a"))
    assert (info.source, info.fingerprint, info.aligned_set) == ("lidar+gnss+aligned", "job", "a")
    own = read_trajectory(placed.unaligned_trajectory("a"), street.frame).sigma_xy_m.mean()
    assert info.datum_sigma_m == pytest.approx(own / np.sqrt(3), rel=0.1)
    assert read_sigma_relative(placed.trajectory("a")).mean() < 0.05
    assert read_trajectory(placed.trajectory("a"), street.frame).sigma_xy_m.mean() == pytest.approx(
        np.hypot(info.datum_sigma_m, 0.02), rel=0.2
    )
    datum = datum_of_sets(ledger.drives)["a"]
    assert datum.drives == 3 and np.abs(datum.offset_m).max() < 0.02
    assert datum.sigma_m[0] == pytest.approx(info.datum_sigma_m, abs=1e-4)


def test_a_settled_drive_keeps_its_bytes_and_new_ones_come_to_it(placed: Workspace, street: Any) -> None:
    _align(placed, street, "ab")
    settled = {name: placed.trajectory(name).read_bytes() for name in "ab"}
    ledger = _align(placed, street, "abc")
    assert {name: placed.trajectory(name).read_bytes() for name in "ab"} == settled
    after = np.array([_mean_error(placed.trajectory(name), street) for name in "abc"])
    assert np.ptp(after[:, :2], axis=0).max() < 0.03
    assert ledger.drives["c"].aligned_set == "a"
    # the map lies where a and b put it; all three would put it elsewhere by the share of c
    own = np.array([_mean_error(placed.unaligned_trajectory(name), street) for name in "abc"])
    off = datum_of_sets(ledger.drives)["a"].offset_m
    assert np.allclose(off[:2], own[:2, :2].mean(axis=0) - own[:, :2].mean(axis=0), atol=0.03)
    shared = np.sqrt(
        read_trajectory(placed.trajectory("c"), street.frame).sigma_xy_m ** 2
        - read_sigma_relative(placed.trajectory("c")) ** 2
    )
    assert shared.mean() == pytest.approx(read_trajectory_info(placed.trajectory("a")).datum_sigma_m, rel=0.1)
    _align(placed, street, "abc", AlignmentConfig(segment_m=15.0, readjust=True))
    assert placed.trajectory("a").read_bytes() != settled["a"]


def test_a_kill_before_the_ledger_leaves_no_trace(
    placed: Workspace, street: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Died after one new trajectory was written: the next run moves the same drives again, to the same bytes."""
    _align(placed, street, "a")
    whole = Workspace(placed.root / "whole")
    shutil.copytree(placed.root / "trajectories", whole.root / "trajectories")
    (whole.root / "drives").symlink_to(placed.root / "drives")
    _align(whole, street, "abc")

    write, written = settling.write_trajectory, []

    def dying(*arguments: Any) -> None:
        if written:
            raise KeyboardInterrupt
        write(*arguments)
        written.append(arguments)

    monkeypatch.setattr(settling, "write_trajectory", dying)
    with pytest.raises(KeyboardInterrupt):
        _align(placed, street, "abc")
    monkeypatch.undo()
    assert set(read_ledger(placed).drives) == {"a"}
    _align(placed, street, "cba")
    for name in "abc":
        assert placed.trajectory(name).read_bytes() == whole.trajectory(name).read_bytes()
    assert placed.settled.read_bytes() == whole.settled.read_bytes()


def test_a_drive_whose_gnss_lies_is_left_out(placed: Workspace, street: Any) -> None:
    ledger = _align(placed, street, "abcd")
    assert ledger.drives["d"].standing is Standing.refused
    assert "a, b, c" in ledger.refused()["d"]
    assert not placed.trajectory("d").exists()
    after = np.array([_mean_error(placed.trajectory(name), street) for name in "abc"])
    own = np.array([_mean_error(placed.unaligned_trajectory(name), street) for name in "abc"])
    assert np.ptp(after[:, :2], axis=0).max() < 0.03
    assert np.abs(after.mean(axis=0) - own.mean(axis=0)).max() < 0.05
    assert which_move(placed, FINGERPRINTS).refused == ("d",)


def test_one_drive_keeps_its_path(placed: Workspace, street: Any) -> None:
    ledger = _align(placed, street, "a")
    assert ledger.drives["a"].standing is Standing.alone
    own, kept = (read_trajectory(p, street.frame) for p in (placed.unaligned_trajectory("a"), placed.trajectory("a")))
    assert np.array_equal(kept.translation_m, own.translation_m)
    info = read_trajectory_info(placed.trajectory("a"))
    assert info.source == "lidar+gnss" and info.datum_sigma_m == pytest.approx(0.2)


def test_without_alignment_every_drive_keeps_its_own_path(placed: Workspace, street: Any) -> None:
    ledger = _align(placed, street, "abc", AlignmentConfig(enabled=False))
    assert {entry.standing for entry in ledger.drives.values()} == {Standing.alone}
    for name in "abc":
        found, own = (
            read_trajectory(path, street.frame) for path in (placed.trajectory(name), placed.unaligned_trajectory(name))
        )
        assert np.array_equal(found.translation_m, own.translation_m)
        assert np.array_equal(found.sigma_xy_m, np.minimum(own.sigma_xy_m, found.sigma_xy_m))
