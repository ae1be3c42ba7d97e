"""What the road looks like from close by: paint with its wear, and asphalt with its patches, cracks and oil."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.polylines import resample
from mapforge.simulation.texture import SparseTexture, TileNoise, rasterize_polygons
from mapforge.simulation.world import FeatureKind, PaintMark, RouteLane, World

PAINT_CELL_M = 0.02
ROAD_CELL_M = 0.04

PAINT_COLOURS = ("", "white", "yellow", "blue")
_WEAR_STEPS = 63

OIL, WHEEL_TRACK, PATCH_DARK, PATCH_LIGHT, SEAM, CRACK, MANHOLE, RAIL, GROOVE, GHOST = range(1, 11)
_TONE = np.array([1.0, 0.84, 1.07, 0.66, 1.22, 0.55, 0.6, 0.45, 1.45, 0.35, 0.8], dtype=np.float32)
_FEATURES = {
    FeatureKind.RAIL: RAIL,
    FeatureKind.GROOVE: GROOVE,
    FeatureKind.LIGHT_BED: PATCH_LIGHT,
    FeatureKind.DARK_BED: PATCH_DARK,
    FeatureKind.GHOST: GHOST,
}


@dataclass(frozen=True, eq=False)
class RoadSurface:
    """Look-ups at points of the map plane; the same for every drive of a world."""

    paint: SparseTexture
    road: SparseTexture
    wear_fine: TileNoise
    wear_coarse: TileNoise
    grain: TileNoise
    stain: TileNoise

    def paint_at(
        self, x_m: NDArray[np.floating], y_m: NDArray[np.floating]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Colour (N,) uint8 index into PAINT_COLOURS, and amount (N,) float32 0 bare .. 1 fresh paint.

        A mark of wear w is bare on a patchy share of about w of its area, and duller on the rest.
        """
        code = self.paint.at(x_m, y_m)
        amount = np.zeros(len(code), dtype=np.float32)
        painted = np.flatnonzero(code)
        wear = (code[painted] & _WEAR_STEPS).astype(np.float32) / _WEAR_STEPS
        x, y = x_m[painted], y_m[painted]
        mixed = 0.5 * (self.wear_fine.at(x, y) + self.wear_coarse.at(x, y))
        rank = np.where(mixed < 0.5, 2.0 * mixed**2, 1.0 - 2.0 * (1.0 - mixed) ** 2)
        threshold = 1.1 * wear - 0.05
        amount[painted] = np.clip((rank - threshold) / 0.1 + 0.5, 0.0, 1.0) * (1.0 - 0.45 * wear)
        return (code >> 6).astype(np.uint8), amount

    def asphalt_at(self, x_m: NDArray[np.floating], y_m: NDArray[np.floating]) -> NDArray[np.float32]:
        """(N,) brightness relative to plain asphalt."""
        stain = self.stain.at(x_m, y_m)
        tone = _TONE[self.road.at(x_m, y_m)]
        tone *= 0.84 + 0.16 * stain + 0.16 * self.grain.at(x_m, y_m)
        return np.asarray(tone * (1.0 - 0.35 * np.clip((stain - 0.94) * 30.0, 0.0, 1.0)), dtype=np.float32)


def build_surface(world: World, region: shapely.Geometry) -> RoadSurface:
    """Draws the part of the world's paint and road features that meets `region` (a geometry of the map plane)."""
    shapely.prepare(region)
    near = [mark for mark in world.paint if region.intersects(mark.area)]
    features = [shape for shape in _road_features(world) if region.intersects(shape[0])]
    seed = world.seed * 16
    return RoadSurface(
        paint=rasterize_polygons(((mark.area, _paint_code(mark)) for mark in near), PAINT_CELL_M),
        road=rasterize_polygons(sorted(features, key=lambda shape: _ORDER[shape[1]]), ROAD_CELL_M),
        wear_fine=TileNoise.smooth(seed + 1, 0.02, (0.03, 0.10)),
        wear_coarse=TileNoise.smooth(seed + 2, 0.07, (0.3, 1.2)),
        grain=TileNoise.smooth(seed + 3, 0.03, (0.03, 0.25)),
        stain=TileNoise.smooth(seed + 4, 0.4, (1.5, 6.0)),
    )


