from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.perception.sign_triangulation import Sightings, triangulate


def sightings_of(
    things: np.ndarray, eyes: np.ndarray, sigma_rad: float, seed: int, strays: int = 0
) -> tuple[Sightings, np.ndarray]:
    """Every thing of 1 m height seen from every eye with noise, and stray directions; and who is who (-1 stray)."""
    rng = np.random.default_rng(seed)
    eye = np.repeat(eyes, len(things), axis=0)
    towards = np.tile(things, (len(eyes), 1)) - eye
    owner = np.tile(np.arange(len(things)), len(eyes))
    eye = np.concatenate([eye, rng.permutation(eyes)[:strays]])
    towards = np.concatenate([towards, rng.normal(0, 1, (strays, 3)) * (10.0, 10.0, 1.0)])
    distance = np.linalg.norm(towards, axis=1, keepdims=True)
    rays = towards / distance + rng.normal(0, sigma_rad / 2, towards.shape)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    size = 1.0 / distance[:, 0] * np.exp(rng.normal(0, 0.05, len(rays)))
    return Sightings(eye, rays, np.full(len(eye), sigma_rad), size), np.concatenate([owner, np.full(strays, -1)])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_lights_over_the_road_are_found_among_strays(seed: int) -> None:
    things = np.array([[40.0, -2.0, 5.2], [40.0, 2.0, 5.2], [44.0, 9.0, 4.0]])
    eyes = np.column_stack([np.arange(0.0, 24.0, 3.0), np.zeros(8), np.full(8, 1.5)])
    sightings, owner = sightings_of(things, eyes, 0.004, seed, strays=4)
    found = triangulate(sightings, 3, 70.0)
    assert len(found) >= 3
    for thing in range(3):
        best = min(found, key=lambda f: float(np.linalg.norm(f.xyz_map - things[thing])))
        assert np.linalg.norm(best.xyz_map - things[thing]) < max(0.5, 4 * best.sigma_m)
        assert (owner[best.rows] == thing).mean() > 0.7


def test_a_standing_car_places_nothing() -> None:
    eyes = np.tile((0.0, 0.0, 1.5), (6, 1))
    sightings, _ = sightings_of(np.array([[40.0, -2.0, 5.2]]), eyes, 0.004, 1)
    assert triangulate(sightings, 3, 70.0) == []


def test_nothing_seen_nothing_found() -> None:
    empty = Sightings(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), np.zeros(0))
    assert triangulate(empty, 3, 70.0) == []
