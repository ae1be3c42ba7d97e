"""What stands behind the sidewalk: buildings, trees, hedges, lamp posts; and vehicles at the curb."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry import polylines
from mapforge.simulation.furniture import Furniture
from mapforge.simulation.shapes import box, cylinder, foliage, prism, vehicle
from mapforge.simulation.world import Material, Mesh

Float = NDArray[np.float64]
Height = Callable[[Float], Float]


def place_buildings(
    asphalt: shapely.Polygon, room: shapely.Geometry, height: Height, rng: np.random.Generator
) -> tuple[list[Mesh], shapely.Geometry]:
    """Houses in rows along the roads, their fronts 4 to 12 m from the asphalt. Returns them and their footprints.

    room: area they may stand in.
    """
    meshes: list[Mesh] = []
    footprints: list[shapely.Polygon] = []
    for number, ring in enumerate((asphalt.exterior, *asphalt.interiors)):
        setback = float(rng.uniform(4.5, 9.0))
        clear = room.difference(asphalt.buffer(setback - 0.5))
        for line in _beyond(ring, setback, outer=number == 0):
            _row(line, clear, footprints, meshes, height, rng)
    return meshes, shapely.union_all(footprints)


def _row(
    line: Float,
    room: shapely.Geometry,
    footprints: list[shapely.Polygon],
    meshes: list[Mesh],
    height: Height,
    rng: np.random.Generator,
) -> None:
    """Houses along a line with the road on its right."""
    shapely.prepare(room)
    station, total = float(rng.uniform(0, 8)), polylines.length(line)
    while station < total:
        width, depth = float(rng.uniform(7.0, 20.0)), float(rng.uniform(7.0, 13.0))
        middle = np.array([station + width / 2])
        place = polylines.at_stations(line, middle)[0]
        ahead = polylines.at_stations(line, middle + 0.5)[0] - polylines.at_stations(line, middle - 0.5)[0]
        along = ahead / max(np.linalg.norm(ahead), 1e-9)
        away = np.array([-along[1], along[0]])
        setback = float(rng.uniform(0.3, 2.5))
        centre = place + away * (depth / 2 + setback)
        half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (width / 2, depth / 2)
        outline = centre + half @ np.stack([along, away])
        footprint = shapely.Polygon(outline)
        if room.contains(footprint) and not any(other.intersects(footprint) for other in footprints):
            footprints.append(footprint.buffer(0.5))
            base = float(height(outline).min())
            meshes.append(prism(outline, base - 0.5, base + float(rng.uniform(3.5, 15.0)), Material.BUILDING))
            station += width + float(rng.choice([0.6, rng.uniform(2.0, 9.0)]))
        else:
            station += 3.0


def _beyond(ring: shapely.LinearRing, distance_m: float, outer: bool) -> list[Float]:
    """Lines parallel to a ring of the asphalt on its outside, the road on their right."""
    polygon = shapely.Polygon(ring)
    moved = polygon.buffer(distance_m) if outer else polygon.buffer(-distance_m)
    lines = []
    for part in shapely.get_parts(moved):
        if isinstance(part, shapely.Polygon) and not part.is_empty and part.exterior.length > 20.0:
            xy = shapely.get_coordinates(part.exterior.simplify(0.05))
            # around the town the road is inside the line, in a block outside: on the right when run clockwise there
            # and counter-clockwise here
            lines.append(xy[::-1] if shapely.is_ccw(part.exterior) == outer else xy)
    return lines


def place_greenery(
    asphalt: shapely.Polygon, taken: shapely.Geometry, furniture: Furniture, rng: np.random.Generator
) -> list[Mesh]:
    """Trees near the road, hedges and boxes behind the sidewalk. taken: footprints to keep out of."""
    meshes: list[Mesh] = []
    shapely.prepare(taken)
    shapely.prepare(asphalt)
    per_100m = rng.uniform(2.0, 5.0)
    for number, ring in enumerate((asphalt.exterior, *asphalt.interiors)):
        count = int(ring.length * per_100m / 100)
        for station in rng.uniform(0, ring.length, count):
            xy = _aside(ring, number == 0, station, float(rng.choice([rng.uniform(1.0, 1.6), rng.uniform(4, 9)])))
            if _is_clear(xy, 1.3, asphalt, taken) and furniture.is_free(xy):
                furniture.places.append(xy)
                meshes += _tree(xy, float(furniture.height(xy[None])[0]), rng)
        for station in rng.uniform(0, ring.length, count // 2):
            xy = _aside(ring, number == 0, station, float(rng.uniform(3.6, 6.5)))
            if _is_clear(xy, 1.0, asphalt, taken):
                size = (float(rng.uniform(0.6, 3.0)), float(rng.uniform(0.4, 0.9)), float(rng.uniform(0.5, 1.6)))
                foot = np.array([*xy, float(furniture.height(xy[None])[0]) - 0.1])
                meshes.append(box(foot, size, float(rng.uniform(0, np.pi)), Material.FOLIAGE))
    return meshes


def place_lamps(
    asphalt: shapely.Polygon, taken: shapely.Geometry, furniture: Furniture, rng: np.random.Generator
) -> None:
    """Lamp posts behind the curb every 22 to 36 m."""
    shapely.prepare(taken)
    shapely.prepare(asphalt)
    for number, ring in enumerate((asphalt.exterior, *asphalt.interiors)):
        step = float(rng.uniform(22.0, 36.0))
        for station in np.arange(float(rng.uniform(0, step)), ring.length, step):
            xy = _aside(ring, number == 0, station, float(rng.uniform(0.5, 1.0)))
            if _is_clear(xy, 0.3, asphalt, taken) and furniture.is_free(xy):
                furniture.add_pole(xy, float(rng.uniform(5.0, 8.0)), float(rng.uniform(0.06, 0.11)))


def draw_vehicle_size(rng: np.random.Generator) -> tuple[float, float, float]:
    """(length, width, height) of a car, a van or, rarely, a lorry."""
    kind = rng.random()
    if kind < 0.82:
        size = rng.uniform([3.8, 1.66, 1.4], [4.9, 1.88, 1.72])
    elif kind < 0.96:
        size = rng.uniform([4.9, 1.9, 1.9], [6.0, 2.05, 2.6])
    else:
        size = rng.uniform([7.0, 2.2, 2.9], [9.5, 2.45, 3.5])
    return float(size[0]), float(size[1]), float(size[2])


def parked_vehicle(xy: Float, heading_rad: float, height: Height, rng: np.random.Generator) -> Mesh:
    """A car that stands at (2,) xy."""
    length, width, tall = draw_vehicle_size(rng)
    foot = np.array([*xy, float(height(xy[None])[0])])
    return vehicle(foot, heading_rad, min(length, 5.6), min(width, 1.95), min(tall, 2.4))


def _tree(xy: Float, ground_m: float, rng: np.random.Generator) -> list[Mesh]:
    trunk, crown = float(rng.uniform(2.0, 3.5)), rng.uniform([1.0, 1.0, 1.2], [2.2, 2.2, 2.6])
    foot = np.array([*xy, ground_m - 0.1])
    centre = np.array([*xy, ground_m + trunk + 0.75 * crown[2]])
    return [
        cylinder(foot, float(rng.uniform(0.1, 0.24)), trunk + 0.6 * float(crown[2]), Material.TRUNK, sides=6),
        foliage(centre, crown, 90, rng),
    ]


def _aside(ring: shapely.LinearRing, outer: bool, station_m: float, distance_m: float) -> Float:
    """A point outside the asphalt, abreast of a station of one of its rings."""
    xy = shapely.get_coordinates(ring)
    place, ahead = polylines.at_stations(xy, np.array([station_m, station_m + 0.5]))
    along = (ahead - place) / max(float(np.linalg.norm(ahead - place)), 1e-9)
    left = np.array([-along[1], along[0]])
    # the asphalt is on the left of a counter-clockwise outer ring and of a clockwise hole
    asphalt_left = shapely.is_ccw(ring) == outer
    return np.asarray(place - left * distance_m if asphalt_left else place + left * distance_m)


def _is_clear(xy: Float, room_m: float, asphalt: shapely.Polygon, taken: shapely.Geometry) -> bool:
    point = shapely.Point(*xy)
    return not (shapely.dwithin(asphalt, point, 0.35) or shapely.dwithin(taken, point, room_m))
