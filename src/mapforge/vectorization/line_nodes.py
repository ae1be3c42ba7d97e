"""From pixels to nodes of lines: each pixel votes for a point of its line; the votes are gathered and thinned.

A pixel near a line knows where the line passes (centre + offset) and its direction, so votes of two lines closer
than a pixel's reach still fall on their own line. Votes move across their direction to the local mean (mean shift,
Comaniciu and Meer 2002, in one dimension), then a least spacing along the line leaves one node of many.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.schemas.elements import COLOURS, MARKING_TYPES, ElementClass
from mapforge.schemas.rasters import OFFSET_STEP_M, BevRaster

Float = NDArray[np.float64]
_ALONG_M = 0.4
_SAME_LINE_COS = np.cos(np.radians(30.0))
_ROUNDS = 2


@dataclass(frozen=True, eq=False)
class LineNodes:
    """Nodes of the lines of one class.

    xyz_map: (N, 3), z NaN where the ground is unknown. direction: (N, 2) unit, either way along the line.
    p: (N,) probability. scatter_m: (N,) spread of the votes across the line. votes: (N,) how many pixels voted.
    marking: (N, types), colour: (N, colours) vote weights; p_curb: (N,).
    """

    xyz_map: Float
    direction: Float
    p: Float
    scatter_m: Float
    votes: Float
    marking: Float
    colour: Float
    p_curb: Float

    def __len__(self) -> int:
        return len(self.p)

    def take(self, index: NDArray) -> LineNodes:
        return LineNodes(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    @classmethod
    def concatenate(cls, parts: list[LineNodes]) -> LineNodes:
        if not parts:
            kinds, colours = len(MARKING_TYPES), len(COLOURS)
            empty = np.zeros(0)
            return cls(
                np.zeros((0, 3)),
                np.zeros((0, 2)),
                *(empty,) * 3,
                np.zeros((0, kinds)),
                np.zeros((0, colours)),
                empty,
            )
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class _Votes:
    """One vote a pixel: where its line passes, which way, how surely."""

    xy: Float
    direction: Float
    p: Float
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]


def line_nodes(
    observation: BevRaster, line_class: str, p_low: float, mode_reach_m: float, node_spacing_m: float
) -> LineNodes:
    """Nodes of the lines of a class in the whole window (halo included), in a fixed order."""
    votes = _votes(observation, line_class, p_low)
    if len(votes.p) == 0:
        return LineNodes.concatenate([])
    xy = _move_to_modes(votes, mode_reach_m)
    kept = _thinned(xy, votes, node_spacing_m, 0.8 * mode_reach_m)
    return _gathered(observation, votes, xy[kept], kept, mode_reach_m)


def _votes(observation: BevRaster, line_class: str, p_low: float) -> _Votes:
    channels, grid = observation.channels, observation.grid
    probability = channels[f"p_{line_class}"] / 255.0
    if line_class == ElementClass.LANE_DIVIDER:
        # lines pause at crossings, whose outer bars look like pieces of one
        probability = probability * (1.0 - channels["p_ped_crossing"] / 255.0)
    rows, columns = np.nonzero(probability >= p_low)
    offset = np.stack([channels[f"offset_{axis}_{line_class}"][rows, columns] for axis in ("x", "y")], axis=1)
    cos2 = channels[f"direction_cos2_{line_class}"][rows, columns].astype(np.float64)
    sin2 = channels[f"direction_sin2_{line_class}"][rows, columns].astype(np.float64)
    angle = np.arctan2(sin2, cos2) / 2.0
    return _Votes(
        xy=grid.centres_of(rows, columns) + offset * OFFSET_STEP_M,
        direction=np.stack([np.cos(angle), np.sin(angle)], axis=1),
        p=probability[rows, columns],
        rows=rows,
        columns=columns,
    )


def _pairs(a: Float, b: Float, reach_m: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices (i, j) of points of a and b within reach of each other, sorted by i, then j."""
    found = cKDTree(a).sparse_distance_matrix(cKDTree(b), reach_m, output_type="ndarray")
    order = np.lexsort((found["j"], found["i"]))
    return found["i"][order], found["j"][order]


def _move_to_modes(votes: _Votes, mode_reach_m: float) -> Float:
    """Votes moved across their direction to the weighted mean of the votes along the same line."""
    i, j = _pairs(votes.xy, votes.xy, float(np.hypot(_ALONG_M, mode_reach_m)))
    agree = np.abs((votes.direction[i] * votes.direction[j]).sum(axis=1)) >= _SAME_LINE_COS
    i, j = i[agree], j[agree]
    normal = np.stack([-votes.direction[:, 1], votes.direction[:, 0]], axis=1)
    delta = votes.xy[j] - votes.xy[i]
    across = (delta * normal[i]).sum(axis=1)
    near = np.abs((delta * votes.direction[i]).sum(axis=1)) <= _ALONG_M
    i, j, across = i[near], j[near], across[near]
    shift = np.zeros(len(votes.p))
    for _ in range(_ROUNDS):
        residual = (across - shift[i]) / mode_reach_m
        weight = votes.p[j] ** 2 * np.maximum(1.0 - residual**2, 0.0)
        total = np.bincount(i, weight, len(shift))
        mean = np.bincount(i, weight * across, len(shift))
        shift = np.where(total > 1e-9, mean / np.maximum(total, 1e-9), shift)
    return votes.xy + shift[:, None] * normal


