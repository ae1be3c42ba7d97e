"""AV2 vector maps as reference: painted lane boundaries, drivable area outlines, crossings, lanes."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.errors import ConfigurationError
from mapforge.geometry import polylines
from mapforge.geometry.areas import parts_of
from mapforge.geometry.av2_cities import city_to_map
from mapforge.geometry.crs import MapFrame
from mapforge.metrics.continuation import join_lines
from mapforge.metrics.length_based import share_within
from mapforge.metrics.stations import SegmentIndex, stations_along
from mapforge.schemas.elements import ElementClass, MapElement

Float = NDArray[np.float64]

_PATTERNS = {
    "SOLID": "solid",
    "DASHED": "dashed",
    "DOUBLE_SOLID": "double_solid",
    "DOUBLE_DASH": "double_dashed",
    "SOLID_DASH": "solid_dashed",
    "DASH_SOLID": "dashed_solid",
}
_NOT_PAINTED = ("NONE", "UNKNOWN")
FARTHEST_M = 1e6
SAME_LINE_M, SAME_LINE_SHARE = 0.3, 0.9


def read_av2_map(raw: dict[str, Any], city: str, frame: MapFrame, where: str) -> list[MapElement]:
    """Elements in the map frame. Raises ConfigurationError when a part of the file is not as AV2 writes it."""
    city_to_map(np.zeros((1, 3)), city, frame)  # an unknown city is said as such
    try:
        lanes = sorted(raw["lane_segments"].values(), key=lambda lane: int(lane["id"]))
        crossings = sorted(raw.get("pedestrian_crossings", {}).values(), key=lambda crossing: int(crossing["id"]))
        areas = [_points(a["area_boundary"], city, frame) for a in _sorted_values(raw.get("drivable_areas", {}))]
        return [
            *_dividers(lanes, city, frame),
            *_boundaries(areas),
            *(_crossing(crossing, city, frame) for crossing in crossings),
            *(_lane(lane, city, frame) for lane in lanes),
        ]
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError, shapely.errors.ShapelyError) as error:
        kind = type(error).__name__
        raise ConfigurationError(f"{where} is no whole AV2 map: {kind} {error}; take the file from the log") from error


def marking_of(mark_type: str) -> dict[str, str] | None:
    """`DOUBLE_SOLID_YELLOW` -> its marking_type and colour; None when nothing is painted, or it is not known what."""
    if mark_type in _NOT_PAINTED:
        return None
    pattern, _, colour = mark_type.rpartition("_")
    return {"marking_type": _PATTERNS[pattern], "colour": colour.lower()}


def _sorted_values(raw: dict[str, Any]) -> list[Any]:
    return [raw[key] for key in sorted(raw, key=int)]


def _points(raw: list[dict[str, float]], city: str, frame: MapFrame) -> Float:
    xyz = np.array([[p["x"], p["y"], p["z"]] for p in raw], dtype=np.float64).reshape(-1, 3)
    if not (np.abs(xyz) < FARTHEST_M).all():
        raise ValueError(f"a point is not within {FARTHEST_M:.0f} m of the city's origin")
    return city_to_map(xyz, city, frame)


def _dividers(lanes: list[dict[str, Any]], city: str, frame: MapFrame) -> list[MapElement]:
    """Painted boundaries, each once though two lanes name it, joined where one continues the other."""
    by_marking: dict[tuple[str, str], list[tuple[str, Float]]] = {}
    for lane in lanes:
        for side in ("left", "right"):
            marking = marking_of(lane[f"{side}_lane_mark_type"])
            if marking is not None:
                line = _points(lane[f"{side}_lane_boundary"], city, frame)
                key = (marking["marking_type"], marking["colour"])
                by_marking.setdefault(key, []).append((f"av2-{lane['id']}-{side}", line))
    elements = []
    for (kind, colour), named in sorted(by_marking.items()):
        kept = _each_once(named)
        joined, _, members = join_lines([line for _, line in kept], np.ones(len(kept)))
        for line, own in zip(joined, members):
            attributes = {"marking_type": kind, "colour": colour}
            shape = shapely.LineString(line)
            elements.append(MapElement(kept[own[0]][0], ElementClass.LANE_DIVIDER, shape, attributes))
    return elements


def _each_once(named: list[tuple[str, Float]]) -> list[tuple[str, Float]]:
    """Without lines that run along a longer one; neighbouring lanes give the same paint slightly different vertices."""
    kept: list[tuple[str, Float]] = []
    for name, line in sorted(named, key=lambda item: -polylines.length(item[1])):
        others = SegmentIndex([other for _, other in kept])
        if not share_within(stations_along([line], 0.5), others, SAME_LINE_M) >= SAME_LINE_SHARE:
            kept.append((name, line))
    return sorted(kept, key=lambda item: item[0])


def _boundaries(outlines: list[Float]) -> list[MapElement]:
    """Drivable areas that touch are one; their outlines and holes are the road boundary."""
    merged = shapely.union_all([shapely.make_valid(shapely.Polygon(outline)) for outline in outlines])
    elements = []
    for i, area in enumerate(sorted(parts_of(merged), key=lambda part: part.bounds)):
        elements.append(MapElement(f"av2-area-{i}", ElementClass.DRIVABLE_AREA, area))
        for j, ring in enumerate((area.exterior, *area.interiors)):
            shape = shapely.LineString(shapely.get_coordinates(ring, include_z=True))
            elements.append(MapElement(f"av2-area-{i}-{j}", ElementClass.ROAD_BOUNDARY, shape))
    return elements


def _crossing(raw: dict[str, Any], city: str, frame: MapFrame) -> MapElement:
    """The area between the two edges, whichever way round they are given."""
    edge1, edge2 = _points(raw["edge1"], city, frame), _points(raw["edge2"], city, frame)
    area = shapely.Polygon(np.vstack([edge1, edge2[::-1]]))
    if not area.is_valid:
        area = shapely.Polygon(np.vstack([edge1, edge2]))
    return MapElement(f"av2-crossing-{raw['id']}", ElementClass.PED_CROSSING, area)


def _lane(raw: dict[str, Any], city: str, frame: MapFrame) -> MapElement:
    left, right = (_points(raw[f"{side}_lane_boundary"], city, frame) for side in ("left", "right"))
    count = max(len(left), len(right), 5)
    left, right = polylines.resample_count(left, count), polylines.resample_count(right, count)
    attributes: dict[str, Any] = {
        "predecessor_ids": [f"av2-{i}" for i in raw["predecessors"]],
        "successor_ids": [f"av2-{i}" for i in raw["successors"]],
        "width_m": float(np.median(np.linalg.norm((left - right)[:, :2], axis=1))),
        "lane_type": str(raw["lane_type"]).lower(),
    }
    for ours, theirs in (("left_neighbour_id", "left_neighbor_id"), ("right_neighbour_id", "right_neighbor_id")):
        if raw.get(theirs) is not None:
            attributes[ours] = f"av2-{raw[theirs]}"
    shape = shapely.LineString(0.5 * (left + right))
    return MapElement(f"av2-{raw['id']}", ElementClass.LANE, shape, attributes)
