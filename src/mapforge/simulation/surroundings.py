"""The ground and what stands on it beyond the asphalt, for towns and real maps alike."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.simulation.furniture import Furniture
from mapforge.simulation.ground_mesh import area_mesh
from mapforge.simulation.scenery import place_buildings, place_greenery, place_lamps
from mapforge.simulation.world import Material, Mesh

Float = NDArray[np.float64]


def random_stream(seed: int, what: str) -> np.random.Generator:
    """A stream of its own for each part of a world, so that one part's draws do not shift another's."""
    return np.random.default_rng([seed, crc32(what.encode())])


def sidewalks_and_grass(
    asphalt: shapely.Polygon,
    uncurbed: shapely.Geometry,
    extent: shapely.Polygon,
    height: Callable[[Float], Float],
    cell_m: float,
    rng: np.random.Generator,
) -> list[Mesh]:
    """Sidewalks, at the curb or behind a strip of grass, none in `uncurbed`; grass everywhere else in `extent`."""
    walks = []
    for block in shapely.get_parts(extent.difference(asphalt)):
        verge = float(rng.choice([0.0, rng.uniform(0.8, 1.8)]))
        width = float(rng.uniform(1.6, 3.2))
        walk = block.intersection(asphalt.buffer(verge + width))
        walks.append(walk.difference(asphalt.buffer(verge)) if verge else walk)
    walk = shapely.union_all(walks).difference(uncurbed)
    grass = extent.difference(asphalt).difference(walk)

    def uneven(xy: Float) -> Float:
        return height(xy) + rng.normal(0.0, 0.012, len(xy))

    return [
        area_mesh(walk, cell_m, height, Material.SIDEWALK),
        area_mesh(grass, cell_m, uneven, Material.GRASS),
    ]


def surroundings(
    asphalt: shapely.Polygon, extent: shapely.Polygon, furniture: Furniture, rng: np.random.Generator
) -> list[Mesh]:
    """Buildings, lamp posts, trees and hedges."""
    buildings, footprints = place_buildings(asphalt, extent.difference(asphalt), furniture.height, rng)
    place_lamps(asphalt, footprints, furniture, rng)
    return buildings + place_greenery(asphalt, footprints, furniture, rng)


def countryside(
    asphalt: shapely.Polygon, extent: shapely.Polygon, furniture: Furniture, rng: np.random.Generator
) -> list[Mesh]:
    """Trees and hedges only."""
    return place_greenery(asphalt, shapely.Polygon(), furniture, rng)
