"""Where the asphalt ends: curbs with drops at driveways, plain edges, and the ground beyond them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from mapforge.geometry import polylines
from mapforge.schemas.elements import ElementClass
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.shapes import merge, mesh_of
from mapforge.simulation.world import Heightfield, Material, Mesh

Float = NDArray[np.float64]

SAMPLE_M = 0.4
CURB_TOP_M = 0.18
EDGE_STEP_M = 0.015
DROP_STEP_M = 0.025
SLOPE_BACK_M = 1.2


@dataclass(frozen=True, eq=False)
class Border:
    """One ring of the asphalt. xy: (N, 2) closed, asphalt on its left.

    curb: (N,) True where it is a curb, False where asphalt meets grass. step_m: (N,) height of the ground beyond
    over the asphalt. full_m: height of the ground well behind it. open: (N,) True where the road only leaves the
    world and no map element is due.
    """

    xy: Float
    curb: NDArray[np.bool_]
    step_m: Float
    full_m: float
    open: NDArray[np.bool_]


def build_borders(
    asphalt: shapely.Polygon,
    uncurbed: shapely.Geometry,
    open_ends: shapely.Geometry,
    rng: np.random.Generator,
    driveways_per_100m: float = 1.5,
) -> tuple[Border, ...]:
    """One border a ring, each with its own curb height (0.08 to 0.18 m) and driveways.

    uncurbed, open_ends: areas in which the border is a plain edge, or no border.
    """
    rings = [shapely.get_coordinates(ring) for ring in (asphalt.exterior, *asphalt.interiors)]
    return tuple(
        _border(_asphalt_left(ring, outer=n == 0), uncurbed, open_ends, rng, driveways_per_100m)
        for n, ring in enumerate(rings)
    )


def draw_boundaries(borders: tuple[Border, ...], ledger: TruthLedger) -> None:
    """Truth: a line along the foot of the curb or the asphalt's edge; a new element where one becomes the other."""
    for border in borders:
        kind = np.where(border.open, 2, border.curb.astype(int))[:-1]  # of the piece after each vertex
        turn = int(np.flatnonzero(np.diff(kind))[0]) + 1 if np.any(np.diff(kind)) else 0
        xy = np.vstack([border.xy[turn:-1], border.xy[: turn + 1]])
        kind = np.roll(kind, -turn)
        cuts = [0, *(np.flatnonzero(np.diff(kind)) + 1).tolist(), len(kind)]
        for a, b in itertools.pairwise(cuts):
            if kind[a] < 2 and polylines.length(xy[a : b + 1]) > 0.5:
                line = shapely.LineString(xy[a : b + 1]).simplify(0.004)
                ledger.draw(ElementClass.ROAD_BOUNDARY, line, boundary_type="curb" if kind[a] else "edge")


def border_mesh(borders: tuple[Border, ...], ground: Heightfield) -> Mesh:
    """Curb faces and curb tops; where there is no curb, the small step to the grass."""
    meshes = []
    for border in borders:
        foot = np.column_stack([border.xy, ground.at(border.xy)])
        top = foot + np.column_stack([np.zeros((len(foot), 2)), border.step_m])
        outward = -polylines.normals_left(border.xy)
        outward[[0, -1]] = -polylines.normals_left(np.vstack([border.xy[-2], border.xy[:2]]))[1]
        back = np.array(top)
        back[:, :2] += outward * CURB_TOP_M
        back[:, 2] += 0.002
        face = np.where(border.curb, int(Material.CURB), int(Material.GRASS))[:-1]
        meshes += [_ribbon(foot, top, face), _ribbon(top, back, face)]
    return merge(meshes)


class GroundBeyond:
    """Height of the ground beyond the borders: one step up from the asphalt."""

    def __init__(self, borders: tuple[Border, ...], ground: Heightfield) -> None:
        self._ground = ground
        self._tree = cKDTree(np.vstack([b.xy for b in borders]))
        self._step = np.concatenate([b.step_m for b in borders])
        self._full = np.concatenate([np.full(len(b.xy), b.full_m) for b in borders])

    def __call__(self, xy_map: Float) -> Float:
        """(N,) height at (N, 2)."""
        distance, nearest = self._tree.query(xy_map)
        share = np.clip(distance / SLOPE_BACK_M, 0.0, 1.0)
        step = self._step[nearest] * (1 - share) + self._full[nearest] * share
        return self._ground.at(xy_map) + step


def _asphalt_left(ring: Float, outer: bool) -> Float:
    counter_clockwise = shapely.is_ccw(shapely.LinearRing(ring))
    return ring if counter_clockwise == outer else ring[::-1]


def _border(
    ring: Float,
    uncurbed: shapely.Geometry,
    open_ends: shapely.Geometry,
    rng: np.random.Generator,
    driveways_per_100m: float,
) -> Border:
    xy = _densified(ring)
    shapely.prepare(uncurbed)
    shapely.prepare(open_ends)
    curb = ~shapely.contains_xy(uncurbed, xy[:, 0], xy[:, 1])
    full = float(rng.uniform(0.08, 0.18))
    along = polylines.arc_length(xy)
    step = np.where(curb, full, EDGE_STEP_M) * np.ones(len(xy))
    for _ in range(rng.poisson(driveways_per_100m * along[-1] / 100.0)):
        at, half = rng.uniform(5.0, max(5.1, along[-1] - 5.0)), rng.uniform(1.3, 2.2)
        share = np.clip((np.abs(along - at) - half) / 0.6, 0.0, 1.0)
        step = np.minimum(step, DROP_STEP_M + (full - DROP_STEP_M) * share)
    wave = gaussian_filter1d(rng.normal(size=len(xy)), 10.0, mode="wrap") * 0.02
    step = np.maximum(gaussian_filter1d(step, 0.6, mode="nearest") + wave * (step > 0.06), 0.005)
    step[-1] = step[0]
    return Border(xy, curb, step, full, shapely.contains_xy(open_ends, xy[:, 0], xy[:, 1]))


def _densified(ring: Float) -> Float:
    """Vertices at most SAMPLE_M apart, the ring's own kept."""
    return shapely.get_coordinates(shapely.segmentize(shapely.LineString(ring), SAMPLE_M))


def _ribbon(low: Float, high: Float, materials: NDArray) -> Mesh:
    n = len(low)
    i = np.arange(n - 1)
    faces = np.stack([np.stack([i, i + 1, i + 1 + n], 1), np.stack([i, i + 1 + n, i + n], 1)], axis=1)
    return mesh_of(np.vstack([low, high]), faces.reshape(-1, 3), np.repeat(materials, 2))
