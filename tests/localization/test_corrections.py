"""Corrections of small made-up networks of drives, computed by hand, and of large ones, judged by their own sigmas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from mapforge.geometry.trajectory import Trajectory
from mapforge.localization.corrections import Agreement, Correction, Knots, adjust, difference
from mapforge.localization.uncertainty import sigmas_of

SECOND = 10**9
SIGMA_M = 0.02


def _knots(count: int, sigma_m: float, step_sigma_m: float = 0.03) -> Knots:
    centres = np.column_stack([np.arange(count) * 40.0, np.zeros(count), np.zeros(count)])
    sigma = np.tile([sigma_m, sigma_m, sigma_m, 0.01], (count, 1))
    step = np.tile([step_sigma_m] * 3 + [0.003], (count - 1, 1))
    return Knots(np.arange(count, dtype=np.int64) * SECOND, centres, sigma, step)


def _agreement(
    a: str, knot: int, b: str, shift_m: tuple[float, float, float], beside_m: float = 0.0, y_known: bool = True
) -> Agreement:
    """Drive a's knot, where b was at the same time, some metres beside."""
    information = np.diag([1.0, float(y_known), 1.0, 400.0]) / SIGMA_M**2
    return Agreement(a, knot, b, knot * SECOND, np.array([0.0, beside_m, 0.0]), np.array(shift_m), 0.0, information)


def _agreements(shift_m: tuple[float, float, float], count: int) -> list[Agreement]:
    """Drive a must move by `shift_m` to fit b at every knot."""
    return [_agreement("a", k, "b", shift_m) for k in range(count)]


def test_equals_share_a_disagreement_equally() -> None:
    found = adjust({"a": _knots(3, 0.2), "b": _knots(3, 0.2)}, _agreements((0.4, -0.2, 0.0), 3)).corrections
    assert np.allclose(found["a"].shift_m, (0.2, -0.1, 0.0), atol=2e-3)
    assert np.allclose(found["b"].shift_m, (-0.2, 0.1, 0.0), atol=2e-3)


def test_the_surer_drive_moves_less() -> None:
    found = adjust({"a": _knots(3, 0.3), "b": _knots(3, 0.1)}, _agreements((0.4, 0.0, 0.0), 3)).corrections
    assert found["a"].shift_m[:, 0].mean() == pytest.approx(0.36, abs=5e-3)
    assert found["b"].shift_m[:, 0].mean() == pytest.approx(-0.04, abs=5e-3)


def test_a_frozen_drive_does_not_move() -> None:
    found = adjust({"a": _knots(3, 0.3)}, _agreements((0.4, -0.1, 0.2), 3))
    assert set(found.corrections) == {"a"}
    assert np.allclose(found.corrections["a"].shift_m, (0.4, -0.1, 0.2), atol=5e-3)


def test_a_turn_carries_what_lies_beside() -> None:
    """b turned by 0.01 rad about itself moves its view of a, 2 m to its left, by -0.02 m along x."""
    corrections = {
        "a": Correction(np.arange(2) * SECOND, np.zeros((2, 3)), np.zeros(2)),
        "b": Correction(np.arange(2) * SECOND, np.zeros((2, 3)), np.full(2, 0.01)),
    }
    moved = difference(_agreement("a", 0, "b", (0.0, 0.0, 0.0), beside_m=2.0), corrections)
    assert np.allclose(moved, (0.02, 0.0, 0.0, -0.01))


@pytest.mark.parametrize("wild", [1, 3])
def test_wild_registrations_are_outvoted_and_named(wild: int) -> None:
    agreements = _agreements((0.1, 0.0, 0.0), 8)
    for k in range(2, 2 + wild):
        agreements[k] = _agreement("a", k, "b", (1.9, -1.0, 0.0))
    found = adjust({"a": _knots(8, 0.2), "b": _knots(8, 0.2)}, agreements)
    apart = found.corrections["a"].shift_m - found.corrections["b"].shift_m
    assert np.abs(apart - (0.1, 0.0, 0.0)).max() < 0.02
    assert np.array_equal(np.flatnonzero(found.weights == 0.0), np.arange(2, 2 + wild))


def test_an_unseen_direction_is_left_to_gnss() -> None:
    """Along a street without structure the registration says nothing, whatever it came to."""
    agreements = [_agreement("a", k, "b", (0.2, 1.5, 0.0), y_known=False) for k in range(3)]
    found = adjust({"a": _knots(3, 0.2), "b": _knots(3, 0.2)}, agreements)
    assert np.allclose(found.corrections["a"].shift_m[:, 0], 0.1, atol=2e-3)
    assert np.abs(found.corrections["a"].shift_m[:, 1]).max() < 1e-3
    sigmas = sigmas_of(found, {}, 0.0)["a"]
    assert sigmas.relative_m is not None and sigmas.relative_m.min() > 0.08  # mean of both axes' variances


