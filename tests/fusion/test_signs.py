"""Detections to signs."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.fusion.signs import Sightings, fused_signs
from mapforge.schemas.elements import ElementClass, MapElement

DRIVES = ["a", "b", "c"]


def sightings(
    signs: list[tuple[float, float, float, float, str]], frames: int, sigma_m: float = 0.2, seed: int = 0
) -> Sightings:
    """Each of three drives sees each sign (x, y, z, heading, type) in some frames."""
    rng = np.random.default_rng(seed)
    rows = [(sign, drive, frame) for sign in signs for drive in range(len(DRIVES)) for frame in range(frames)]
    truth = np.array([sign[:3] for sign, _, _ in rows])
    return Sightings(
        xyz_map=truth + rng.normal(0, sigma_m, truth.shape) * (1, 1, 0.3),
        heading_rad=np.array([sign[3] for sign, _, _ in rows]) + rng.normal(0, 0.1, len(rows)),
        height_m=truth[:, 2] - 200.0,
        sigma_m=np.full(len(rows), sigma_m),
        score=np.full(len(rows), 0.8),
        sign_type=np.array([sign[4] if rng.random() > 0.2 else "unknown" for sign, _, _ in rows]),
        timestamp_ns=np.array([frame * 10**9 for _, _, frame in rows]),
        drive=np.array([drive for _, drive, _ in rows]),
    )


def fused(seen: Sightings) -> list[MapElement]:
    return fused_signs(ElementClass.TRAFFIC_SIGN, seen, DRIVES, 1.5, 0.6, np.radians(60), 2)


def test_each_sign_once_near_its_place_with_its_type() -> None:
    truth = [(10.0, 5, 202.2, 0.3, "stop"), (14, 5, 202.2, 0.3, "yield"), (10, 5, 201.3, 0.3, "one_way")]
    found = fused(sightings(truth, 8))
    assert len(found) == 3
    for x, y, z, heading, kind in truth:
        (sign,) = [s for s in found if s.attributes["sign_type"] == kind]
        assert np.linalg.norm(np.array(sign.geometry.coords[0]) - (x, y, z)) < 0.15
        assert sign.attributes["heading_rad"] == pytest.approx(heading, abs=0.1)
        assert sign.attributes["height_m"] == pytest.approx(z - 200, abs=1e-3)
        assert sign.n_drives == 3 and sign.sources == tuple(DRIVES)
        assert sign.confidence > 0.9
        assert 0.0 < sign.sigma_m[0] < 0.2


def test_signs_back_to_back_are_two() -> None:
    found = fused(sightings([(0, 0, 202, 0.0, "stop"), (0.1, 0, 202, np.pi, "no_parking")], 6))
    assert sorted(sign.attributes["sign_type"] for sign in found) == ["no_parking", "stop"]


def test_a_single_sighting_is_dropped_and_order_is_free() -> None:
    seen = sightings([(0, 0, 202, 0.0, "stop")], 4)
    order = np.random.default_rng(1).permutation(len(seen))
    assert fused(seen.take(order)) == fused(seen)
    assert fused(seen.take(np.array([0]))) == []


def test_an_unknown_heading_fits_any() -> None:
    seen = sightings([(0, 0, 202, 1.0, "stop")], 4)
    seen.heading_rad[::2] = np.nan
    (sign,) = fused(seen)
    assert sign.attributes["heading_rad"] == pytest.approx(1.0, abs=0.1)


def test_a_far_wrong_sighting_hardly_moves_the_sign() -> None:
    seen = sightings([(0, 0, 202, 0.0, "stop")], 5, sigma_m=0.1)
    seen.xyz_map[0, 0] += 1.0
    (sign,) = fused(seen)
    assert abs(sign.geometry.x) < 0.08
