"""Where streets meet: the rounded asphalt, the mouths of the arms, and who has to wait."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry import polylines
from mapforge.simulation.road_network import RoadNetwork
from mapforge.simulation.streets import Street

Float = NDArray[np.float64]

ARM_M = 42.0
ARC_SEGMENTS = 48
CIRCLE_GUTTER_M = 0.5


class Control(StrEnum):
    """How traffic at a junction is ruled."""

    SIGNALS = "signals"
    STOP = "stop"
    YIELD = "yield"
    ALL_STOP = "all_stop"
    ROUNDABOUT = "roundabout"


@dataclass(frozen=True)
class JunctionRules:
    """How the junctions of a family are. radius_m: of the corners, least and greatest.

    controls: (control, weight) to draw from, empty: by the size of the streets. roundabouts: share of junctions.
    """

    radius_m: tuple[float, float] = (5.0, 10.0)
    controls: tuple[tuple[Control, float], ...] = ()
    roundabouts: float = 0.0


@dataclass(frozen=True)
class Circle:
    """The ring road of a roundabout. island_m: radius of its raised middle; lanes: side by side, `lane_m` wide."""

    island_m: float
    lanes: int
    lane_m: float

    @property
    def outer_m(self) -> float:
        """Radius of the asphalt."""
        return self.island_m + self.lanes * self.lane_m + 2 * CIRCLE_GUTTER_M

    def radius_m(self, lane: int) -> float:
        """Of the middle of a lane, 0 the innermost."""
        return self.island_m + CIRCLE_GUTTER_M + (lane + 0.5) * self.lane_m


@dataclass(frozen=True, eq=False)
class Arm:
    """One street's end at a junction.

    at_start: the street begins here (else it ends here). mouth_m: distance from the junction's centre along the
    street's axis where its full cross-section begins. major: it has priority over some other arm.
    """

    street: Street
    at_start: bool
    mouth_m: float
    major: bool

    def station(self, distance_m: float) -> float:
        """Station on the street's axis at a distance from the junction's centre."""
        return distance_m if self.at_start else self.street.length_m - distance_m

    @property
    def outward_rad(self) -> float:
        """Heading away from the junction, at the mouth."""
        heading = float(self.street.curve.headings(np.array([self.station(self.mouth_m)]))[0])
        return heading if self.at_start else heading + np.pi

    @property
    def inbound_direction(self) -> int:
        """Lane direction (+1 along the axis) of lanes that lead into the junction."""
        return -1 if self.at_start else 1

    def across_m(self, offset_left_of_traffic_m: float) -> float:
        """Axis offset of an offset seen by traffic that drives towards the junction."""
        return offset_left_of_traffic_m * self.inbound_direction


@dataclass(frozen=True, eq=False)
class Junction:
    """arms: by rising outward heading. area: the asphalt between the mouths. circle: of a roundabout."""

    index: int
    centre: Float
    arms: tuple[Arm, ...]
    control: Control
    area: shapely.Polygon
    circle: Circle | None = None

    def waits(self, arm: Arm) -> bool:
        """Traffic of this arm has a line to stop at."""
        return self.control in (Control.SIGNALS, Control.ALL_STOP, Control.ROUNDABOUT) or not arm.major


def build_junctions(
    network: RoadNetwork, rng: np.random.Generator, rules: JunctionRules | None = None
) -> tuple[Junction, ...]:
    """All junctions; rules: those of the town by default."""
    rules = rules or JunctionRules()
    return tuple(_junction(network, node, rng, rules) for node in range(len(network.nodes_xy)))


def asphalt_of(network: RoadNetwork, junctions: tuple[Junction, ...]) -> shapely.Polygon:
    """All asphalt as one polygon; its rings run along the foot of the curbs.

    The closing by a centimetre joins strips that only touch.
    """
    strips = [street.asphalt() for street in network.streets]
    whole = shapely.union_all([*strips, *(junction.area for junction in junctions)])
    whole = whole.buffer(0.01, join_style="mitre").buffer(-0.01, join_style="mitre").simplify(0.003)
    if not isinstance(whole, shapely.Polygon):
        raise ValueError("the streets of this town do not form one connected piece of asphalt")
    holes = [ring for ring in whole.interiors if shapely.Polygon(ring).area > 25.0]
    return shapely.Polygon(whole.exterior, holes)


def _junction(network: RoadNetwork, node: int, rng: np.random.Generator, rules: JunctionRules) -> Junction:
    centre = network.nodes_xy[node]
    ends = [(s, True) for s in network.streets if s.start_node == node]
    ends += [(s, False) for s in network.streets if s.end_node == node]
    strips = [_arm_strip(street, at_start) for street, at_start in ends]
    circle = None
    if rules.roundabouts and rng.random() < rules.roundabouts:
        circle = _draw_circle(rng, [street for street, _ in ends])
        strips = [*strips, shapely.Point(*centre).buffer(circle.outer_m, quad_segs=ARC_SEGMENTS)]
    radius = rng.uniform(*rules.radius_m) if circle is None else rng.uniform(14.0, 20.0)
    # morphological closing: what no disc of this radius can reach from outside is filled, which leaves an arc of
    # exactly this radius, tangent to both curbs, in every corner
    united = shapely.union_all(strips)
    closed = united.buffer(radius, quad_segs=ARC_SEGMENTS).buffer(-radius, quad_segs=ARC_SEGMENTS).union(united)
    mouths = [_mouth(street, at_start, strip, closed) for (street, at_start), strip in zip(ends, strips)]
    ranks = [street.profile.rank for street, _ in ends]
    majors = _majors([street.corridor for street, _ in ends], ranks)
    arms = [Arm(s, start, mouth, major) for (s, start), mouth, major in zip(ends, mouths, majors)]
    arms.sort(key=lambda arm: arm.outward_rad % (2 * np.pi))
    outer = [
        arm.street.asphalt(*sorted((arm.station(arm.mouth_m), arm.station(ARM_M + 5.0)))).buffer(0.02) for arm in arms
    ]
    near = closed.intersection(shapely.Point(*centre).buffer(max(mouths) + 25.0))
    area = _largest(near.difference(shapely.union_all(outer)))
    control = Control.ROUNDABOUT if circle is not None else _control(rng, arms, rules)
    return Junction(node, centre, tuple(arms), control, area.buffer(0.03, join_style="mitre"), circle)


def _draw_circle(rng: np.random.Generator, streets: list[Street]) -> Circle:
    """Two lanes where a street brings two."""
    wide = max(max(street.profile.forward, street.profile.backward) for street in streets) > 1
    if wide or rng.random() < 0.15:
        return Circle(round(float(rng.uniform(8.0, 11.0)), 2), 2, round(float(rng.uniform(4.0, 4.5)), 2))
    return Circle(round(float(rng.uniform(5.5, 9.5)), 2), 1, round(float(rng.uniform(4.8, 5.8)), 2))


def _arm_strip(street: Street, at_start: bool) -> shapely.Polygon:
    reach = min(ARM_M, street.length_m)
    return street.asphalt(0.0, reach) if at_start else street.asphalt(street.length_m - reach, street.length_m)


def _mouth(street: Street, at_start: bool, strip: shapely.Polygon, closed: shapely.Polygon) -> float:
    """How far the corner arcs and the other arms reach along this arm, and half a metre."""
    touching = closed.difference(strip.buffer(0.02)).intersection(strip.buffer(0.1))
    points = shapely.get_coordinates(touching)
    if not len(points):
        return street.profile.half_width_m
    stations, _ = polylines.project(points, street.curve.xy)
    distance = stations if at_start else street.length_m - stations
    return float(distance[distance < ARM_M - 1.0].max(initial=0.0)) + 0.5


def _majors(corridors: list[int], ranks: list[int]) -> list[bool]:
    """A corridor that runs through has priority over one that ends; of two that run through, the greater."""
    through = {c for c in corridors if corridors.count(c) > 1}
    if len(through) == 1:
        return [c in through for c in corridors]
    best = max(zip(ranks, corridors))[1]
    return [c == best for c in corridors]


def _control(rng: np.random.Generator, arms: list[Arm], rules: JunctionRules) -> Control:
    if rules.controls:
        kinds, weights = zip(*rules.controls)
        return Control(str(rng.choice(kinds, p=np.array(weights) / sum(weights))))
    lanes = max(len(arm.street.profile.lanes) for arm in arms)
    busy = 0.65 if lanes > 2 else 0.3
    draw = rng.random()
    if draw < busy:
        return Control.SIGNALS
    if len(arms) > 3 and draw > 0.9:
        return Control.ALL_STOP
    return Control.STOP if rng.random() < 0.5 else Control.YIELD


def _largest(area: shapely.Geometry) -> shapely.Polygon:
    parts = shapely.get_parts(area)
    return parts[int(np.argmax(shapely.area(parts)))]