def test_a_drive_alone_stays() -> None:
    found = adjust({"a": _knots(2, 0.2), "b": _knots(2, 0.2), "c": _knots(2, 0.2)}, [])
    assert all(np.abs(c.shift_m).max() < 1e-12 and np.abs(c.turn_rad).max() < 1e-12 for c in found.corrections.values())
    sigmas = sigmas_of(found, {}, 0.0)["a"]
    assert sigmas.relative_m is None and np.allclose(sigmas.xy_m, 0.2)


def test_sigmas_of_two_drives_by_hand() -> None:
    """One knot each: the mean of both GNSS is known to 0.2 / sqrt 2, their difference to the registration's sigma."""
    found = adjust({"a": _knots(1, 0.2), "b": _knots(1, 0.2)}, _agreements((0.1, 0.0, 0.0), 1))
    sigmas = sigmas_of(found, {}, 0.0)["a"]
    assert sigmas.relative_m is not None
    assert sigmas.relative_m[0] == pytest.approx(SIGMA_M / np.sqrt(2), rel=0.02)
    assert sigmas.xy_m[0] == pytest.approx(np.hypot(0.2 / np.sqrt(2), SIGMA_M / 2), rel=0.02)


def test_a_new_drive_takes_on_the_error_of_the_frozen_ones() -> None:
    found = adjust({"a": _knots(3, 0.3)}, _agreements((0.0, 0.0, 0.0), 3))
    sigmas = sigmas_of(found, {"b": (0.1, 0.2)}, 0.0)["a"]
    assert sigmas.xy_m == pytest.approx(np.full(3, 0.1), rel=0.05)
    assert sigmas.z_m == pytest.approx(np.full(3, 0.2), rel=0.05)
    assert sigmas.relative_m is not None and sigmas.relative_m.max() < SIGMA_M


def test_stated_sigmas_hold_over_random_networks() -> None:
    """Errors drawn from the model: normalised absolute and relative errors follow a chi-square law."""
    rng = np.random.default_rng(3)
    absolute, relative = [], []
    for _ in range(60):
        knots = {name: _knots(6, 0.2, 0.05) for name in "abcd"}
        error = {name: _drawn(rng, own) for name, own in knots.items()}
        agreements = [
            _agreement(a, k, b, tuple(error[b][k] - error[a][k] + rng.normal(0.0, SIGMA_M, 3)))
            for a, b in ("ab", "ac", "bd", "cd", "ad")
            for k in range(6)
        ]
        found = adjust(knots, agreements)
        sigmas = sigmas_of(found, {}, 0.0)
        left = {name: error[name] + found.corrections[name].shift_m for name in knots}
        absolute.append((left["a"][2, :2] / sigmas["a"].xy_m[2]) ** 2)
        others = (left["b"] + left["c"] + left["d"])[2, :2] / 3.0
        assert sigmas["a"].relative_m is not None
        relative.append(((left["a"][2, :2] - others) / sigmas["a"].relative_m[2]) ** 2 * 3.0 / 4.0)
    for squares in (np.array(absolute), np.array(relative)):
        low, high = chi2.ppf([0.001, 0.999], squares.size) / squares.size
        assert low < squares.mean() < high


def test_applies_between_knots() -> None:
    times = np.arange(5, dtype=np.int64) * SECOND
    quaternion = np.tile([1.0, 0.0, 0.0, 0.0], (5, 1))
    trajectory = Trajectory(times, np.zeros((5, 3)), quaternion, np.zeros(5))
    shift = np.array([[0.0, 0.0, 0.0], [0.2, 0.0, -0.4]])
    moved = Correction(times[[1, 3]], shift, np.array([0.0, 0.1])).applied_to(trajectory)
    assert np.allclose(moved.translation_m[:, 0], (0.0, 0.0, 0.1, 0.2, 0.2))
    rotation, _ = moved.poses_at(times)
    assert np.allclose(np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0]), (0.0, 0.0, 0.05, 0.1, 0.1))


def _drawn(rng: np.random.Generator, knots: Knots) -> np.ndarray:
    """(K, 3) one draw of a drive's error: stationary with the stated sigma, alike from knot to knot."""
    sigma = knots.sigma_m[0, 0]
    alike = 1.0 - knots.step_sigma_m[0, 0] ** 2 / (2.0 * sigma**2)
    error = [rng.normal(0.0, sigma, 3)]
    for _ in range(len(knots.times_ns) - 1):
        error.append(alike * error[-1] + rng.normal(0.0, sigma * np.sqrt(1.0 - alike**2), 3))
    return np.array(error)
