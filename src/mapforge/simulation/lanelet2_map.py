"""Lanelet2 maps (OSM files) as worlds are made from them."""

from __future__ import annotations

import itertools
from collections import defaultdict
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import ShapelyError

from mapforge.errors import ConfigurationError
from mapforge.geometry import polylines
from mapforge.simulation.charted import NO_GEOREFERENCE, ChartedLine, ChartedMap, lanes_on, large_parts, paved, turn_of
from mapforge.simulation.lanelets_read import VEHICLE_SUBTYPES, Lanelet, PlacedOsm
from mapforge.simulation.lanes import Lane
from mapforge.simulation.osm_xml import read_osm

Float = NDArray[np.float64]

CITY_SPEED_MPS = 11.2
GUTTER_M = 0.35
CORNER_RADIUS_M = 1.0
NARROWEST_M = 1.2
ISLAND_HOLE_M2 = 6.0
SMALLEST_PART_M2 = 2000.0
"""Roads that are connected with less asphalt make no world."""
OVERLAP_M2 = 1.0
OPEN_END_M = 0.8
ON_ROAD_SHARE = 0.5
PAVED_SUBTYPES = (*VEHICLE_SUBTYPES, "road_shoulder", "emergency_lane")
PAVED_AREAS = ("parking", "road", "freespace")
ISLANDS = ("traffic_island", "keepout", "vegetation", "building")
HEIGHT_STEP_M = 5.0
WALKED_BETWEEN = {"pedestrian_marking", "zebra_marking"}
PAINTED = ("line_thin", "line_thick")
MARKS = {
    "": "solid",
    "solid": "solid",
    "dashed": "dashed",
    "solid_solid": "double_solid",
    "dashed_dashed": "double_dashed",
    "solid_dashed": "solid_dashed",
    "dashed_solid": "dashed_solid",
}
"""Strands from left to right of a line's direction, in both vocabularies."""


def read_lanelet2_map(source: Path, lon_lat_deg: tuple[float, float]) -> ChartedMap:
    """Reads an OSM file with Lanelet2 tags; asphalt is what lanelets and areas for vehicles cover.

    lon_lat_deg: where it is put when its nodes have only `local_x` and `local_y`.
    Raises ConfigurationError when the file is damaged or holds no lanelets for vehicles.
    """
    osm = read_osm(source)
    try:
        return _charted(PlacedOsm(osm, source, lon_lat_deg), source)
    except ConfigurationError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, ShapelyError) as error:
        raise ConfigurationError(f"{source} is no Lanelet2 map: {type(error).__name__} {str(error)[:200]}") from error


def _charted(placed: PlacedOsm, source: Path) -> ChartedMap:
    found = placed.lanelets()
    walked = [lanelet for lanelet in found if _is_crossing(lanelet, placed)]
    lanelets = [lanelet for lanelet in found if lanelet not in walked]
    driven = [lanelet for lanelet in lanelets if lanelet.for_vehicles]
    if not driven:
        raise ConfigurationError(f"{source} holds no lanelets for vehicles (subtype {', '.join(VEHICLE_SUBTYPES)})")
    surface = _surface(lanelets)
    asphalt = _asphalt(placed, surface)
    if asphalt.is_empty:
        raise ConfigurationError(f"{source} holds no road that is wider than {NARROWEST_M} m")
    driven += [lanelet.reversed() for lanelet in driven if lanelet.both_ways]
    lanes = _lanes(driven)
    bounds = [bound.xyz for lanelet in surface for bound in (lanelet.left, lanelet.right)]
    # nodes may be kilometres apart, and a part of the map needs heights of its own
    heights = np.vstack([polylines.resample(xyz, HEIGHT_STEP_M) for xyz in bounds])
    return ChartedMap(
        name=f"lanelet2-{source.stem}",
        frame=placed.frame,
        placement="Lanelet2 map" if placed.has_place else NO_GEOREFERENCE,
        asphalt=asphalt,
        extent=shapely.box(*shapely.bounds(asphalt)).buffer(OPEN_END_M, join_style="mitre"),
        lanes=lanes_on(asphalt, lanes),
        lines=_lines(placed),
        crossings=_crossings(walked, asphalt),
        heights=heights[np.isfinite(heights[:, 2])] if placed.has_heights else np.zeros((0, 3)),
        stop_lines=[placed.points(way, "a stop line")[:, :2] for way in _ways_of_type(placed, "stop_line")],
        open_ends=_open_ends(surface, asphalt),
    )


def _surface(lanelets: list[Lanelet]) -> list[Lanelet]:
    """Lanelets on the road: for vehicles or at its side, bicycle lanes where no strip of anything lies between."""
    road = [x for x in lanelets if x.for_vehicles or x.tags.get("subtype") in PAVED_SUBTYPES]
    ways = {bound.way for x in road for bound in (x.left, x.right)}
    bicycle = [x for x in lanelets if x.tags.get("subtype") == "bicycle_lane" and x not in road]
    return road + [x for x in bicycle if {x.left.way, x.right.way} & ways]


def _asphalt(placed: PlacedOsm, surface: list[Lanelet]) -> shapely.MultiPolygon:
    """What is driven on, and a gutter beyond bounds that are painted: curbs and road borders end it where they are."""
    painted = {b.way: b.xyz for x in surface for b in (x.left, x.right) if placed.type_of(b.way) in PAINTED}
    gutters = [shapely.LineString(xyz[:, :2]).buffer(GUTTER_M, cap_style="flat") for xyz in painted.values()]
    parts = [x.polygon for x in surface] + _areas(placed, PAVED_AREAS)
    united = shapely.union_all([*parts, *gutters])
    islands = shapely.union_all(_areas(placed, ISLANDS)).difference(shapely.union_all(parts))
    whole = paved(united, CORNER_RADIUS_M, NARROWEST_M, islands)
    return shapely.MultiPolygon(large_parts(whole, SMALLEST_PART_M2, ISLAND_HOLE_M2))


