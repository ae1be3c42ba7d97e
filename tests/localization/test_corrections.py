"""Corrections of small made-up networks of drives, computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.geometry.trajectory import Trajectory
from mapforge.localization.corrections import Agreement, Correction, Knots, solve_corrections

SECOND = 10**9


def _knots(count: int, sigma_m: float) -> Knots:
    centres = np.column_stack([np.arange(count) * 40.0, np.zeros(count), np.zeros(count)])
    return Knots(np.arange(count, dtype=np.int64) * SECOND, centres, np.full((count, 3), sigma_m))


def _agreements(shift_m: tuple[float, float, float], count: int) -> list[Agreement]:
    """Drive a must move by `shift_m` to fit b at every segment."""
    return [Agreement("a", k, "b", k, shift_m, 0.0) for k in range(count)]


def test_equals_share_a_disagreement_equally() -> None:
    found = solve_corrections({"a": _knots(3, 0.2), "b": _knots(3, 0.2)}, _agreements((0.4, -0.2, 0.0), 3), 0.01, 0.05)
    assert np.allclose(found["a"].shift_m, (0.2, -0.1, 0.0), atol=2e-3)
    assert np.allclose(found["b"].shift_m, (-0.2, 0.1, 0.0), atol=2e-3)


def test_the_surer_drive_moves_less() -> None:
    found = solve_corrections({"a": _knots(3, 0.3), "b": _knots(3, 0.1)}, _agreements((0.4, 0.0, 0.0), 3), 0.01, 0.05)
    assert found["a"].shift_m[:, 0].mean() == pytest.approx(0.36, abs=5e-3)
    assert found["b"].shift_m[:, 0].mean() == pytest.approx(-0.04, abs=5e-3)


def test_one_wild_registration_is_outvoted() -> None:
    agreements = _agreements((0.1, 0.0, 0.0), 8)
    agreements[3] = Agreement("a", 3, "b", 3, (1.9, -1.0, 0.0), 0.0)
    found = solve_corrections({"a": _knots(8, 0.2), "b": _knots(8, 0.2)}, agreements, 0.01, 0.02)
    difference = found["a"].shift_m - found["b"].shift_m
    assert np.abs(difference[[0, 1, 6, 7]] - (0.1, 0.0, 0.0)).max() < 0.04


def test_a_drive_alone_stays() -> None:
    found = solve_corrections({"a": _knots(2, 0.2), "b": _knots(2, 0.2), "c": _knots(2, 0.2)}, [], 0.01, 0.05)
    assert all(np.abs(c.shift_m).max() < 1e-12 and np.abs(c.turn_rad).max() < 1e-12 for c in found.values())


def test_applies_between_knots() -> None:
    times = np.arange(5, dtype=np.int64) * SECOND
    quaternion = np.tile([1.0, 0.0, 0.0, 0.0], (5, 1))
    trajectory = Trajectory(times, np.zeros((5, 3)), quaternion, np.zeros(5))
    shift = np.array([[0.0, 0.0, 0.0], [0.2, 0.0, -0.4]])
    moved = Correction(times[[1, 3]], shift, np.array([0.0, 0.1])).applied_to(trajectory)
    assert np.allclose(moved.translation_m[:, 0], (0.0, 0.0, 0.1, 0.2, 0.2))
    rotation, _ = moved.poses_at(times)
    assert np.allclose(np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0]), (0.0, 0.0, 0.05, 0.1, 0.1))
