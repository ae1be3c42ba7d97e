"""What is counted of a map, tile by tile: lengths and signs that add up over tiles and worlds, and shares of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TILE_SIZE_M, TileId

Float = NDArray[np.float64]
Counts = dict[str, float]
"""Name -> length in metres, or number."""
TileCounts = dict[str, dict[str, Counts]]
"""Tile -> class -> counts."""

SHARES = {
    "completeness": ("found_m", "truth_m"),
    "correctness": ("true_m", "predicted_m"),
    "marking_type_accuracy": ("type_right_m", "typed_m"),
    "colour_accuracy": ("colour_right_m", "coloured_m"),
    "boundary_type_accuracy": ("kind_right_m", "kind_m"),
    "recall": ("found", "truth"),
    "precision": ("right", "predicted"),
    "type_accuracy": ("type_right", "typed"),
}
"""Figure -> part and whole. Of lines within 0.5 m, of signs within 2 m."""
F_SCORES = {"f1": ("completeness", "correctness"), "f1_signs": ("recall", "precision")}
"""Figure -> the two shares it is the harmonic mean of."""


def tiles_of(xyz_map: Float, frame: MapFrame) -> tuple[list[str], NDArray[np.int64]]:
    """Tiles that hold points (N, >=2), and (N,) which of them each lies in."""
    cells = np.floor((xyz_map[:, :2] + np.array(frame.origin_m)) / TILE_SIZE_M).astype(np.int64)
    found, index = np.unique(cells.reshape(-1, 2), axis=0, return_inverse=True)
    return [str(TileId(frame.epsg, int(c), int(r))) for c, r in found], index.reshape(-1).astype(np.int64)


def add_up(
    counts: TileCounts, frame: MapFrame, element_class: str, xyz_map: Float, values: Mapping[str, Float]
) -> None:
    """Adds values (N,) of points (N, 3) to the counts of the tiles they lie in."""
    names, index = tiles_of(xyz_map, frame)
    for name, value in values.items():
        sums = np.bincount(index, value, len(names)) if len(names) else np.zeros(0)
        for tile, total in zip(names, sums):
            own = counts.setdefault(tile, {}).setdefault(element_class, {})
            own[name] = round(own.get(name, 0.0) + float(total), 4)


def total(parts: Iterable[Mapping[str, float]]) -> Counts:
    """The sum of counts."""
    result: Counts = {}
    for part in parts:
        for name, value in part.items():
            result[name] = result.get(name, 0.0) + value
    return result


def shares(counts: Mapping[str, float | Float]) -> dict[str, Float]:
    """Every figure that the counts allow: numbers, or (B,) for B draws at once; NaN where the whole is nothing."""
    found: dict[str, Float] = {}
    for name, (part, whole) in SHARES.items():
        if whole in counts:
            below = np.asarray(counts[whole], dtype=np.float64)
            above = np.asarray(counts.get(part, np.zeros_like(below)), dtype=np.float64)
            found[name] = np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0.0)
    for name, pair in F_SCORES.items():
        if all(half in found for half in pair):
            a, b = (np.nan_to_num(found[half]) for half in pair)
            either = np.isfinite(found[pair[0]]) | np.isfinite(found[pair[1]])
            mean = np.divide(2.0 * a * b, a + b, out=np.zeros(np.shape(a + b)), where=a + b > 0.0)
            found[name] = np.where(either, mean, np.nan)
    return found
