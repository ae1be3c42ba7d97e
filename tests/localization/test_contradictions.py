"""Which drive of a small network is left out."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.trajectories import TrajectoryInfo
from mapforge.localization.alignment_config import AlignmentConfig
from mapforge.localization.bending import bending_sigma_m
from mapforge.localization.contradictions import worst_contradiction
from mapforge.localization.corrections import Agreement, adjust
from mapforge.localization.datum import datum_of_sets
from mapforge.localization.placed_drives import PlacedDrive
from mapforge.localization.segments import pieces_of
from mapforge.localization.settled import SettledDrive, Standing

CONFIG = AlignmentConfig()
SIGMA_M = 0.02
PAIRS = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "d"), ("b", "d"), ("c", "d")]


def _drive(name: str, sigma_m: float = 0.2) -> PlacedDrive:
    """240 m straight at 10 m/s: six pieces."""
    at = np.arange(0.0, 241.0, 5.0)
    times = (at * 1e8).astype(np.int64)
    count = len(at)
    path = Trajectory(
        times,
        np.column_stack([at, np.zeros(count), np.zeros(count)]),
        np.tile([1.0, 0.0, 0.0, 0.0], (count, 1)),
        np.full(count, sigma_m),
    )
    info = TrajectoryInfo(MapFrame(32632, (0.0, 0.0)), "lidar+gnss", name, True, "f")
    return PlacedDrive(
        path, np.full(count, 2 * sigma_m), np.full(count, sigma_m), info, pieces_of(path, CONFIG.segment_m, 5.0)
    )


def _agreements(errors: dict[str, np.ndarray], rng: np.random.Generator) -> list[Agreement]:
    """Every pair at every piece; errors: (6, 3) or (3,) of each drive."""
    information = np.diag([1.0, 1.0, 1.0, 400.0]) / SIGMA_M**2
    found = []
    for a, b in PAIRS:
        for k in range(6):
            shift = np.broadcast_to(errors[b] - errors[a], (6, 3))[k] + rng.normal(0.0, SIGMA_M, 3)
            b_ns = int(_drive(b).pieces.centre_ns[k])
            found.append(Agreement(a, k, b, b_ns, np.zeros(3), shift, 0.0, information))
    return found


def _worst(errors: dict[str, np.ndarray], agreements: list[Agreement] | None = None):
    drives = {name: _drive(name) for name in "abcd"}
    found = agreements or _agreements(errors, np.random.default_rng(1))
    adjustment = adjust({name: drive.knots(CONFIG, 0.05) for name, drive in drives.items()}, found)
    return worst_contradiction(adjustment, drives, CONFIG)


def _errors(**own: tuple[float, float, float]) -> dict[str, np.ndarray]:
    usual = {"a": (0.2, -0.1, 0.3), "b": (-0.2, 0.2, -0.2), "c": (0.1, 0.1, 0.0), "d": (0.0, -0.3, 0.1)}
    return {name: np.array(error) for name, error in {**usual, **own}.items()}


def test_usual_gnss_errors_are_no_contradiction() -> None:
    assert _worst(_errors()) is None


def test_a_drive_far_beyond_its_own_sigma() -> None:
    found = _worst(_errors(c=(2.4, 0.0, 0.0)))
    assert found is not None and found.drive == "c"
    assert "times its own uncertainty" in found.reason and found.neighbours == ("a", "b", "d")


def test_a_drive_whose_registrations_contradict_each_other() -> None:
    rng = np.random.default_rng(2)
    agreements = _agreements(_errors(), rng)
    for n, agreement in enumerate(agreements):
        if agreement.b == "d":
            noise = rng.uniform(-1.0, 1.0, 3)
            agreements[n] = Agreement(
                "abc"[n % 3], agreement.knot, "d", agreement.b_ns, np.zeros(3), noise, 0.0, agreement.information
            )
    found = _worst({}, agreements)
    assert found is not None and found.drive == "d" and "contradict" in found.reason


def test_bending_is_what_the_registrations_show() -> None:
    drives = {name: _drive(name) for name in "abcd"}
    rng = np.random.default_rng(4)
    true_m = 0.15
    bent = {name: np.cumsum(rng.normal(0.0, true_m, (6, 3)), axis=0) for name in "abcd"}
    found = bending_sigma_m(drives, frozenset("abcd"), _agreements(bent, rng), CONFIG)
    assert found == pytest.approx(true_m, rel=0.35)
    assert bending_sigma_m(drives, frozenset("abcd"), [], CONFIG) == CONFIG.bending_sigma_m


def test_datum_of_a_set_that_grew() -> None:
    """Two drives settled the map; a third, as sure as they, would have it 0.3 m farther east."""

    def entry(shift_m: tuple[float, float, float]) -> SettledDrive:
        return SettledDrive(
            Standing.aligned, "u", "s", "f", (0.0, 0.0, 1.0, 1.0), "a", shift_m, (0.2, 0.4), disagreement_m=0.01
        )

    drives = {"a": entry((0.1, 0.0, 0.0)), "b": entry((-0.1, 0.0, 0.0)), "c": entry((-0.3, 0.0, 0.0))}
    datum = datum_of_sets(drives)["a"]
    assert datum.offset_m == pytest.approx((-0.1, 0.0, 0.0))
    assert datum.sigma_m == pytest.approx((0.2 / np.sqrt(3), 0.4 / np.sqrt(3)), abs=1e-4)
    assert datum.offset_sigmas == pytest.approx(0.1 / (0.2 / np.sqrt(3)), rel=1e-3)
