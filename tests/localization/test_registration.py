"""One piece against another: what is found, what is refused, and what is known of it."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.localization.agreements import believed_information, matching_of
from mapforge.localization.alignment_config import AlignmentConfig
from mapforge.localization.registration import PlacedCloud, Registration, register
from mapforge.localization.segments import PieceCloud

CONFIG = AlignmentConfig()
MATCHING = matching_of(CONFIG)


def _ground(rng: np.random.Generator) -> np.ndarray:
    return np.column_stack([rng.uniform(-30, 30, (40_000, 2)), rng.normal(0.0, 0.01, 40_000)])


def _wall(rng: np.random.Generator, along: int, at_m: float, start_m: float, end_m: float) -> np.ndarray:
    """Upright along x (0) or y (1), 5 m high."""
    points = np.empty((6000, 3))
    points[:, along] = rng.uniform(start_m, end_m, 6000)
    points[:, 1 - along] = at_m + rng.normal(0.0, 0.01, 6000)
    points[:, 2] = rng.uniform(0.0, 5.0, 6000)
    return points


def _street(rng: np.random.Generator) -> list[np.ndarray]:
    """Houses on both sides with gaps of other sizes, whose side walls look along the street."""
    fronts = [_wall(rng, 0, 8.0, -28.0, -9.0), _wall(rng, 0, 9.0, -4.0, 25.0), _wall(rng, 0, -9.0, -20.0, 12.0)]
    sides = [_wall(rng, 1, -9.0, 8.0, 20.0), _wall(rng, 1, -4.0, 9.0, 22.0), _wall(rng, 1, 12.0, -22.0, -9.0)]
    return [_ground(rng), *fronts, *sides]


def _cloud(parts: list[np.ndarray], offset_m: tuple[float, float, float] = (0.0, 0.0, 0.0), yaw: float = 0.0):
    c, s = np.cos(yaw), np.sin(yaw)
    points = np.concatenate(parts) @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]).T + offset_m
    cloud = PieceCloud.of(points, CONFIG.downsampling_m)
    assert cloud is not None
    return PlacedCloud(cloud, np.eye(4))


def _sigma_m(found: Registration) -> np.ndarray:
    covariance = np.linalg.inv(believed_information(found, 0.0, CONFIG) + 1e-3 * np.eye(4))
    return np.asarray(np.sqrt(np.diag(covariance)))


def test_finds_shift_and_turn() -> None:
    target = _cloud(_street(np.random.default_rng(1)))
    found = register(_cloud(_street(np.random.default_rng(2)), (-0.5, 0.3, -0.2), -0.01), [target], MATCHING)
    assert found is not None
    assert np.allclose(found.shift_m, (0.5, -0.3, 0.2), atol=0.02)
    assert found.turn_rad == pytest.approx(0.01, abs=1e-3)
    assert found.overlap > 0.9 and found.sharpness > 0.9
    assert _sigma_m(found)[:2].max() < 0.03


def test_finds_what_lies_metres_away() -> None:
    target = _cloud(_street(np.random.default_rng(1)))
    found = register(_cloud(_street(np.random.default_rng(2)), (2.0, -1.0, 0.0)), [target], MATCHING)
    assert found is not None and np.allclose(found.shift_m, (-2.0, 1.0, 0.0), atol=0.03)
    assert register(_cloud(_street(np.random.default_rng(2)), (60.0, 0.0, 0.0)), [target], MATCHING) is None


def test_parked_cars_that_left_do_no_harm() -> None:
    rng = np.random.default_rng(3)
    cars = [[_wall(rng, k, 5.0 + 2 * k, x, x + 2.0)[:, :] * (1, 1, 0.3) for k in (0, 1)] for x in (-20, -12, 2, 8)]
    there, gone = [p for car in cars[:2] for p in car], [p for car in cars[2:] for p in car]
    target = _cloud([*_street(np.random.default_rng(1)), *there])
    found = register(_cloud([*_street(np.random.default_rng(2)), *gone], (0.4, 0.2, 0.0)), [target], MATCHING)
    assert found is not None and np.allclose(found.shift_m[:2], (-0.4, -0.2), atol=0.03)


def test_a_corridor_tells_nothing_along_it() -> None:
    def corridor(seed: int) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        return [_ground(rng), _wall(rng, 0, 8.0, -60.0, 60.0), _wall(rng, 0, -8.0, -60.0, 60.0)]

    found = register(_cloud(corridor(2), (0.0, 0.3, 0.0)), [_cloud(corridor(1))], MATCHING)
    assert found is not None
    assert found.shift_m[1] == pytest.approx(-0.3, abs=0.02)
    sigma = _sigma_m(found)
    assert sigma[1] < 0.03 < 0.15 < sigma[0]


def test_ground_alone_and_another_street_are_refused() -> None:
    ground = [_ground(np.random.default_rng(4))]
    assert register(_cloud(ground), [_cloud(ground)], MATCHING) is None
    rng = np.random.default_rng(5)
    other = [_ground(rng), _wall(rng, 1, 3.0, -25.0, 25.0), _wall(rng, 0, 16.0, -3.0, 28.0), _wall(rng, 1, -22.0, 0, 9)]
    assert register(_cloud(_street(rng)), [_cloud(other)], MATCHING) is None
