"""Lanelet2 OSM (https://github.com/fzi-forschungszentrum-informatik/Lanelet2), with what Autoware asks for beside it:
`local_x`, `local_y`, `turn_direction`, `MetaInfo`, lanelets of at most 50 m and `map_projector_info.yaml`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.errors import MissingInputError
from mapforge.geometry.crs import MapFrame
from mapforge.io.atomic import write_text
from mapforge.io.elements import frame_of, read_elements
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.schemas.whole import whole_elements
from mapforge.tiles.lanelets import BorderLine, Lanelets, Side, lanelets_of

Float = NDArray[np.float64]

PROJECTOR_INFO = "map_projector_info.yaml"
_DEGREE_DECIMALS = 11
_SUBTYPES = {
    "solid": "solid",
    "dashed": "dashed",
    "botts_dots": "dashed",
    "double_solid": "solid_solid",
    "double_dashed": "dashed",
    "solid_dashed": "solid_dashed",
    "dashed_solid": "dashed_solid",
}
_SIGN_WIDTH_M = 0.6


def export_lanelet2(tile_files: list[Path], out: Path) -> list[Path]:
    """Writes the lanes of tiles (one build a tile) as an OSM file, and how it is projected beside it; returns both.

    out: a file when it ends in .osm, else a folder that gets `lanelet2_map.osm`.
    Raises MissingInputError without tiles or without lanes, CrsMismatchError when they are not in one CRS.
    """
    if not tile_files:
        raise MissingInputError("no tiles to export: build a region first, or check the path")
    frame = frame_of(sorted(tile_files)[0])
    pieces = [piece for path in sorted(tile_files) for piece in read_elements(path, frame)[0]]
    elements = whole_elements(pieces)
    if not any(e.element_class is ElementClass.LANE for e in elements):
        raise MissingInputError("these tiles hold no lanes: build them again with this version, then export")
    target = out if out.suffix.lower() == ".osm" else out / "lanelet2_map.osm"
    write_text(target, osm_of(elements, frame), target.parent)
    info = target.parent / PROJECTOR_INFO
    write_text(info, projector_info(frame), target.parent)
    return [target, info]


def osm_of(elements: list[MapElement], frame: MapFrame) -> str:
    """The OSM document of whole elements: lanelets, and lights, signs and stop lines that rule them."""
    document = _Document(frame)
    made = lanelets_of(elements)
    corners = [document.node(xyz) for xyz in made.points]
    ways = [document.border(line, corners) for line in made.lines]
    rulings = _Rulings(document, {e.element_id: e for e in elements})
    for name in sorted(made.by_lane):
        _add_lane(name, made, ways, document, rulings)
    return document.text()


def projector_info(frame: MapFrame) -> str:
    """What Autoware reads to place the map: the UTM zone's plane, from the map's origin."""
    lon, lat, _ = frame.to_wgs84(np.zeros((1, 3)))[0]
    return (
        "projector_type: LocalCartesianUTM\nvertical_datum: WGS84\nmap_origin:\n"
        f"  latitude: {lat:.{_DEGREE_DECIMALS}f}\n  longitude: {lon:.{_DEGREE_DECIMALS}f}\n  altitude: 0.0\n"
    )


def _add_lane(name: str, made: Lanelets, ways: list[int], document: _Document, rulings: _Rulings) -> None:
    """The lane's lanelets; what is at its end rules the last of them."""
    own = made.by_lane[name]
    for part, piece in enumerate(own):
        lane = piece.lane
        tags = {
            "type": "lanelet",
            "subtype": "road",
            "location": "urban",
            "one_way": "yes",
            "participant:vehicle": "yes",
            "lane_id": name,
        }
        limit = lane.attributes.get("speed_limit_mps")
        if limit is not None:
            tags["speed_limit"] = f"{limit * 3.6:.0f} km/h"
        turn = lane.attributes.get("turn")
        if turn in ("left", "right", "straight"):
            tags["turn_direction"] = turn
        members = [("way", role, ways[side.line]) for role, side in _sides(piece.left, piece.right)]
        if part == len(own) - 1:
            members += [("relation", "regulatory_element", rule) for rule in rulings.of(lane)]
        document.relation(members, tags)


def _sides(left: Side, right: Side) -> list[tuple[str, Side]]:
    return [("left", left), ("right", right)]


