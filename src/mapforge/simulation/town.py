"""Procedural places of streets and junctions, a town unless another family is asked for: all varies with the seed."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.simulation.config import TownConfig
from mapforge.simulation.families import SPECS, Family
from mapforge.simulation.furniture import Furniture
from mapforge.simulation.islands import build_islands
from mapforge.simulation.junctions import Junction, asphalt_of, build_junctions
from mapforge.simulation.lane_graph import build_lanes
from mapforge.simulation.lanes import mouth_station
from mapforge.simulation.layout import MARGIN_M, Layout, build_world, frame_and_centre
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.parking import paint_bays, park
from mapforge.simulation.road_network import RoadNetwork
from mapforge.simulation.road_works import furnish_works, plan_works, shifted_lanes
from mapforge.simulation.sign_placement import place_island_signs, place_signs
from mapforge.simulation.street_paint import paint_town
from mapforge.simulation.surroundings import random_stream
from mapforge.simulation.tram_tracks import lay_tracks
from mapforge.simulation.world import Mesh, World

Float = NDArray[np.float64]


def make_town(
    seed: int, town: TownConfig, lon_lat_deg: tuple[float, float] | None = None, family: Family = Family.TOWN
) -> World:
    """The place of a seed: the same seed, settings and family give the same place, to the bit.

    lon_lat_deg: its middle; None: near 8.4 E 49.0 N, apart for every seed. Raises ConfigurationError off the globe.
    """
    spec = SPECS[family]
    frame, centre = frame_and_centre(seed, lon_lat_deg)
    network = spec.network(
        random_stream(seed, "roads"),
        town.blocks_east,
        town.blocks_north,
        town.block_m * spec.block,
        town.curviness,
        centre,
        spec.profile,
    )
    junctions = build_junctions(network, random_stream(seed, "junctions"), spec.junctions)
    asphalt = asphalt_of(network, junctions)
    lanes, turns = build_lanes(network, junctions, asphalt, random_stream(seed, "lanes"))
    works = plan_works(network, junctions, spec.works, random_stream(seed, "works")) if spec.works else {}
    lanes = shifted_lanes(lanes, works)
    islands = build_islands(network, junctions, random_stream(seed, "islands"))
    asphalt = asphalt.difference(shapely.union_all([island.area for island in islands])) if islands else asphalt

    ledger = TruthLedger()
    crossings, parked = min(1.0, town.crossings * spec.crossings), min(0.95, town.parked * spec.parked)
    paint_rng = random_stream(seed, "paint")
    painted = paint_town(network, junctions, lanes, turns, crossings, town.wear, paint_rng, ledger, works)
    paint_bays(network, painted, town.wear, random_stream(seed, "bays"))

    def signs(furniture: Furniture) -> None:
        place_signs(network, junctions, painted, lanes, turns, random_stream(seed, "signs"), furniture)
        place_island_signs(islands, furniture, random_stream(seed, "island signs"))

    def movables(furniture: Furniture) -> list[Mesh]:
        works_rng = random_stream(seed, "site")
        return [
            *park(network, painted, parked, furniture, random_stream(seed, "parked")),
            *furnish_works(works, furniture, works_rng),
        ]

    layout = Layout(
        asphalt=asphalt,
        lanes=lanes,
        marks=painted.marks,
        ledger=ledger,
        signs=signs,
        movables=movables,
        length_m=network.length_m,
        uncurbed=_beside_uncurbed(network, junctions) if spec.curbs else asphalt.buffer(2 * MARGIN_M).envelope,
        open_ends=_open_ends(network),
        features=[*painted.features, *lay_tracks(lanes, random_stream(seed, "tracks"))],
        built_up=spec.built_up,
        road=asphalt if family is not Family.TOWN else shapely.Polygon(),  # towns stay as they were
    )
    return build_world(layout, family.value, seed, frame, town.relief_m * spec.relief)


def _beside_uncurbed(network: RoadNetwork, junctions: tuple[Junction, ...]) -> shapely.Geometry:
    """Bands over streets without curbs, between their junctions."""
    bands = [
        street.curve.strip(
            -street.profile.half_width_m - 5.0,
            street.profile.half_width_m + 5.0,
            mouth_station(street, junctions, True) if street.start_node >= 0 else 0.0,
            mouth_station(street, junctions, False) if street.end_node >= 0 else street.length_m,
        )
        for street in network.streets
        if not street.profile.curbed
    ]
    return shapely.union_all(bands) if bands else shapely.Polygon()


def _open_ends(network: RoadNetwork) -> shapely.Geometry:
    """Where asphalt only stops because the world does."""
    ends = []
    for street in network.streets:
        half = street.profile.half_width_m - 0.05
        if street.start_node < 0:
            ends.append(street.curve.strip(-half, half, 0.0, 0.5).buffer(0.1, join_style="mitre"))
        if street.end_node < 0:
            ends.append(
                street.curve.strip(-half, half, street.length_m - 0.5, street.length_m).buffer(0.1, join_style="mitre")
            )
    return shapely.union_all(ends) if ends else shapely.Polygon()