_ORDER = {WHEEL_TRACK: 0, OIL: 1, PATCH_LIGHT: 2, PATCH_DARK: 3, SEAM: 4, CRACK: 5, MANHOLE: 6,
          GHOST: 7, GROOVE: 8, RAIL: 9}  # fmt: skip


def _paint_code(mark: PaintMark) -> int:
    colour = PAINT_COLOURS.index(mark.colour) if mark.colour in PAINT_COLOURS else 1
    return (colour << 6) | round(min(max(mark.wear, 0.0), 1.0) * _WEAR_STEPS)


def _road_features(world: World) -> list[tuple[shapely.Polygon, int]]:
    """What the world lays into its roads; oil strip and wheel tracks of every lane, and now and then a patch, seam,
    crack or manhole."""
    features = [(feature.area, _FEATURES[feature.kind]) for feature in world.features]
    for number, lane in enumerate(world.lanes):
        rng = np.random.default_rng([world.seed, 31, number])
        line = lane.centreline[:, :2]
        if np.linalg.norm(np.diff(line, axis=0), axis=1).sum() > 2.0:
            features.extend(_lane_features(lane, line, rng))
    return features


def _lane_features(
    lane: RouteLane, line: NDArray[np.float64], rng: np.random.Generator
) -> Iterator[tuple[shapely.Polygon, int]]:
    centre = shapely.LineString(line)
    yield centre.buffer(0.28, cap_style="flat"), OIL
    for side in (-0.8, 0.8):
        yield from _polygons(centre.offset_curve(side).buffer(0.22, cap_style="flat"), WHEEL_TRACK)
    points = resample(line, 1.0)
    directions = np.gradient(points, axis=0)
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-9)
    normals = np.stack([-directions[:, 1], directions[:, 0]], axis=1)
    half = lane.width_m / 2
    for k in np.flatnonzero(rng.random(len(points)) < 0.09):
        p, d, n = points[k], directions[k], normals[k]
        kind = rng.random()
        if kind < 0.35:
            length, width = rng.uniform(1.0, 8.0), rng.uniform(0.6, lane.width_m)
            corner = p + n * rng.uniform(-half, half - width)
            patch = shapely.Polygon([corner, corner + d * length, corner + d * length + n * width, corner + n * width])
            yield patch, PATCH_DARK if rng.random() < 0.6 else PATCH_LIGHT
            yield from _polygons(patch.boundary.buffer(0.04), SEAM)
        elif kind < 0.5:
            yield shapely.LineString([p - n * half, p + n * half]).buffer(0.03), SEAM
        elif kind < 0.85:
            steps = rng.normal(0.0, 0.12, (30, 2)) + 0.2 * (d if rng.random() < 0.6 else n)
            crack = p + n * rng.uniform(-half, half) + np.cumsum(steps, axis=0)
            yield from _polygons(shapely.LineString(crack).buffer(0.035, quad_segs=1), CRACK)
        else:
            yield shapely.Point(*(p + n * rng.uniform(-0.3, 0.3))).buffer(0.32), MANHOLE


def _polygons(shape: shapely.Geometry, code: int) -> Iterator[tuple[shapely.Polygon, int]]:
    for piece in getattr(shape, "geoms", [shape]):
        if isinstance(piece, shapely.Polygon) and not piece.is_empty:
            yield piece, code


def film_of_water(
    surface: RoadSurface, x_m: NDArray[np.floating], y_m: NDArray[np.floating], wet_road: float
) -> NDArray[np.float32]:
    """(N,) 0 dry .. 1 covered, at points of the road: puddles where the road is low, thinner films between them."""
    low = surface.stain.at(x_m * np.float32(0.35), y_m * np.float32(0.35))
    return np.asarray(np.clip(wet_road * (0.55 + 0.9 * low), 0.0, 1.0), dtype=np.float32)
