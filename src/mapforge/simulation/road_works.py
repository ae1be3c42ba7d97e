"""Works on a stretch of street: narrowed lanes on yellow lines, beside what is left of the old white ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.simulation.furniture import Furniture
from mapforge.simulation.junctions import Junction
from mapforge.simulation.lanes import Lane, mouth_station
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.markings import draw_line
from mapforge.simulation.road_network import RoadNetwork
from mapforge.simulation.shapes import box, cylinder, merge, vehicle
from mapforge.simulation.street_profile import LineSlot
from mapforge.simulation.streets import Curve, Street
from mapforge.simulation.world import FeatureKind, Material, Mesh, PaintMark, RoadFeature

Float = NDArray[np.float64]

FROM_MOUTH_M = 28.0
SHORTEST_M = 28.0
TAPER_M = 12.0
LANE_SHARE = 0.82
NARROWEST_M = 2.6
BARRIER_M = (2.0, 0.45, 0.8)
"""Length, width, height of one piece."""
ROOM_FOR_BARRIER_M = 1.1
TEMPORARY_LIMIT = "speed_limit_30"
SIGN_AHEAD_M = 6.0
LANE_STEP_M = 1.0


@dataclass(frozen=True, eq=False)
class RoadWorks:
    """Works beside the lanes of one street. side: +1 on the left of the axis, -1 on its right.

    start_m, end_m: stations between which the temporary lines run, each with a taper. lane_width_m: in between.
    """

    street: Street
    side: float
    start_m: float
    end_m: float
    lane_width_m: float

    @property
    def old_edge_m(self) -> float:
        """Offset of the outermost lane's border on the side of the works, before them."""
        return float(self.side * max(s.offset_m * self.side + s.width_m / 2 for s in self.street.profile.lanes))

    def moved(self, offset_m: float) -> float:
        """Offset during the works of what was at `offset_m`: the far border stays, lanes shrink towards it."""
        slots = self.street.profile.lanes
        far = self.old_edge_m - self.side * sum(s.width_m for s in slots)
        return float(far + (offset_m - far) * self.lane_width_m / slots[0].width_m)

    def offsets(self, stations_m: Float, offset_m: float) -> Float:
        """(M,) offset at stations, eased over both tapers."""
        share = np.clip(np.minimum(stations_m - self.start_m, self.end_m - stations_m) / TAPER_M, 0.0, 1.0)
        return offset_m + (self.moved(offset_m) - offset_m) * share**2 * (3 - 2 * share)

    def curve(self, offset_m: float) -> Curve:
        """The temporary course of what was at `offset_m`."""
        count = int(np.ceil((self.end_m - self.start_m) / LANE_STEP_M)) + 1
        stations = np.linspace(self.start_m, self.end_m, count)
        return self.street.curve.bent(stations, self.offsets(stations, offset_m))


def plan_works(
    network: RoadNetwork, junctions: tuple[Junction, ...], share: float, rng: np.random.Generator
) -> dict[int, RoadWorks]:
    """Works on a share of the streets that are long enough (on at least one), by street."""
    found: dict[int, RoadWorks] = {}
    long = []
    for street in network.streets:
        low, high = (mouth_station(street, junctions, at_start) for at_start in (True, False))
        if high - low - 2 * FROM_MOUTH_M > SHORTEST_M and not street.profile.islands:
            long.append((street, low + FROM_MOUTH_M, high - FROM_MOUTH_M))
    chosen = rng.random(len(long)) < share
    if long and not chosen.any():
        chosen[int(rng.integers(len(long)))] = True
    for (street, low, high), taken in zip(long, chosen):
        if taken:
            width = max(NARROWEST_M, LANE_SHARE * street.profile.lanes[0].width_m)
            side = 1.0 if rng.random() < 0.5 else -1.0
            start = low + float(rng.uniform(0.0, 0.2)) * (high - low - SHORTEST_M)
            end = high - float(rng.uniform(0.0, 0.2)) * (high - low - SHORTEST_M)
            found[street.index] = RoadWorks(street, side, start, end, round(width, 3))
    return found


def shifted_lanes(lanes: list[Lane], works: dict[int, RoadWorks]) -> list[Lane]:
    """The lanes as the works lead them."""
    return [_shifted(lane, works[lane.street]) if lane.street in works else lane for lane in lanes]


def _shifted(lane: Lane, site: RoadWorks) -> Lane:
    offset = site.street.profile.lanes[lane.slot].offset_m
    count = max(2, int(np.ceil(abs(lane.end_m - lane.start_m) / LANE_STEP_M)) + 1)
    stations = np.linspace(lane.start_m, lane.end_m, count)
    return replace(
        lane,
        centreline=site.street.curve.points(stations, site.offsets(stations, offset)),
        width_m=site.lane_width_m,
        speed_limit_mps=min(lane.speed_limit_mps, 30 / 3.6),
    )


