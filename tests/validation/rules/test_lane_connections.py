"""Rules on lanes find what is broken and are silent on a sound pair of lanes."""

from __future__ import annotations

import shapely

from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.validation.rules.findings import Finding, Piece
from mapforge.validation.rules.lane_connections import (
    Lanes,
    broken_links,
    crossing_lanes,
    dead_ends,
    swapped_borders,
)

ROAD = MapElement("road", ElementClass.DRIVABLE_AREA, shapely.force_3d(shapely.box(0, -4, 100, 4), 200.0))


def line(
    name: str, *points: tuple[float, float], kind: ElementClass = ElementClass.LANE, **attributes: object
) -> MapElement:
    return MapElement(name, kind, shapely.LineString([(x, y, 200.0) for x, y in points]), dict(attributes))


def all_findings(*elements: MapElement) -> dict[str, list[Finding]]:
    lanes = Lanes([Piece(None, element) for element in elements])
    found = {
        "dead": dead_ends(lanes),
        "link": broken_links(lanes, 0.1),
        "cross": crossing_lanes(lanes),
        "swapped": swapped_borders(lanes),
    }
    return {name: findings for name, findings in found.items() if findings}


FIRST = line("a", (0, 0), (50, 0), successor_ids=["b"], left_id="l", right_id="r")
SECOND = line("b", (50, 0), (100, 0), predecessor_ids=["a"])
LEFT = line("l", (100, 2), (0, 2), kind=ElementClass.LANE_DIVIDER)
RIGHT = line("r", (0, -2), (100, -2), kind=ElementClass.ROAD_BOUNDARY)


def test_a_sound_road_breaks_no_rule() -> None:
    assert all_findings(FIRST, SECOND, LEFT, RIGHT, ROAD) == {}


def test_a_lane_that_ends_on_open_road_is_a_dead_end() -> None:
    (finding,) = all_findings(line("a", (0, 0), (50, 0)), ROAD)["dead"]
    assert (finding.x_m, finding.y_m) == (50.0, 0.0)
    assert "no way out" in finding.message
    assert all_findings(line("a", (0, 0), (99, 0)), ROAD) == {}
    assert all_findings(line("a", (0, 0), (50, 0), lane_type="parking"), ROAD) == {}


def test_a_successor_must_begin_where_the_lane_ends_and_know_it() -> None:
    apart = line("b", (50.3, 0), (100, 0))
    messages = [finding.message for finding in all_findings(FIRST, apart)["link"]]
    assert any("begins 0.30 m away" in message for message in messages)
    assert any("does not name it" in message for message in messages)


def test_lanes_cross_only_in_junctions() -> None:
    across = line("c", (25, -20), (25, 20))
    (finding,) = all_findings(FIRST, SECOND, across)["cross"]
    assert (finding.x_m, finding.y_m) == (25.0, 0.0)
    assert "cross" not in all_findings(FIRST, SECOND, line("c", (25, -20), (25, 20), turn="straight"))


def test_borders_lie_on_their_sides() -> None:
    swapped = line("a", (0, 0), (50, 0), left_id="r", right_id="l")
    assert len(all_findings(swapped, LEFT, RIGHT)["swapped"]) == 2
