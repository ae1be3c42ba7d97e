"""Every rule finds what it is for, says where, and is silent on a sound map."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import shapely

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.schemas.issues import Issue, Severity
from mapforge.validation.config import ValidationConfig
from mapforge.validation.rules.all_rules import check_rules
from mapforge.validation.rules.findings import Piece

FRAME = MapFrame(32617, (585000.0, 4477000.0))
WEST, EAST = TileId(32617, 5850, 44770), TileId(32617, 5851, 44770)
PATH = np.array([[0.0, 50.0, 200.0], [200.0, 50.0, 200.0]])
PAINT = {"marking_type": "solid", "colour": "white"}


def line(
    points: list[tuple[float, ...]],
    name: str = "a",
    kind: ElementClass = ElementClass.LANE_DIVIDER,
    z: float = 200.0,
    **more: Any,
) -> MapElement:
    return MapElement(name, kind, shapely.LineString([(*p[:2], z) for p in points]), **more)


def issues_of(*placed: tuple[TileId | None, MapElement]) -> list[Issue]:
    return check_rules([Piece(tile, e) for tile, e in placed], FRAME, [PATH], ValidationConfig())


def rules_of(*placed: tuple[TileId | None, MapElement]) -> set[tuple[str, str]]:
    return {(issue.rule, str(issue.severity)) for issue in issues_of(*placed)}


SOUND = line([(10, 48), (90, 48)], attributes=PAINT, sigma_m=(0.1, 0.1))


def test_a_sound_map_breaks_no_rule() -> None:
    crossing = MapElement("c", ElementClass.PED_CROSSING, shapely.force_3d(shapely.box(30, 44, 33, 56), 200.0))
    road = MapElement("r", ElementClass.DRIVABLE_AREA, shapely.force_3d(shapely.box(0, 40, 100, 60), 200.0))
    boundary = line([(10, 43), (90, 43)], "b", ElementClass.ROAD_BOUNDARY, attributes={"boundary_type": "curb"})
    assert issues_of((WEST, SOUND), (WEST, crossing), (WEST, road), (WEST, boundary)) == []


def test_issues_say_where() -> None:
    bow = line([(10, 40), (20, 50), (20, 40), (10, 50)], "bow")
    (issue,) = issues_of((WEST, bow))
    assert (issue.rule, issue.element_id, issue.tile) == ("self_intersection", "bow", str(WEST))
    lon, lat, _ = FRAME.to_wgs84(np.array([[issue.x_m, issue.y_m, 0.0]]))[0]
    assert (issue.lon_deg, issue.lat_deg) == pytest.approx((lon, lat), abs=1e-7)


def test_self_intersections_of_areas_and_rings_that_close() -> None:
    bow = MapElement("b", ElementClass.PED_CROSSING, shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)]))
    assert ("self_intersection", "error") in rules_of((WEST, bow))
    ring = line([(20, 45), (30, 45), (30, 55), (20, 45)], kind=ElementClass.ROAD_BOUNDARY)
    assert rules_of((WEST, ring)) == set()


def test_duplicates_whole_and_in_part() -> None:
    twice = replace(SOUND, element_id="twice", confidence=0.4)
    (issue,) = issues_of((WEST, SOUND), (WEST, twice))
    assert (issue.rule, issue.severity, issue.element_id) == ("duplicate_line", Severity.ERROR, "twice")
    partly = line([(10, 48.2), (25, 48.2), (60, 52)], "partly", attributes=PAINT, confidence=0.4)
    assert rules_of((WEST, SOUND), (WEST, partly)) == {("duplicate_line", "warning")}


def test_floating_elements() -> None:
    many = [(WEST, line([(10 + i, 45), (12 + i, 45)], f"ground{i}")) for i in range(0, 60, 4)]
    up = line([(70, 55), (90, 55)], "up", z=204.0)
    (issue,) = issues_of(*many, (WEST, up))
    assert (issue.rule, issue.element_id) == ("floating_element", "up")
    assert "+4.00 m" in issue.message


def test_a_map_whose_poses_are_high_above_ground_does_not_float() -> None:
    assert rules_of((WEST, line([(10, 45), (60, 45)], z=198.2))) == set()


def test_absurd_geometry() -> None:
    nan = MapElement("n", ElementClass.STOP_LINE, shapely.LineString([(10, 40, 0), (float("nan"), 41, 0)]))
    assert rules_of((WEST, nan)) == {("absurd_geometry", "error")}
    assert ("absurd_geometry", "warning") in rules_of((WEST, line([(10, 40), (10.01, 40)])))
    assert ("absurd_geometry", "error") in rules_of((WEST, line([(90, 40), (130, 40)])))
    assert ("absurd_geometry", "error") in rules_of((None, line([(0, 40), (9000, 40)])))


def test_absurd_lanes() -> None:
    def lane(**attributes: float) -> MapElement:
        return line([(10, 45), (60, 45)], kind=ElementClass.LANE, attributes=attributes)

    assert rules_of((WEST, lane(width_m=3.2, speed_limit_mps=13.9))) == set()
    assert rules_of((WEST, lane(width_m=14.0))) == {("absurd_lane", "warning")}
    assert rules_of((WEST, lane(speed_limit_mps=-1.0))) == {("absurd_lane", "warning")}


def test_a_crossing_off_the_road() -> None:
    road = MapElement("r", ElementClass.DRIVABLE_AREA, shapely.force_3d(shapely.box(0, 40, 100, 60), 200.0))
    away = MapElement("c", ElementClass.PED_CROSSING, shapely.force_3d(shapely.box(30, 62, 33, 70), 200.0))
    assert rules_of((WEST, road), (WEST, away)) == {("crossing_off_road", "warning")}
    assert rules_of((WEST, away)) == set()


def test_a_boundary_across_a_divider_but_at_a_junction() -> None:
    across = line([(50, 40), (52, 56)], "across", ElementClass.ROAD_BOUNDARY)
    assert rules_of((WEST, SOUND), (WEST, across)) == {("boundary_crosses_divider", "warning")}
    stop = line([(45, 44), (45, 50)], "stop", ElementClass.STOP_LINE)
    assert rules_of((WEST, SOUND), (WEST, across), (WEST, stop)) == set()


def test_seams() -> None:
    west, east = line([(60, 48), (100, 48)], "a"), line([(100, 48), (140, 48)], "a")
    assert rules_of((WEST, west), (EAST, east)) == set()
    renamed = replace(east, element_id="b")
    assert rules_of((WEST, west), (EAST, renamed)) == {("open_seam", "warning")}
    moved = line([(100, 48.3), (140, 48.3)], "a")
    assert rules_of((WEST, west), (EAST, moved)) == {("open_seam", "error")}
    # without the neighbour nobody knows
    assert rules_of((WEST, west)) == set()
    ends_before = line([(60, 48), (99, 48)], "a")
    assert rules_of((WEST, ends_before), (EAST, line([(110, 48), (140, 48)], "c"))) == set()


@pytest.mark.parametrize(
    ("attributes", "count"),
    [
        ({"marking_type": "wavy"}, 1),
        ({"colour": "red", "boundary_type": "kerb"}, 2),
        ({"sign_type": "speed_limit_80"}, 0),
        ({"sign_type": "beware"}, 1),
    ],
)
def test_words(attributes: dict[str, str], count: int) -> None:
    found = issues_of((WEST, replace(SOUND, attributes=attributes)))
    assert [issue.rule for issue in found] == ["unknown_word"] * count


@pytest.mark.parametrize(
    ("change", "severity"),
    [
        ({"confidence": 1.2}, "error"),
        ({"sigma_m": (0.1,)}, "error"),
        ({"sigma_m": (0.1, -0.1)}, "error"),
        ({"sigma_m": (0.1, float("nan"))}, "error"),
        ({"sigma_m": (0.1, 5.0)}, "warning"),
    ],
)
def test_stated_uncertainty(change: dict[str, Any], severity: str) -> None:
    assert rules_of((WEST, replace(SOUND, **change))) == {("implausible_uncertainty", severity)}
