"""Worlds made from real maps: real geometry of lanes, paint and curbs; invented buildings, trees and signs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.interpolate import griddata
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from mapforge.errors import MissingInputError
from mapforge.geometry import polylines
from mapforge.geometry.grid import BevGrid
from mapforge.schemas.elements import ElementClass
from mapforge.simulation.av2_map import read_av2_map
from mapforge.simulation.borders import GroundBeyond, border_mesh, build_borders, draw_boundaries
from mapforge.simulation.charted import NO_GEOREFERENCE, ChartedMap
from mapforge.simulation.config import TownConfig
from mapforge.simulation.furniture import Furniture
from mapforge.simulation.ground_mesh import area_mesh
from mapforge.simulation.lane_truth import draw_lanes, route_lanes
from mapforge.simulation.lanelet2_map import read_lanelet2_map
from mapforge.simulation.lanes import Lane
from mapforge.simulation.layout import place_of
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.map_crop import around_a_place
from mapforge.simulation.nuscenes_map import read_nuscenes_map
from mapforge.simulation.real_paint import paint_real_map
from mapforge.simulation.shapes import merge
from mapforge.simulation.sign_placement import ANYWHERE
from mapforge.simulation.surroundings import random_stream, sidewalks_and_grass, surroundings
from mapforge.simulation.terrain import build_ground, draw_hills
from mapforge.simulation.world import Heightfield, Material, World

Float = NDArray[np.float64]

MARGIN_M = 40.0
PLACES_OF_TOWNS = 40_000
ASPHALT_CELL_M = 2.0
GROUND_CELL_M = 4.0
HEIGHT_STEP_M = 5.0
SIGN_STEP_M = 38.0


def map_file_of(source: Path) -> Path:
    """The map file in a folder, or the file itself. Raises MissingInputError when there is none."""
    if source.is_file():
        return source
    for pattern in ("log_map_archive_*.json", "map/log_map_archive_*.json", "map.geojson", "*.geojson", "*.osm"):
        found = sorted(source.glob(pattern)) if source.is_dir() else []
        if found:
            return found[0]
    raise MissingInputError(
        f"simulation.world is '{source}', where there is no map: write 'town' or another family, or the path of "
        "an AV2 map folder, its log_map_archive JSON, a scene's map.geojson, or a Lanelet2 map's *.osm"
    )


def make_real_world(source: Path, seed: int, town: TownConfig, lon_lat_deg: tuple[float, float] | None = None) -> World:
    """A world with the lanes, paint, crossings and curbs of a real map.

    lon_lat_deg: where a map without georeference is put (None: somewhere no town is, by the seed); AV2 and Lanelet2
    maps know their own. Of a large map, only the roads around a place drawn by the seed.
    Raises MissingInputError or ConfigurationError when the map cannot be read.
    """
    path = map_file_of(source)
    charted = _charted(path, seed, lon_lat_deg)
    asphalt, ledger = charted.asphalt, TruthLedger()
    bounds = shapely.bounds(asphalt) + np.array([-MARGIN_M, -MARGIN_M, MARGIN_M, MARGIN_M])
    terrain, crown = _terrain(charted, town, bounds, random_stream(seed, "hills"))
    ground = build_ground(asphalt, terrain, tuple(bounds.tolist()), crown)
    paint = paint_real_map(
        charted.lines, charted.crossings, asphalt, town.wear, random_stream(seed, "paint"), ledger, charted.stop_lines
    )
    open_ends = charted.extent.boundary.buffer(0.6).union(charted.open_ends)
    borders = build_borders(asphalt, shapely.Polygon(), open_ends, random_stream(seed, "borders"))
    draw_boundaries(borders, ledger)
    ledger.draw(ElementClass.DRIVABLE_AREA, asphalt)
    draw_lanes(charted.lanes, ledger)
    furniture = Furniture(
        GroundBeyond(borders, ground), ledger, random_stream(seed, "furniture"), road_height=ground.at
    )
    _place_signs(asphalt, charted.lanes, random_stream(seed, "signs"), furniture)
    extent = asphalt.buffer(MARGIN_M, quad_segs=4)
    meshes = [
        area_mesh(asphalt, ASPHALT_CELL_M, ground.at, Material.ASPHALT),
        border_mesh(borders, ground),
        *sidewalks_and_grass(
            asphalt, shapely.Polygon(), extent, furniture.height, GROUND_CELL_M, random_stream(seed, "sidewalks")
        ),
        *surroundings(asphalt, extent, furniture, random_stream(seed, "scenery")),
        *furniture.meshes,
    ]
    return World(
        name=f"{charted.name}-{seed}",
        seed=seed,
        frame=charted.frame,
        meshes=(merge(meshes),),
        paint=tuple(paint),
        plates=tuple(furniture.plates),
        lanes=route_lanes(charted.lanes, ground),
        ground=ground,
        truth=ledger.elements(ground),
        metadata={
            "kind": "real_map",
            "source": path.name,
            "placement": charted.placement,
            "centre_lon_lat_deg": "{:.6f} {:.6f}".format(*_centre(charted)),
        },
    )


def centre_of_real_world(source: Path, seed: int) -> tuple[float, float] | None:
    """Longitude and latitude of the middle of the world of a map and a seed; None where the map has no georeference.

    Raises as `make_real_world` does.
    """
    charted = _charted(map_file_of(source), seed, None)
    if charted.placement == NO_GEOREFERENCE:
        return None
    return _centre(charted)


def _charted(path: Path, seed: int, lon_lat_deg: tuple[float, float] | None) -> ChartedMap:
    return around_a_place(_read(path, lon_lat_deg or place_of(PLACES_OF_TOWNS + seed)), random_stream(seed, "place"))


def _read(path: Path, lon_lat_deg: tuple[float, float]) -> ChartedMap:
    if path.suffix == ".json":
        return read_av2_map(path)
    if path.suffix == ".osm":
        return read_lanelet2_map(path, lon_lat_deg)
    return read_nuscenes_map(path, lon_lat_deg)


def _centre(charted: ChartedMap) -> tuple[float, float]:
    """Longitude and latitude of the middle of the roads that a world has."""
    x0, y0, x1, y1 = shapely.bounds(charted.asphalt)
    lon, lat, _ = charted.frame.to_wgs84(np.array([[(x0 + x1) / 2, (y0 + y1) / 2, 0.0]]))[0]
    return float(lon), float(lat)


def _terrain(
    charted: ChartedMap, town: TownConfig, bounds: Float, rng: np.random.Generator
) -> tuple[Callable[[Float], Float], float]:
    """Height of the land and the crown to add: real heights have theirs."""
    if not len(charted.heights):
        return draw_hills(rng, town.relief_m, 160.0), 0.015
    x0, y0 = np.floor(bounds[:2])
    shape = np.ceil((bounds[2:] - bounds[:2]) / HEIGHT_STEP_M).astype(int) + 1
    grid = BevGrid(float(x0), float(y0), HEIGHT_STEP_M, int(shape[1]), int(shape[0]))
    rows, columns = np.indices(grid.shape)
    xy = grid.centres_of(rows.ravel(), columns.ravel())
    # measured heights lie on lane borders only: linear between them, the nearest beyond, smoothed
    known = np.unique(np.round(charted.heights, 2), axis=0)
    spread = np.linalg.matrix_rank(known[:, :2] - known[0, :2], tol=HEIGHT_STEP_M)
    z = griddata(known[:, :2], known[:, 2], xy, method="linear") if spread == 2 else np.full(len(xy), np.nan)
    _, nearest = cKDTree(known[:, :2]).query(xy)
    z = np.where(np.isfinite(z), z, known[nearest, 2]).reshape(grid.shape)
    field = Heightfield(grid, gaussian_filter(z, 1.5).astype(np.float32))
    return field.at, 0.0


def _place_signs(asphalt: shapely.Polygon, lanes: list[Lane], rng: np.random.Generator, furniture: Furniture) -> None:
    """Signs on the right of lanes that run along the curb."""
    for lane in lanes:
        if lane.turn:
            continue
        total = polylines.length(lane.centreline)
        for station in np.arange(rng.uniform(2.0, SIGN_STEP_M), total - 1.0, SIGN_STEP_M):
            place, ahead = polylines.at_stations(lane.centreline, np.array([station, station + 1.0]))
            along = (ahead - place) / np.linalg.norm(ahead - place)
            right = np.array([along[1], -along[0]])
            beam = shapely.LineString([place, place + right * (lane.width_m + 3.0)]).difference(asphalt)
            if beam.is_empty:
                continue
            curb = shapely.get_coordinates(beam)[0]
            xy = curb + right * rng.uniform(0.5, 0.9)
            if asphalt.distance(shapely.Point(*xy)) > 0.4 and furniture.is_free(xy):
                facing = float(np.arctan2(-along[1], -along[0]))
                furniture.add_sign(xy, facing, str(rng.choice((*ANYWHERE, "stop", "yield", "priority_road"))))