def paint_works(
    site: RoadWorks, wear: float, rng: np.random.Generator, ledger: TruthLedger, paint: list[PaintMark]
) -> list[RoadFeature]:
    """Yellow lines with their truth; remnants of the old ones without. Returns the marks their removal left."""
    profile, style = site.street.profile, site.street.profile.style
    ghosts: list[RoadFeature] = []
    for slot in profile.lines:
        ghosts += _leave_remnants(site, slot, wear, rng, paint)
    temporary = [replace(slot, colour="yellow") for slot in profile.lines if not _at_edge(site, slot)]
    if not any(slot.role == "centre" for slot in temporary) and profile.backward:
        middle = [s.offset_m - s.width_m / 2 for s in profile.lanes if s.direction < 0]
        temporary.append(LineSlot(min(middle), "solid", "yellow", "centre"))
    temporary.append(LineSlot(site.old_edge_m, "solid", "yellow", "edge"))
    fresh = float(np.clip(rng.uniform(0.0, 0.25), 0.0, 0.8))
    for slot in temporary:
        curve = site.curve(slot.offset_m)
        on_curve = replace(slot, offset_m=0.0)
        draw_line(curve, on_curve, 0.0, curve.length_m, style, fresh, rng, ledger, paint, goes_on=True)
    return ghosts


def _at_edge(site: RoadWorks, slot: LineSlot) -> bool:
    return abs(slot.offset_m - site.old_edge_m) < 0.05


def _leave_remnants(
    site: RoadWorks, slot: LineSlot, wear: float, rng: np.random.Generator, paint: list[PaintMark]
) -> list[RoadFeature]:
    """Old paint: mostly scratched off, its trace in the asphalt; some pieces gone, some forgotten."""
    old: list[PaintMark] = []
    style = site.street.profile.style
    draw_line(site.street.curve, slot, site.start_m, site.end_m, style, wear, rng, TruthLedger(), old)
    fate = rng.random(len(old))
    for mark, drawn in zip(old, fate):
        if drawn < 0.55:
            paint.append(replace(mark, wear=float(np.clip(rng.normal(0.72, 0.08), 0.5, 0.85))))
        elif drawn < 0.65:
            paint.append(mark)
    scratched = [m.area.buffer(0.03, join_style="mitre") for m, drawn in zip(old, fate) if drawn >= 0.2]
    return [RoadFeature(area, FeatureKind.GHOST) for area in scratched if isinstance(area, shapely.Polygon)]


def furnish_works(works: dict[int, RoadWorks], furniture: Furniture, rng: np.random.Generator) -> list[Mesh]:
    """Cones or barriers along the temporary edge, a machine behind them, and the signs before them."""
    meshes: list[Mesh] = []
    for site in works.values():
        edge = site.curve(site.old_edge_m)
        room = abs(site.old_edge_m - site.moved(site.old_edge_m)) + 0.3
        walled = room > ROOM_FOR_BARRIER_M and bool(rng.random() < 0.5)
        step = BARRIER_M[0] + 0.05 if walled else float(rng.uniform(3.0, 6.0))
        beside = site.side * (0.3 + BARRIER_M[1] / 2)
        for station in np.arange(TAPER_M, edge.length_m - TAPER_M, step):
            at = np.array([station])
            foot = _on_ground(edge.points(at, beside)[0], furniture)
            heading = float(edge.headings(at)[0])
            meshes.append(box(foot, BARRIER_M, heading, Material.CONCRETE) if walled else _cone(foot))
        for share in (0.3, 0.6, 0.9):
            ends = np.array([share * TAPER_M, edge.length_m - share * TAPER_M])
            meshes += [_cone(_on_ground(xy, furniture)) for xy in edge.points(ends, beside)]
        if room + site.street.profile.half_width_m - abs(site.old_edge_m) > 2.6 and rng.random() < 0.6:
            at = np.array([float(rng.uniform(0.35, 0.65)) * edge.length_m])
            foot = _on_ground(edge.points(at, site.side * 1.7)[0], furniture)
            meshes.append(vehicle(foot, float(edge.headings(at)[0]), 4.2, 1.6, 2.4))
        _warn(site, furniture, rng)
    return meshes


def _cone(foot: Float) -> Mesh:
    """A plate with a post: what a cone looks like to a lidar."""
    return merge(
        [
            box(foot, (0.38, 0.38, 0.05), 0.0, Material.TRUNK),
            cylinder(foot, 0.13, 0.3, Material.CONE, sides=8),
            cylinder(foot + np.array([0.0, 0.0, 0.3]), 0.08, 0.4, Material.CONE, sides=8),
        ]
    )


def _on_ground(xy: Float, furniture: Furniture) -> Float:
    return np.array([*xy, float(furniture.road_height(xy[None])[0])])


def _warn(site: RoadWorks, furniture: Furniture, rng: np.random.Generator) -> None:
    """Road works, and a lower limit, for each direction."""
    street = site.street
    for direction in (-1, 1):
        if not any(slot.direction == direction for slot in street.profile.lanes):
            continue
        start = site.start_m if direction > 0 else site.end_m
        for ahead, sign_type, picture in ((SIGN_AHEAD_M, "unknown", "works"), (-2.0, TEMPORARY_LIMIT, "")):
            at = np.array([start - direction * (ahead + float(rng.uniform(0.0, 2.0)))])
            beside = street.profile.half_width_m + float(rng.uniform(0.5, 0.9))
            xy = street.curve.points(at, -direction * beside)[0]
            facing = float(street.curve.headings(at)[0]) + (np.pi if direction > 0 else 0.0)
            if furniture.is_free(xy):
                furniture.add_sign(xy, facing, sign_type, picture)