def _thinned(xy: Float, votes: _Votes, along_m: float, across_m: float) -> NDArray[np.int64]:
    """Indices of votes that stay: none has a stronger staying one within `along_m` on its line.

    A maximal independent set by rounds of local maxima (Luby 1986) over a fixed ranking, so that the same votes give
    the same nodes whatever else the window holds a few metres away.
    """
    i, j = _pairs(xy, xy, float(np.hypot(along_m, across_m)))
    direction = votes.direction
    delta = xy[j] - xy[i]
    along = (delta * direction[i]).sum(axis=1)
    across = delta[:, 0] * direction[i, 1] - delta[:, 1] * direction[i, 0]
    conflict = (i != j) & (np.abs(along) < along_m) & (np.abs(across) < across_m)
    conflict &= np.abs((direction[i] * direction[j]).sum(axis=1)) >= _SAME_LINE_COS
    i, j = np.concatenate([i[conflict], j[conflict]]), np.concatenate([j[conflict], i[conflict]])
    rank = _ranking(votes)
    alive, stays = np.ones(len(rank), dtype=bool), np.zeros(len(rank), dtype=bool)
    while alive.any():
        best = np.full(len(rank), -1, dtype=np.int64)
        np.maximum.at(best, i, rank[j])
        winners = alive & (rank > best)
        stays |= winners
        beaten = np.zeros(len(rank), dtype=bool)
        beaten[j[winners[i]]] = True
        alive &= ~winners & ~beaten
        live = alive[i] & alive[j]
        i, j = i[live], j[live]
    return np.flatnonzero(stays)


def _ranking(votes: _Votes) -> NDArray[np.int64]:
    """Higher wins: by probability in coarse steps, then by a scrambled cell number that knows no window."""
    in_tile_mm = np.round(votes.xy * 1000.0).astype(np.int64) % 100_000
    scrambled = in_tile_mm @ np.array([73856093, 19349663])
    order = np.lexsort((votes.columns, votes.rows, scrambled % 104729, np.round(votes.p * 8)))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _gathered(
    observation: BevRaster, votes: _Votes, xy: Float, kept: NDArray[np.int64], mode_reach_m: float
) -> LineNodes:
    """What the votes around each node say together."""
    channels = observation.channels
    n = len(kept)
    i, j = _pairs(xy, votes.xy, float(np.hypot(_ALONG_M, mode_reach_m)))
    own = votes.direction[kept]
    delta = votes.xy[j] - xy[i]
    across = delta[:, 1] * own[i, 0] - delta[:, 0] * own[i, 1]
    dot = (own[i] * votes.direction[j]).sum(axis=1)
    near = (np.abs(dot) >= _SAME_LINE_COS) & (np.abs(across) <= mode_reach_m)
    i, j, across, dot = i[near], j[near], across[near], dot[near]
    weight = votes.p[j]
    total = np.maximum(np.bincount(i, weight, n), 1e-9)
    turned = votes.direction[j] * np.sign(dot)[:, None] * weight[:, None]
    direction = np.stack([np.bincount(i, turned[:, k], n) for k in (0, 1)], axis=1)
    at = (votes.rows[j], votes.columns[j])
    kinds, colours = len(MARKING_TYPES), len(COLOURS)
    marking = np.bincount(i * kinds + np.minimum(channels["marking_type"][at], kinds - 1), weight, n * kinds)
    colour = np.bincount(i * colours + np.minimum(channels["colour"][at], colours - 1), weight, n * colours)
    z = channels["ground_z_m"][at].astype(np.float64)
    known = np.isfinite(z)
    z_weight = np.bincount(i[known], weight[known], n)
    z_mean = np.bincount(i[known], (weight * np.nan_to_num(z))[known], n) / np.maximum(z_weight, 1e-9)
    return LineNodes(
        xyz_map=np.column_stack([xy, np.where(z_weight > 0, z_mean, np.nan)]),
        direction=direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9),
        p=np.bincount(i, weight**2, n) / total,
        scatter_m=np.sqrt(np.bincount(i, weight * across**2, n) / total),
        votes=np.bincount(i, minlength=n).astype(np.float64),
        marking=marking.reshape(n, kinds) / total[:, None],
        colour=colour.reshape(n, colours) / total[:, None],
        p_curb=np.bincount(i, weight * channels["p_curb"][at] / 255.0, n) / total,
    )