class _Document:
    """Nodes, ways and relations with running ids."""

    def __init__(self, frame: MapFrame) -> None:
        self._frame = frame
        self._nodes: list[Float] = []
        self._ways: list[ElementTree.Element] = []
        self._relations: list[ElementTree.Element] = []
        self._last = 0

    def node(self, xyz: Float) -> int:
        self._nodes.append(np.array([self._next(), *xyz]))
        return int(self._nodes[-1][0])

    def way(self, nodes: Sequence[int], tags: dict[str, str]) -> int:
        way = ElementTree.Element("way", id=str(self._next()))
        for node in nodes:
            ElementTree.SubElement(way, "nd", ref=str(node))
        self._ways.append(_tagged(way, tags))
        return self._last

    def border(self, line: BorderLine, corners: list[int]) -> int:
        inner = [self.node(xyz) for xyz in line.inner]
        return self.way([corners[line.ends[0]], *inner, corners[line.ends[1]]], _border_tags(line.element))

    def relation(self, members: list[tuple[str, str, int]], tags: dict[str, str]) -> int:
        relation = ElementTree.Element("relation", id=str(self._next()))
        for kind, role, ref in members:
            ElementTree.SubElement(relation, "member", type=kind, role=role, ref=str(ref))
        self._relations.append(_tagged(relation, tags))
        return self._last

    def text(self) -> str:
        root = ElementTree.Element("osm", version="0.6", generator="mapforge")
        ElementTree.SubElement(root, "MetaInfo", format_version="1", map_version="1")
        root.extend(self._node_elements())
        root.extend([*self._ways, *self._relations])
        ElementTree.indent(root, " ")
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"

    def _node_elements(self) -> list[ElementTree.Element]:
        table = np.array(self._nodes).reshape(-1, 4)
        lon_lat = self._frame.to_wgs84(table[:, 1:])
        made = []
        for (number, x, y, z), (lon, lat, _) in zip(table.tolist(), lon_lat.tolist()):
            place = {"id": str(int(number)), "lat": f"{lat:.{_DEGREE_DECIMALS}f}", "lon": f"{lon:.{_DEGREE_DECIMALS}f}"}
            node = ElementTree.Element("node", place)
            made.append(_tagged(node, {"ele": f"{z:.4f}", "local_x": f"{x:.4f}", "local_y": f"{y:.4f}"}))
        return made

    def _next(self) -> int:
        self._last += 1
        return self._last


class _Rulings:
    """Regulatory elements, each made once."""

    def __init__(self, document: _Document, elements: dict[str, MapElement]) -> None:
        self._document = document
        self._elements = elements
        self._made: dict[tuple[str, ...], int] = {}
        self._drawn: dict[str, int] = {}

    def of(self, lane: MapElement) -> list[int]:
        """Of a lane: one for its lights, one for its stop or yield sign, each with the stop line if there is one: of
        several (a line seen in pieces), the one nearest to the lane's end, for Lanelet2 takes one."""
        own = [self._elements[name] for name in lane.attributes.get("regulatory_ids") or () if name in self._elements]
        end = shapely.Point(lane.xyz_map[-1, :2])
        stops = sorted(
            (e for e in own if e.element_class is ElementClass.STOP_LINE),
            key=lambda e: (e.geometry.distance(end), e.element_id),
        )[:1]
        lights = [e for e in own if e.element_class is ElementClass.TRAFFIC_LIGHT]
        signs = [e for e in own if e.attributes.get("sign_type") in ("stop", "yield")]
        made = []
        if lights:
            made.append(self._rule("traffic_light", lights, stops))
        if signs:
            made.append(self._rule("traffic_sign", signs, stops))
        return made

    def _rule(self, subtype: str, refers: list[MapElement], stops: list[MapElement]) -> int:
        key = (subtype, *sorted(e.element_id for e in [*refers, *stops]))
        if key not in self._made:
            members = [("way", "refers", self._way(e)) for e in refers]
            members += [("way", "ref_line", self._way(e)) for e in stops]
            self._made[key] = self._document.relation(members, {"type": "regulatory_element", "subtype": subtype})
        return self._made[key]

    def _way(self, element: MapElement) -> int:
        if element.element_id not in self._drawn:
            line, tags = _drawn(element)
            nodes = [self._document.node(xyz) for xyz in line]
            self._drawn[element.element_id] = self._document.way(nodes, tags)
        return self._drawn[element.element_id]


def _drawn(element: MapElement) -> tuple[Float, dict[str, str]]:
    """A stop line as it lies; a light or sign as the lower edge of its face."""
    if element.element_class is ElementClass.STOP_LINE:
        return element.xyz_map, {"type": "stop_line"}
    heading = float(element.attributes.get("heading_rad") or 0.0)
    half = 0.5 * float(element.attributes.get("width_m") or _SIGN_WIDTH_M)
    across = half * np.array([-np.sin(heading), np.cos(heading), 0.0])
    line = np.array([element.xyz_map[0] - across, element.xyz_map[0] + across])
    if element.element_class is ElementClass.TRAFFIC_LIGHT:
        return line, {"type": "traffic_light", "subtype": "red_yellow_green"}
    return line, {"type": "traffic_sign", "subtype": str(element.attributes.get("sign_type"))}


def _border_tags(element: MapElement | None) -> dict[str, str]:
    if element is None:
        return {"type": "virtual"}
    if element.element_class is ElementClass.ROAD_BOUNDARY:
        curb = element.attributes.get("boundary_type") == "curb"
        return {"type": "curbstone", "subtype": "high"} if curb else {"type": "road_border"}
    marking = _SUBTYPES.get(str(element.attributes.get("marking_type")))
    if marking is None:
        return {"type": "virtual"}
    colour = element.attributes.get("colour")
    return {"type": "line_thin", "subtype": marking} | ({"color": str(colour)} if colour in ("white", "yellow") else {})


def _tagged(element: ElementTree.Element, tags: dict[str, str]) -> ElementTree.Element:
    for key, value in tags.items():
        ElementTree.SubElement(element, "tag", k=key, v=value)
    return element
