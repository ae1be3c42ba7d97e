"""Families of procedural worlds: what sets one apart from the town, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from mapforge.simulation.family_profiles import (
    parking_profile,
    roundabout_profile,
    rural_profile,
    tram_profile,
    urban_profile,
    works_profile,
)
from mapforge.simulation.junctions import Control, JunctionRules
from mapforge.simulation.organic_network import draw_organic_network
from mapforge.simulation.road_network import ProfileDraw, RoadNetwork, draw_network
from mapforge.simulation.street_profile import draw_profile

NetworkDraw = Callable[..., RoadNetwork]
TOWN_JUNCTIONS = JunctionRules()


class Family(StrEnum):
    """Kinds of places."""

    TOWN = "town"
    ORGANIC = "organic"
    MOTORWAY = "motorway"
    ROUNDABOUT = "roundabout"
    RURAL = "rural"
    URBAN = "urban"
    CONSTRUCTION = "construction"
    TRAM = "tram"
    PARKING = "parking"


@dataclass(frozen=True)
class FamilySpec:
    """How a family differs. block, relief, crossings, parked: factors on the settings of the town.

    works: share of the long streets with road works. curbs: asphalt ends at curbs (where the cross-section has them),
    else in the grass everywhere. built_up: houses, sidewalks and lamps. speed: factor on the drives' cruising speed.
    """

    network: NetworkDraw = draw_network
    profile: ProfileDraw = draw_profile
    junctions: JunctionRules = TOWN_JUNCTIONS
    block: float = 1.0
    relief: float = 1.0
    crossings: float = 1.0
    parked: float = 1.0
    works: float = 0.0
    curbs: bool = True
    built_up: bool = True
    speed: float = 1.0


_GIVE_WAY = ((Control.YIELD, 0.6), (Control.STOP, 0.4))
_MOSTLY_SIGNALS = ((Control.SIGNALS, 0.85), (Control.STOP, 0.15))

SPECS = {
    Family.TOWN: FamilySpec(),
    Family.ORGANIC: FamilySpec(network=draw_organic_network, block=1.1, junctions=JunctionRules((4.0, 11.0))),
    Family.MOTORWAY: FamilySpec(relief=1.5, curbs=False, built_up=False, speed=2.2),
    Family.ROUNDABOUT: FamilySpec(profile=roundabout_profile, block=1.45, junctions=JunctionRules(roundabouts=0.85)),
    Family.RURAL: FamilySpec(
        network=draw_organic_network,
        profile=rural_profile,
        junctions=JunctionRules((6.0, 13.0), _GIVE_WAY),
        block=1.6,
        relief=3.0,
        crossings=0.15,
        curbs=False,
        built_up=False,
        speed=1.25,
    ),
    Family.URBAN: FamilySpec(
        profile=urban_profile, junctions=JunctionRules((6.0, 10.0), _MOSTLY_SIGNALS), block=1.45, crossings=1.4
    ),
    Family.CONSTRUCTION: FamilySpec(profile=works_profile, block=1.45, works=0.7),
    Family.TRAM: FamilySpec(
        profile=tram_profile, junctions=JunctionRules((5.0, 9.0), _MOSTLY_SIGNALS), block=1.35, crossings=1.2
    ),
    Family.PARKING: FamilySpec(profile=parking_profile, block=1.15, parked=2.3),
}
