"""Ids of pieces become names of elements."""

from __future__ import annotations

import shapely

from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.tiles.references import referred, resolved

LANE = MapElement(
    "whole",
    ElementClass.LANE,
    shapely.LineString([(0, 0, 0), (1, 0, 0)]),
    {"left_id": "p1", "right_id": "p9", "successor_ids": ["p2", "p3", "p4"], "predecessor_ids": ["p9"], "width_m": 3.0},
)
NAMES = {"p1": "divider", "p2": "onward", "p3": "onward", "p4": "whole"}


def test_all_references_are_known() -> None:
    assert referred([LANE]) == {"p1", "p2", "p3", "p4", "p9"}


def test_names_take_the_place_of_ids_and_what_has_none_is_left_out() -> None:
    lane = resolved(LANE, NAMES)
    assert lane.attributes == {"left_id": "divider", "successor_ids": ["onward"], "width_m": 3.0}
    assert LANE.attributes["left_id"] == "p1"
