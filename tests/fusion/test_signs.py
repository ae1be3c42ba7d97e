"""Detections to signs."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.fusion.sightings import Sightings
from mapforge.fusion.sign_tracks import SignGates, tracks_of
from mapforge.fusion.signs import fused_signs, identities, looked
from mapforge.schemas.detections import SIGN_TYPES
from mapforge.schemas.elements import ElementClass, MapElement

DRIVES = ["a", "b", "c"]
GATES = SignGates(1.5, 0.8, np.radians(100))


def sightings(
    signs: list[tuple[float, float, float, float, str]], frames: int, sigma_m: float = 0.2, seed: int = 0
) -> Sightings:
    """Each of three drives sees each sign (x, y, z, heading, type) in some frames, all signs in every frame."""
    rng = np.random.default_rng(seed)
    rows = [(sign, drive, frame) for sign in signs for drive in range(len(DRIVES)) for frame in range(frames)]
    truth = np.array([sign[:3] for sign, _, _ in rows])
    types = [sign[4] if rng.random() > 0.2 else "unknown" for sign, _, _ in rows]
    return Sightings(
        xyz_map=truth + rng.normal(0, sigma_m, truth.shape) * (1, 1, 0.3),
        heading_rad=np.array([sign[3] for sign, _, _ in rows]) + rng.normal(0, 0.1, len(rows)),
        height_m=truth[:, 2] - 200.0,
        sigma_m=np.full(len(rows), sigma_m),
        score=np.full(len(rows), 0.8),
        type_shares=np.eye(len(SIGN_TYPES))[[SIGN_TYPES.index(name) for name in types]],
        embedding=np.zeros((len(rows), 4)),
        timestamp_ns=np.array([frame * 10**9 for _, _, frame in rows]),
        drive=np.array([drive for _, drive, _ in rows]),
        picture=np.array([drive * frames + frame for _, drive, frame in rows]),
    )


def fused(seen: Sightings, paths: list[np.ndarray | None] | None = None) -> list[MapElement]:
    return fused_signs(ElementClass.TRAFFIC_SIGN, seen, DRIVES, paths or [None] * 3, GATES, 0.5)


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


def test_two_boxes_of_one_picture_are_two_signs() -> None:
    """Alike and 0.7 m apart: only the frames that show both tell that there are two."""
    truth = [(0.0, 0.0, 202.0, 0.0, "no_parking"), (0.0, 0.7, 202.0, 0.0, "no_parking")]
    seen = sightings(truth, 6, sigma_m=0.1)
    assert len(fused(seen)) == 2
    seen.picture[:] = np.arange(len(seen))
    assert len(identities(tracks_of(seen, GATES), seen, GATES)) == 1


def approach(last_x: float) -> np.ndarray:
    """A path along x towards the sign at the origin that faces it."""
    x = np.arange(last_x - 60.0, last_x, 1.0)
    return np.stack([x, np.full_like(x, -3.0), np.full_like(x, 200.0)], axis=1)


def test_a_sign_that_most_drives_missed_is_doubted() -> None:
    seen = sightings([(0.0, 0.0, 202.0, np.pi, "stop")], 3)
    only_first = seen.take(seen.drive == 0)
    passed: list[np.ndarray | None] = [approach(5.0)] * 3
    elsewhere: list[np.ndarray | None] = [approach(5.0), approach(-100.0), None]
    (doubted,), (believed,), (sure,) = fused(only_first, passed), fused(only_first, elsewhere), fused(seen, passed)
    assert doubted.confidence < believed.confidence < sure.confidence


def test_a_drive_looked_when_it_came_towards_the_face() -> None:
    away = approach(5.0)[::-1].copy()
    centre = np.array([0.0, 0.0, 202.0])
    assert looked(centre, np.pi, [approach(5.0), away, approach(-100.0), None]).tolist() == [True, False, False, False]
    assert not looked(centre, 0.0, [approach(5.0)])[0]  # its back


def test_a_stray_sighting_along_the_line_of_sight_is_no_second_sign() -> None:
    seen = sightings([(0.0, 0.0, 202.0, 0.0, "stop")], 4, sigma_m=0.1)
    seen.xyz_map[0, 0] += 2.2
    assert len(identities(tracks_of(seen, GATES), seen, GATES)) == 1


def test_looks_keep_neighbours_of_different_drives_apart() -> None:
    """Two drives, each saw another of two signs half a metre apart: type and embedding tell them apart."""
    seen = sightings([(0.0, 0.0, 202.0, 0.0, "stop")], 4, sigma_m=0.15)
    other = sightings([(0.6, 0.0, 202.0, 0.0, "yield")], 4, sigma_m=0.15)
    seen, other = seen.take(seen.drive == 0), other.take(other.drive == 1)
    together = Sightings(
        *(np.concatenate([getattr(seen, name), getattr(other, name)]) for name in Sightings.__dataclass_fields__)
    )
    together.embedding[: len(seen), 0], together.embedding[len(seen) :, 1] = 1.0, 1.0
    together.type_shares[: len(seen)] = np.eye(len(SIGN_TYPES))[SIGN_TYPES.index("stop")]
    together.type_shares[len(seen) :] = np.eye(len(SIGN_TYPES))[SIGN_TYPES.index("yield")]
    assert len(identities(tracks_of(together, GATES), together, GATES)) == 2


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