def _areas(placed: PlacedOsm, subtypes: tuple[str, ...]) -> list[shapely.Geometry]:
    """Areas of these subtypes; those whose outline does not close are left out."""
    found = []
    for name, relation in placed.osm.relations.items():
        if relation.tags.get("type") == "multipolygon" and relation.tags.get("subtype") in subtypes:
            outer, inner = (
                [placed.points(way, f"area {name[:40]}")[:, :2] for way in relation.ways(role)]
                for role in ("outer", "inner")
            )
            rings = [shapely.union_all(shapely.get_parts(_polygons(lines))) for lines in (outer, inner)]
            found.append(rings[0].difference(rings[1]))
    return found


def _polygons(lines: list[Float]) -> shapely.GeometryCollection:
    return shapely.polygonize([shapely.LineString(line) for line in lines])


def _lanes(driven: list[Lanelet]) -> list[Lane]:
    """Lanelets as lanes: neighbours share a bound in the same direction, followers begin at the nodes where one ends.

    A lanelet over which others lead, that are neither beside it nor before or after it, leads through a junction.
    """
    at_left = {(x.left.way, x.left.along): n for n, x in enumerate(driven)}
    at_right = {(x.right.way, x.right.along): n for n, x in enumerate(driven)}
    beginning, ending = defaultdict(list), defaultdict(list)
    for n, lanelet in enumerate(driven):
        beginning[lanelet.begins_at].append(n)
        ending[lanelet.ends_at].append(n)
    polygons = [lanelet.polygon for lanelet in driven]
    tree = shapely.STRtree(polygons)
    lanes = []
    for n, lanelet in enumerate(driven):
        left, right = (polylines.resample_count(b.xyz[:, :2], _samples(lanelet)) for b in (lanelet.left, lanelet.right))
        centre = polylines.resample((left + right) / 2, 1.0)
        beside = [
            at_right.get((lanelet.left.way, lanelet.left.along), -1),
            at_left.get((lanelet.right.way, lanelet.right.along), -1),
        ]
        follow = beginning[lanelet.ends_at]
        known = {n, *beside, *follow, *ending[lanelet.begins_at]}
        crossed = any(
            m not in known
            and not _same_bounds(lanelet, driven[m])
            and polygons[m].intersection(polygons[n]).area > OVERLAP_M2
            for m in tree.query(polygons[n], predicate="intersects")
        )
        said = lanelet.tags.get("turn_direction")
        lanes.append(
            Lane(
                centreline=centre,
                width_m=round(float(np.median(np.linalg.norm(left - right, axis=1))), 2),
                speed_limit_mps=lanelet.speed_limit_mps(CITY_SPEED_MPS),
                turn=said if said in ("left", "right", "straight") else turn_of(centre) if crossed else "",
                left=beside[0],
                right=beside[1],
                successors=tuple(follow),
            )
        )
    return lanes


def _samples(lanelet: Lanelet) -> int:
    return max(40, int(max(polylines.length(lanelet.left.xyz), polylines.length(lanelet.right.xyz))) + 1)


def _same_bounds(one: Lanelet, other: Lanelet) -> bool:
    return {one.left.way, one.right.way} == {other.left.way, other.right.way}


def _lines(placed: PlacedOsm) -> list[ChartedLine]:
    lines = []
    for way in itertools.chain(*(_ways_of_type(placed, kind) for kind in PAINTED)):
        tags = placed.osm.ways[way].tags
        mark = MARKS.get(tags.get("subtype", ""))
        if mark is not None:
            colour = "yellow" if tags.get("color") == "yellow" else "white"
            lines.append(ChartedLine(placed.points(way, "a painted line")[:, :2], mark, colour))
    return lines


def _ways_of_type(placed: PlacedOsm, kind: str) -> list[str]:
    return [way for way in placed.osm.ways if placed.type_of(way) == kind]


def _is_crossing(lanelet: Lanelet, placed: PlacedOsm) -> bool:
    """By its subtype, or between lines that are painted for pedestrians, whatever it is called."""
    types = {placed.type_of(lanelet.left.way), placed.type_of(lanelet.right.way)}
    return lanelet.tags.get("subtype") == "crosswalk" or types <= WALKED_BETWEEN


def _crossings(walked: list[Lanelet], asphalt: shapely.Geometry) -> list[tuple[Float, Float]]:
    """Edges of the crosswalks that lie on the asphalt for the most part: others lead over what is not mapped."""
    return [
        (x.left.xyz[:, :2], x.right.xyz[:, :2])
        for x in walked
        if x.polygon.intersection(asphalt).area > ON_ROAD_SHARE * x.polygon.area
    ]


def _open_ends(surface: list[Lanelet], asphalt: shapely.Geometry) -> shapely.Geometry:
    """Where the map's roads end although those of the world go on: across lanelets, where they end at its edge."""
    ends = [
        shapely.LineString([lanelet.left.xyz[at, :2], lanelet.right.xyz[at, :2]])
        for lanelet in surface
        for at in (0, -1)
    ]
    outer = shapely.distance(shapely.line_interpolate_point(ends, 0.5, normalized=True), asphalt.boundary) < OPEN_END_M
    return shapely.union_all(shapely.buffer(np.array(ends)[outer], OPEN_END_M, cap_style="square"))
