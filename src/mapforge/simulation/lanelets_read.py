"""Lanelet2's primitives in the map frame: ways as points, lanelets with their bounds the right way round."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.errors import ConfigurationError
from mapforge.geometry import polylines
from mapforge.geometry.crs import MapFrame
from mapforge.simulation.osm_xml import OsmFile, OsmNode, OsmRelation

Float = NDArray[np.float64]

FARTHEST_M = 100_000.0
"""From the middle of the map: what lies farther is damaged."""
EARTH_M = 4e7
HIGHEST_M = 10_000.0
LONGEST_SKEW = 3.0
"""Widths of a lanelet between the ends of its bounds."""
VEHICLE_SUBTYPES = ("road", "highway", "bus_lane", "play_street")
VEHICLE_PARTICIPANTS = ("participant:vehicle", "participant:vehicle:car", "participant:vehicle:bus")
MPS_OF_UNIT = {"": 1 / 3.6, "km/h": 1 / 3.6, "kmh": 1 / 3.6, "kph": 1 / 3.6, "mph": 0.44704, "m/s": 1.0}


@dataclass(frozen=True, eq=False)
class Bound:
    """One side of a lanelet, in the direction of travel. xyz: (N, 3), height NaN where the map has none.

    way: its id. along: whether the way leads in that direction. ends: ids of its first and last node.
    """

    xyz: Float
    way: str
    along: bool
    ends: tuple[str, str]

    def reversed(self) -> Bound:
        """The same side, seen by who comes the other way."""
        return Bound(self.xyz[::-1], self.way, not self.along, self.ends[::-1])


@dataclass(frozen=True, eq=False)
class Lanelet:
    """A lanelet whose left bound lies left, both in the direction of travel."""

    tags: dict[str, str]
    left: Bound
    right: Bound

    @property
    def polygon(self) -> shapely.Geometry:
        """Its area in the plane."""
        return shapely.make_valid(shapely.Polygon(np.vstack([self.left.xyz, self.right.xyz[::-1]])[:, :2]))

    @property
    def begins_at(self) -> tuple[str, str]:
        """Ids of the nodes, left and right, at which it begins."""
        return self.left.ends[0], self.right.ends[0]

    @property
    def ends_at(self) -> tuple[str, str]:
        """Ids of the nodes, left and right, at which it ends."""
        return self.left.ends[1], self.right.ends[1]

    @property
    def for_vehicles(self) -> bool:
        """Whether cars or buses may use it: by its subtype, where participants that are named do not leave them out."""
        named = {key: value == "yes" for key, value in self.tags.items() if key.startswith("participant:")}
        driving = [allowed for key, allowed in named.items() if key in VEHICLE_PARTICIPANTS]
        if driving or any(named.values()):
            return any(driving) and self.tags.get("subtype", "") in ("", *VEHICLE_SUBTYPES)
        return self.tags.get("subtype") in VEHICLE_SUBTYPES

    @property
    def both_ways(self) -> bool:
        """Whether vehicles drive on it in either direction."""
        return self.tags.get("one_way:vehicle", self.tags.get("one_way", "yes")) in ("no", "false")

    def reversed(self) -> Lanelet:
        """The same lanelet for who comes the other way."""
        return Lanelet(self.tags, self.right.reversed(), self.left.reversed())

    def speed_limit_mps(self, otherwise_mps: float) -> float:
        """As its tag says: km/h when no unit is written; `otherwise_mps` where it says nothing that is a speed."""
        said = re.fullmatch(r"(\d{1,4}(?:\.\d{1,9})?)\s*([a-z/]*)", self.tags.get("speed_limit", "").strip().lower())
        if said is None or said[2] not in MPS_OF_UNIT or float(said[1]) <= 0:
            return otherwise_mps
        return float(said[1]) * MPS_OF_UNIT[said[2]]


class PlacedOsm:
    """The ways and lanelets of a file, in a map frame.

    lon_lat_deg: where the file is put when its nodes have only local coordinates.
    Raises ConfigurationError naming the node when one has no coordinates, or impossible ones.
    """

    def __init__(self, osm: OsmFile, source: Path, lon_lat_deg: tuple[float, float]) -> None:
        self.osm = osm
        self._source = source
        used = list(dict.fromkeys(ref for way in osm.ways.values() for ref in way.nodes if ref in osm.nodes))
        if not used:
            raise ConfigurationError(f"{source} holds no ways with nodes")
        nodes = [osm.nodes[name] for name in used]
        is_local = all(node.tags.get("local_x") and node.tags.get("local_y") for node in nodes)
        self.has_place = all(node.lat and node.lon for node in nodes) or not is_local
        names = ("lon", "lat") if self.has_place else ("local_x", "local_y")
        plane = np.array([[self._number(name, node, key) for key in names] for name, node in zip(used, nodes)])
        farthest = (180.0, 90.0) if self.has_place else (EARTH_M, EARTH_M)
        self._require(used, plane, np.abs(plane) <= farthest, "is not on the earth")
        middle = (plane.min(axis=0) + plane.max(axis=0)) / 2
        if self.has_place:
            self.frame = MapFrame.at(float(middle[0]), float(middle[1]))
            xy = self.frame.from_wgs84(np.column_stack([plane, np.zeros(len(plane))]))[:, :2]
            centre = self.frame.from_wgs84(np.array([[*middle, 0.0]]))[0, :2]
        else:
            self.frame = MapFrame.at(*lon_lat_deg)
            centre = self.frame.from_wgs84(np.array([[*lon_lat_deg, 0.0]]))[0, :2]
            xy = plane - middle + centre
        self._require(used, plane, np.abs(xy - centre) < FARTHEST_M, f"is not within {FARTHEST_M / 1000:.0f} km")
        z = [self._number(name, node, "ele") if node.tags.get("ele") else np.nan for name, node in zip(used, nodes)]
        self._require(used, np.array(z)[:, None], ~(np.abs(np.array(z)) > HIGHEST_M)[:, None], "is no height")
        self.has_heights = float(np.mean(np.isfinite(z))) > 0.5
        self._xyz = dict(zip(used, np.column_stack([xy, z])))

    def points(self, way: str, wanted_by: str) -> Float:
        """(N, 3) points of a way, none twice in a row. Raises ConfigurationError when it is no line."""
        if way not in self.osm.ways:
            raise ConfigurationError(f"{self._source}: {wanted_by} names way {way[:40]}, which is not in the file")
        nodes = self.osm.ways[way].nodes
        lost = next((ref for ref in nodes if ref not in self._xyz), None)
        if lost is not None:
            raise ConfigurationError(f"{self._source}: way {way[:40]} names node {lost[:40]}, which is not in the file")
        xyz = np.array([self._xyz[ref] for ref in nodes]).reshape(-1, 3)
        moves = np.ones(len(xyz), dtype=bool)
        moves[1:] = np.linalg.norm(np.diff(xyz[:, :2], axis=0), axis=1) > 1e-6
        if moves.sum() < 2:
            raise ConfigurationError(f"{self._source}: way {way[:40]} of {wanted_by} has no two different points")
        return xyz[moves]

    def type_of(self, way: str) -> str:
        """The `type` tag of a way, "" without."""
        return self.osm.ways[way].tags.get("type", "")

    def lanelets(self) -> list[Lanelet]:
        """All lanelets. Raises ConfigurationError when one has not one left and one right bound."""
        return [
            self._lanelet(f"lanelet {name[:40]}", relation)
            for name, relation in self.osm.relations.items()
            if relation.tags.get("type") == "lanelet"
        ]

    def _lanelet(self, name: str, relation: OsmRelation) -> Lanelet:
        left, right = (self._bound(name, relation, role) for role in ("left", "right"))
        a, b = left.xyz[[0, -1], :2], right.xyz[[0, -1], :2]
        if np.linalg.norm(a - b, axis=1).sum() > np.linalg.norm(a - b[::-1], axis=1).sum():
            right = right.reversed()
        ring = shapely.LinearRing(np.vstack([left.xyz, right.xyz[::-1]])[:, :2])
        if shapely.is_ccw(ring):  # left lay right: both were drawn against the direction of travel
            left, right = left.reversed(), right.reversed()
        return Lanelet(relation.tags, _cut_beside(left, right), _cut_beside(right, left))

    def _bound(self, name: str, relation: OsmRelation, role: str) -> Bound:
        ways = relation.ways(role)
        if len(ways) != 1:
            raise ConfigurationError(f"{self._source}: {name} has {len(ways)} ways as its {role} bound, not one")
        xyz = self.points(ways[0], name)
        nodes = self.osm.ways[ways[0]].nodes
        return Bound(xyz, ways[0], True, (nodes[0], nodes[-1]))

    def _number(self, name: str, node: OsmNode, key: str) -> float:
        said = {"lat": node.lat, "lon": node.lon}.get(key, node.tags.get(key, ""))
        if not said:
            raise ConfigurationError(
                f"{self._source}: node {name[:40]} has no {key}, nor all nodes local_x and local_y"
            )
        try:
            return float(said)
        except ValueError as error:
            raise ConfigurationError(f"{self._source}: node {name[:40]} has {key} '{said[:40]}'") from error

    def _require(self, names: list[str], said: Float, holds: NDArray[np.bool_], problem: str) -> None:
        wrong = np.flatnonzero(~holds.all(axis=1))
        if len(wrong):
            at = int(wrong[0])
            raise ConfigurationError(f"{self._source}: node {names[at][:40]} ({said[at].tolist()}) {problem}")


def _cut_beside(bound: Bound, other: Bound) -> Bound:
    """The bound without what leads far beyond the other's ends: such a way was drawn on where the lanelet is not."""
    width = float(np.median(shapely.distance(shapely.points(other.xyz[:, :2]), shapely.LineString(bound.xyz[:, :2]))))
    station, _ = polylines.project(other.xyz[[0, -1]], bound.xyz)
    gaps = np.linalg.norm(bound.xyz[[0, -1], :2] - other.xyz[[0, -1], :2], axis=1)
    total = polylines.length(bound.xyz)
    first = station[0] if gaps[0] > LONGEST_SKEW * width + 1.0 else 0.0
    last = station[1] if gaps[1] > LONGEST_SKEW * width + 1.0 else total
    if last - first < 0.5 or (first == 0.0 and last == total):
        return bound
    along = polylines.arc_length(bound.xyz)
    kept = np.concatenate([[first], along[(along > first) & (along < last)], [last]])
    return replace(bound, xyz=polylines.at_stations(bound.xyz, kept))
