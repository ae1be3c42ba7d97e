"""Pieces of tiles become the elements they were cut from."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.validation.whole_elements import merge_pieces


def line(name: str, x0: float, x1: float, sigma: tuple[float, ...] = ()) -> MapElement:
    return MapElement(
        name, ElementClass.LANE_DIVIDER, shapely.LineString([(x0, 0, 1), (x1, 0, 1)]), confidence=0.8, sigma_m=sigma
    )


def test_pieces_in_any_order_and_direction_are_one_with_their_sigma() -> None:
    backwards = MapElement(
        "a", ElementClass.LANE_DIVIDER, shapely.LineString([(20, 0, 1), (10, 0, 1)]), confidence=0.8, sigma_m=(0.3, 0.2)
    )
    (whole,) = merge_pieces([line("a", 20, 30, (0.3, 0.4)), backwards, line("a", 0, 10, (0.1, 0.2))])
    assert whole.geometry.length == pytest.approx(30.0)
    assert len(whole.sigma_m) == len(whole.xyz_map)
    by_x = dict(zip(whole.xyz_map[:, 0], whole.sigma_m))
    assert [by_x[x] for x in (0.0, 10.0, 20.0, 30.0)] == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_pieces_that_do_not_meet_stay_apart_under_one_id() -> None:
    merged = merge_pieces([line("a", 0, 10), line("a", 50, 60), line("b", 10, 20)])
    assert [e.element_id for e in merged] == ["a", "a", "b"]


def test_areas_and_points() -> None:
    areas = [
        MapElement("c", ElementClass.PED_CROSSING, shapely.force_3d(shapely.box(x, 0, x + 2, 4), 7.0)) for x in (0, 2)
    ]
    signs = [MapElement("s", ElementClass.TRAFFIC_SIGN, shapely.Point(1, 1, 2))] * 2
    crossing, sign = merge_pieces([*areas, *signs])
    assert crossing.geometry.area == pytest.approx(16.0)
    assert np.isclose(crossing.xyz_map[:, 2], 7.0).all()
    assert sign.element_id == "s"
