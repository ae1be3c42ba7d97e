"""A procedural town: everything varies with the seed."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.schemas.elements import ElementClass
from mapforge.simulation.borders import GroundBeyond, border_mesh, build_borders, draw_boundaries
from mapforge.simulation.config import TownConfig
from mapforge.simulation.furniture import Furniture
from mapforge.simulation.ground_mesh import area_mesh
from mapforge.simulation.junctions import Junction, asphalt_of, build_junctions
from mapforge.simulation.lane_graph import build_lanes, mouth_station
from mapforge.simulation.lane_truth import draw_lanes, route_lanes
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.road_network import RoadNetwork, draw_network
from mapforge.simulation.scenery import parked_vehicle
from mapforge.simulation.shapes import merge
from mapforge.simulation.sign_placement import place_signs
from mapforge.simulation.street_paint import StreetPaint, paint_town
from mapforge.simulation.surroundings import random_stream, sidewalks_and_grass, surroundings
from mapforge.simulation.terrain import build_ground, draw_hills
from mapforge.simulation.world import Material, Mesh, World

Float = NDArray[np.float64]

MARGIN_M = 45.0
BASE_HEIGHT_M = 160.0
ASPHALT_CELL_M = 1.5
GROUND_CELL_M = 3.0
PARKING_SPACE_M = 6.4


def make_town(seed: int, town: TownConfig, lon_lat_deg: tuple[float, float] | None = None) -> World:
    """The town of a seed: the same seed and settings give the same town, to the bit.

    lon_lat_deg: its middle; None: near 8.4 E 49.0 N, apart for every seed. Raises ConfigurationError off the globe.
    """
    lon_lat_deg = lon_lat_deg or place_of(seed)
    frame = MapFrame.at(*lon_lat_deg)
    centre = frame.from_wgs84(np.array([[*lon_lat_deg, 0.0]]))[0, :2]
    network = draw_network(
        random_stream(seed, "roads"), town.blocks_east, town.blocks_north, town.block_m, town.curviness, centre
    )
    junctions = build_junctions(network, random_stream(seed, "junctions"))
    asphalt = asphalt_of(network, junctions)
    lanes, turns = build_lanes(network, junctions, asphalt, random_stream(seed, "lanes"))

    ledger = TruthLedger()
    paint_rng = random_stream(seed, "paint")
    painted = paint_town(network, junctions, lanes, turns, town.crossings, town.wear, paint_rng, ledger)
    bounds = shapely.bounds(asphalt) + np.array([-MARGIN_M, -MARGIN_M, MARGIN_M, MARGIN_M])
    hills = draw_hills(random_stream(seed, "hills"), town.relief_m, BASE_HEIGHT_M)
    ground = build_ground(asphalt, hills, tuple(bounds.tolist()))
    uncurbed = _beside_uncurbed(network, junctions)
    borders = build_borders(asphalt, uncurbed, _open_ends(network), random_stream(seed, "borders"))
    draw_boundaries(borders, ledger)
    ledger.draw(ElementClass.DRIVABLE_AREA, asphalt)
    draw_lanes(lanes, ledger)

    extent = shapely.box(*bounds)
    beyond = GroundBeyond(borders, ground)
    furniture = Furniture(beyond, ledger, random_stream(seed, "furniture"))
    place_signs(network, junctions, painted, lanes, turns, random_stream(seed, "signs"), furniture)
    meshes = [
        area_mesh(asphalt, ASPHALT_CELL_M, ground.at, Material.ASPHALT),
        border_mesh(borders, ground),
        *sidewalks_and_grass(asphalt, uncurbed, extent, beyond, GROUND_CELL_M, random_stream(seed, "sidewalks")),
        *surroundings(asphalt, extent, furniture, random_stream(seed, "scenery")),
        *_parked(network, painted, town.parked, furniture, random_stream(seed, "parked")),
        *furniture.meshes,
    ]
    return World(
        name=f"town-{seed}",
        seed=seed,
        frame=frame,
        meshes=(merge(meshes),),
        paint=tuple(painted.marks),
        plates=tuple(furniture.plates),
        lanes=route_lanes(lanes, ground),
        ground=ground,
        truth=ledger.elements(ground),
        metadata={"kind": "town", "road_length_m": f"{network.length_m:.1f}"},
    )


def place_of(seed: int) -> tuple[float, float]:
    """(lon, lat) in degrees of a seed's town: on a grid 1.3 km apart, so that towns do not overlap."""
    column, row = seed % 170, seed // 170 % 400
    return 8.4 + 0.02 * column, 49.0 + 0.013 * row


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


def _parked(
    network: RoadNetwork, painted: StreetPaint, share: float, furniture: Furniture, rng: np.random.Generator
) -> list[Mesh]:
    """Vehicles in the parking strips, clear of junctions and crossings."""
    meshes = []
    for street in network.streets:
        profile = street.profile
        low = 6.0 + max(painted.approaches[street.index, True].lines_m if street.start_node >= 0 else 0.0, 0.0)
        end = painted.approaches[street.index, False].lines_m if street.end_node >= 0 else 0.0
        middle = painted.midblock_m.get(street.index, (-99.0, -99.0))
        for side, strip in ((1.0, profile.parking_left_m), (-1.0, profile.parking_right_m)):
            if strip == 0:
                continue
            for station in np.arange(low, street.length_m - end - 6.0, PARKING_SPACE_M):
                if rng.random() > share or middle[0] - 7.0 < station < middle[1] + 7.0:
                    continue
                offset = side * (profile.half_width_m - strip / 2 - rng.uniform(0.05, 0.25))
                at = np.array([station + rng.uniform(-0.5, 0.5)])
                heading = float(street.curve.headings(at)[0]) + (np.pi if side > 0 else 0.0)
                heading += float(np.deg2rad(rng.normal(0.0, 1.2)))
                xy = street.curve.points(at, offset)[0]
                meshes.append(parked_vehicle(xy, heading, furniture.height, rng))
    return meshes
