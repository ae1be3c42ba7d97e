"""Which line of which drive may be the same line as another: what crosses the normals of samples, and how far off.

All lists of pairs are made with trees whose reach is fixed, so that their length grows with the number of drives and
not with its square: guides (`guides.py`) are asked for every drive's lines, never every line for every other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.fusion.samples import LineSamples

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Bool = NDArray[np.bool_]

ALONG_SHARE = 0.55
"""Of a station: half of it, and a little for lines sampled out of step."""
_LIKE_GATE = 1.5
_DRIVES_APART_M = 1e5


@dataclass(frozen=True)
class Gates:
    """What still is one line. across_m: further apart are different lines; spacing_m: closer together are one line,
    also in one drive; level_m: further above or below is another road; station_m: of the samples; turn_rad: largest
    difference of direction."""

    across_m: float
    spacing_m: float
    level_m: float
    station_m: float
    turn_rad: float


@dataclass(frozen=True, eq=False)
class Crossings:
    """Where lines cross the normals of samples. i: the sample; j: the nearest sample of the crossing line.

    offset_m: along the normal of i, left positive. Sorted by i, drive of j, offset.
    """

    i: Index
    j: Index
    offset_m: Float


def crossings(asking: LineSamples, asked: LineSamples, gates: Gates, reach_m: float) -> Crossings:
    """All crossings within reach on the normals of `asking` with lines of `asked` at the same level.

    Both are parts of the same samples.
    """
    i, j = _near(asking.xyz_map[:, :2], asked.xyz_map[:, :2], float(np.hypot(reach_m, gates.station_m)))
    offset, along, dot = _on_normal(asking, asked, i, j)
    fits = _fits(offset, along, dot, reach_m, gates)
    fits &= np.abs(asked.xyz_map[j, 2] - asking.xyz_map[i, 2]) <= gates.level_m
    # of its own line a sample meets itself only
    fits &= (asking.line[i] != asked.line[j]) | (asking.station[i] == asked.station[j])
    i, j, offset = i[fits], j[fits], offset[fits]
    order = np.lexsort((j, offset, asked.drive_of[j], i))
    return Crossings(i[order], j[order], offset[order])


def _near(a: Float, b: Float, reach_m: float) -> tuple[Index, Index]:
    if not len(a) or not len(b):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    found = cKDTree(a).sparse_distance_matrix(cKDTree(b), reach_m, output_type="ndarray")
    return found["i"].astype(np.int64), found["j"].astype(np.int64)


def _fits(offset: Float, along: Float, dot: Float, reach_m: float, gates: Gates) -> Bool:
    same_place = (np.abs(along) <= ALONG_SHARE * gates.station_m) & (np.abs(offset) <= reach_m)
    return np.asarray(same_place & (np.abs(dot) >= np.cos(gates.turn_rad)))


def _on_normal(asking: LineSamples, asked: LineSamples, i: Index, j: Index) -> tuple[Float, Float, Float]:
    """Offset along the normal of i to the line through j, distance along that line from j, and cosine of the turn."""
    delta = asked.xyz_map[j, :2] - asking.xyz_map[i, :2]
    ti, tj = asking.tangent[i], asked.tangent[j]
    dot = (ti * tj).sum(axis=1)
    safe = np.where(np.abs(dot) < 1e-3, 1e-3, dot)
    # xy_i + offset n_i = xy_j + along t_j
    offset = (delta[:, 1] * tj[:, 0] - delta[:, 0] * tj[:, 1]) / safe
    along = -(delta * ti).sum(axis=1) / safe
    return offset, along, dot


def side_gates(samples: LineSamples, gates: Gates) -> tuple[Float, Float]:
    """How far to the left and to the right a sample may look for its own line.

    Where its drive saw another line beside it, only a little past half way: what lies further is that other line.
    """
    reach_m = 2.0 * gates.across_m
    place = np.column_stack([samples.xyz_map[:, :2], samples.drive_of * _DRIVES_APART_M])
    pairs = cKDTree(place).query_pairs(float(np.hypot(reach_m, gates.station_m)), output_type="ndarray")
    i, j = np.concatenate([pairs, pairs[:, ::-1]]).astype(np.int64).T
    other = samples.line[i] != samples.line[j]
    i, j = i[other], j[other]
    offset, along, dot = _on_normal(samples, samples, i, j)
    beside = _fits(offset, along, dot, reach_m, gates) & (np.abs(offset) >= gates.spacing_m)
    beside &= np.abs(samples.xyz_map[j, 2] - samples.xyz_map[i, 2]) <= gates.level_m
    i, offset = i[beside], offset[beside]
    left, right = np.full(len(samples), gates.across_m), np.full(len(samples), gates.across_m)
    np.minimum.at(left, i[offset > 0], 0.55 * offset[offset > 0])
    np.minimum.at(right, i[offset < 0], -0.55 * offset[offset < 0])
    return left, right


@dataclass(frozen=True, eq=False)
class PairGates:
    """Which crossings may be the sample's own line in another drive.

    to_left_m, to_right_m: (M,) how far the crossing may lie from the sample's present place on either side.
    unlike: (M,) on how many sides one of the two has a close neighbour and the other has none.
    """

    to_left_m: Float
    to_right_m: Float
    unlike: Index


def pair_gates(
    same_way: Bool, sides_i: tuple[Float, Float], sides_j: tuple[Float, Float], across_m: float
) -> PairGates:
    """Gates of pairs by what both samples know of their neighbours: the left line of a close pair is the left line of
    that pair in any drive, also where the drives lie half the pair's spacing apart.

    same_way: (M,) both run in one direction. sides_i, sides_j: (M,) `side_gates` of either sample.
    """
    left, right = sides_i
    left_j, right_j = np.where(same_way, *sides_j), np.where(same_way, *sides_j[::-1])
    paired_left, paired_right = (left < across_m) & (left_j < across_m), (right < across_m) & (right_j < across_m)
    unlike = ((left < across_m) != (left_j < across_m)).astype(np.int64)
    unlike += (right < across_m) != (right_j < across_m)
    wider = np.where((unlike == 0) & (paired_left | paired_right), _LIKE_GATE, 1.0)
    return PairGates(
        to_left_m=np.minimum(wider * np.minimum(left, right_j), across_m),
        to_right_m=np.minimum(wider * np.minimum(right, left_j), across_m),
        unlike=unlike,
    )
