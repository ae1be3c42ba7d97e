"""A world before it stands: what a family's plan comes to on the ground, and the building of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.schemas.elements import ElementClass
from mapforge.simulation.borders import GroundBeyond, border_mesh, build_borders, draw_boundaries
from mapforge.simulation.furniture import Furniture
from mapforge.simulation.ground_mesh import area_mesh
from mapforge.simulation.lane_truth import draw_lanes, route_lanes
from mapforge.simulation.lanes import Lane
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.shapes import merge
from mapforge.simulation.surroundings import countryside, random_stream, sidewalks_and_grass, surroundings
from mapforge.simulation.terrain import build_ground, draw_hills
from mapforge.simulation.world import Material, Mesh, PaintMark, RoadFeature, World

Float = NDArray[np.float64]

MARGIN_M = 45.0
BASE_HEIGHT_M = 160.0
ASPHALT_CELL_M = 1.5
GROUND_CELL_M = 3.0


@dataclass(frozen=True, eq=False)
class Layout:
    """Roads in the plane. ledger: has the truth of the paint already.

    uncurbed: where asphalt ends in the grass; open_ends: where it only leaves the world. signs: puts up signs and
    other things at the road, none on `road`. movables: bodies on it (parked cars, cones). built_up: houses, sidewalks
    and lamps.
    """

    asphalt: shapely.Polygon
    lanes: list[Lane]
    marks: list[PaintMark]
    ledger: TruthLedger
    signs: Callable[[Furniture], None]
    movables: Callable[[Furniture], list[Mesh]]
    length_m: float
    uncurbed: shapely.Geometry = field(default_factory=shapely.Polygon)
    open_ends: shapely.Geometry = field(default_factory=shapely.Polygon)
    features: list[RoadFeature] = field(default_factory=list)
    built_up: bool = True
    driveways_per_100m: float = 1.5
    road: shapely.Geometry = field(default_factory=shapely.Polygon)


def build_world(layout: Layout, kind: str, seed: int, frame: MapFrame, relief_m: float) -> World:
    """Raises the land, lays the ground, sets up what stands on it, and gathers the truth."""
    ledger, asphalt = layout.ledger, layout.asphalt
    bounds = shapely.bounds(asphalt) + np.array([-MARGIN_M, -MARGIN_M, MARGIN_M, MARGIN_M])
    hills = draw_hills(random_stream(seed, "hills"), relief_m, BASE_HEIGHT_M)
    ground = build_ground(asphalt, hills, tuple(bounds.tolist()))
    borders = build_borders(
        asphalt, layout.uncurbed, layout.open_ends, random_stream(seed, "borders"), layout.driveways_per_100m
    )
    draw_boundaries(borders, ledger)
    ledger.draw(ElementClass.DRIVABLE_AREA, asphalt)
    draw_lanes(layout.lanes, ledger)

    extent = shapely.box(*bounds)
    beyond = GroundBeyond(borders, ground)
    furniture = Furniture(beyond, ledger, random_stream(seed, "furniture"), road_height=ground.at, road=layout.road)
    layout.signs(furniture)
    scenery = surroundings if layout.built_up else countryside
    meshes = [
        area_mesh(asphalt, ASPHALT_CELL_M, ground.at, Material.ASPHALT),
        border_mesh(borders, ground),
        *sidewalks_and_grass(asphalt, layout.uncurbed, extent, beyond, GROUND_CELL_M, random_stream(seed, "sidewalks")),
        *scenery(asphalt, extent, furniture, random_stream(seed, "scenery")),
        *layout.movables(furniture),
        *furniture.meshes,
    ]
    return World(
        name=f"{kind}-{seed}",
        seed=seed,
        frame=frame,
        meshes=(merge(meshes),),
        paint=tuple(layout.marks),
        plates=tuple(furniture.plates),
        lanes=route_lanes(layout.lanes, ground),
        ground=ground,
        truth=ledger.elements(ground),
        metadata={"kind": kind, "road_length_m": f"{layout.length_m:.1f}"},
        features=tuple(layout.features),
    )


def place_of(seed: int) -> tuple[float, float]:
    """(lon, lat) in degrees of a seed's world: on a grid 1.3 km apart, so that worlds do not overlap."""
    column, row = seed % 170, seed // 170 % 400
    return 8.4 + 0.02 * column, 49.0 + 0.013 * row


def frame_and_centre(seed: int, lon_lat_deg: tuple[float, float] | None) -> tuple[MapFrame, Float]:
    """The frame of a world there (None: at its seed's place), and its middle (2,) in it."""
    lon_lat_deg = lon_lat_deg or place_of(seed)
    frame = MapFrame.at(*lon_lat_deg)
    return frame, frame.from_wgs84(np.array([[*lon_lat_deg, 0.0]]))[0, :2]
