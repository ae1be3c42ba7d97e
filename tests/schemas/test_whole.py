from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.schemas.whole import whole_elements


def piece(name: str, xyz: np.ndarray, confidence: float = 0.5) -> MapElement:
    sigma = tuple(0.01 * np.arange(1, len(xyz) + 1))
    return MapElement(name, ElementClass.ROAD_BOUNDARY, shapely.LineString(xyz), confidence=confidence, sigma_m=sigma)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), cuts=st.integers(1, 6))
def test_a_cut_line_comes_back_whatever_the_order_and_direction(seed: int, cuts: int) -> None:
    rng = np.random.default_rng(seed)
    xyz = np.column_stack([np.arange(30.0), rng.normal(0, 0.3, 30), rng.normal(0, 0.1, 30)])
    borders = np.sort(rng.choice(np.arange(1, 29), cuts, replace=False))
    parts = [xyz[a : b + 1] for a, b in zip([0, *borders], [*borders, 29])]
    pieces = [piece("x", part[::-1] if rng.random() < 0.5 else part) for part in parts]
    order = rng.permutation(len(pieces))
    (whole,) = whole_elements([pieces[k] for k in order])
    got = whole.xyz_map if whole.xyz_map[0, 0] == 0 else whole.xyz_map[::-1]
    assert np.array_equal(got, xyz)
    assert len(whole.sigma_m) == 30


def test_what_does_not_meet_stays_apart_under_its_name() -> None:
    pieces = [piece("x", np.array([[0.0, 0, 0], [1, 0, 0]])), piece("x", np.array([[5.0, 0, 0], [6, 0, 0]]))]
    assert [element.element_id for element in whole_elements(pieces)] == ["x", "x"]


def test_a_ring_of_two_pieces_is_closed() -> None:
    half = np.array([[0.0, 0, 0], [1, 1, 0], [2, 0, 0]])
    (ring,) = whole_elements([piece("x", half), piece("x", half * (1, -1, 1))])
    assert ring.geometry.is_closed
    assert ring.geometry.length == 4 * np.sqrt(2)


def test_areas_are_united_and_confidence_is_by_area() -> None:
    def area(box: shapely.Polygon, confidence: float) -> MapElement:
        return MapElement("x", ElementClass.PED_CROSSING, shapely.force_3d(box, 5.0), confidence=confidence)

    (whole,) = whole_elements([area(shapely.box(0, 0, 3, 2), 1.0), area(shapely.box(3, 0, 4, 2), 0.6)])
    assert whole.geometry.area == 8.0
    assert whole.confidence == 0.9
    assert np.all(whole.xyz_map[:, 2] == 5.0)


def test_an_area_in_two_pieces_keeps_the_sigma_of_its_outline() -> None:
    west, east = shapely.box(0, 0, 10, 4), shapely.box(10, 0, 15, 4)
    pieces = [
        MapElement("x", ElementClass.PED_CROSSING, shapely.force_3d(box, 1.0), sigma_m=(sigma,) * 5)
        for box, sigma in ((west, 0.1), (east, 0.2))
    ]
    (whole,) = whole_elements(pieces)
    assert len(whole.sigma_m) == len(whole.xyz_map)
    for (x, _, _), sigma in zip(whole.xyz_map, whole.sigma_m):
        assert sigma == (0.1 if x == 0.0 else 0.2 if x == 15.0 else sigma)
