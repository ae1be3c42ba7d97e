"""Lines, curbs and crossings from accumulated bird's-eye rasters without any learning: `classical_mapper.py` scores it.

Paint is what is brighter than its surroundings: intensity over its local median, thresholded, thinned, its dashes
joined along their direction. Curbs are steps of the ground that stand first in sight of the driven path; where there is
none, the road ends where the ground gets bright. Crossings are rows of bars, or two bars across the street.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.feature import canny
from skimage.filters import apply_hysteresis_threshold
from skimage.measure import label, regionprops
from skimage.morphology import disk, remove_small_objects, skeletonize

from mapforge.schemas.rasters import BevRaster

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

CELL_M = 0.1
REACH_M = 20.0
LOW_QUANTILE = 0.35
"""Of the ground around: bars of a crossing cover nearly half of it."""


@dataclass
class ClassicalConfig:
    """Tuned by eye on two development towns."""

    paint_low: float = 1.18
    """Contrast from which a cell next to surer paint is paint."""
    paint_high: float = 1.4
    """Contrast from which a cell is paint."""
    top_hat: float = 1.12
    """And how much it must stand out from what is wider than any paint."""
    widest_paint_cells: int = 5
    """Half of that width, cells of 0.1 m."""
    curb_low: float = 0.06
    """Slope of the smoothed ground (of Sobel: eight times metres a cell) from which an edge goes on."""
    curb_high: float = 0.14
    """Slope from which it begins."""
    verge_level: float = 1.3
    """Relative intensity of bare ground from which it is no road."""
    verge_area_m2: float = 20.0
    """Smaller bright places are patches of the road."""
    min_mark_m: float = 1.0
    """Shorter thinned marks are no part of a line."""
    max_gap_m: float = 12.0
    """Dashes further apart are not joined."""
    max_turn_deg: float = 10.0
    """Nor those that turn by more."""
    min_divider_m: float = 7.0
    """Shorter joined lines are dropped."""
    min_boundary_m: float = 4.0
    """The same for boundaries."""
    join_boundary_m: float = 8.0
    """Boundaries further apart are not joined."""
    boundary_turn_deg: float = 60.0
    """Nor those that turn by more."""


@dataclass(frozen=True, eq=False)
class Mosaic:
    """Accumulated over drives and tiles, 0.1 m cells, row 0 in the south. x0_m, y0_m: its corner in the map frame.

    hits: surface returns. level: their mean relative intensity (1 = the drive's own road). height_m: their mean height
    above the ground that each drive made out for itself. NaN where nothing was hit.
    """

    x0_m: float
    y0_m: float
    hits: Float
    level: Float
    height_m: Float

    def cells(self, xy: Float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        cells = np.floor((xy[:, :2] - (self.x0_m, self.y0_m)) / CELL_M).astype(np.int64)
        return cells[:, 1], cells[:, 0]

    def points(self, rows: NDArray, columns: NDArray) -> Float:
        """(N, 2) centres."""
        return np.column_stack([self.x0_m + (columns + 0.5) * CELL_M, self.y0_m + (rows + 0.5) * CELL_M])


@dataclass(frozen=True, eq=False)
class Found:
    """vertices: (N, 2). strength: 0..1, how sure. marking_type: of dividers."""

    vertices: Float
    strength: float
    marking_type: str = ""


@dataclass(frozen=True, eq=False)
class ClassicalMap:
    dividers: list[Found]
    boundaries: list[Found]
    crossings: list[Found]
    stop_lines: list[Found]


def accumulate(rasters: list[BevRaster]) -> Mosaic:
    """Sums of all rasters over the tiles they cover; each is relative to its own drive's road already."""
    x0, y0 = min(r.grid.x0_m for r in rasters), min(r.grid.y0_m for r in rasters)
    x1 = max(r.grid.x0_m + r.grid.columns * CELL_M for r in rasters)
    y1 = max(r.grid.y0_m + r.grid.rows * CELL_M for r in rasters)
    shape = (round((y1 - y0) / CELL_M), round((x1 - x0) / CELL_M))
    hits, level, height = (np.zeros(shape, dtype=np.float64) for _ in range(3))
    for raster in rasters:
        row, column = round((raster.grid.y0_m - y0) / CELL_M), round((raster.grid.x0_m - x0) / CELL_M)
        window = (slice(row, row + raster.grid.rows), slice(column, column + raster.grid.columns))
        own = raster.channels["surface_hits"].astype(np.float64)
        hits[window] += own
        level[window] += own * np.nan_to_num(raster.channels["intensity_mean"].astype(np.float64))
        height[window] += own * np.nan_to_num(raster.channels["height_mean_m"].astype(np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        return Mosaic(x0, y0, hits, level / hits, height / hits)


def classical_map(mosaic: Mosaic, paths: list[Float], config: ClassicalConfig) -> ClassicalMap:
    """paths: (N, >=2) driven, map frame."""
    seen = mosaic.hits > 0
    height, known = _smooth(mosaic.height_m, seen, 1.2)
    curbs = canny(height, 1.0, config.curb_low, config.curb_high, mask=ndimage.binary_erosion(known, iterations=2))
    curbs = remove_small_objects(curbs, max_size=7, connectivity=2)
    level, lit = _smooth(mosaic.level, seen, 0.8)
    ground = _quantile_around(level, lit, LOW_QUANTILE, 4)
    bright, verge = _verge(_quantile_around(level, lit, 0.5, 3), curbs, config)
    road, met = _sight(curbs | verge | bright, mosaic, paths)
    boundaries = _boundaries(met & (curbs | verge), mosaic, config)
    contrast = _contrast(level, lit, ground, config)
    paint = apply_hysteresis_threshold(contrast, config.paint_low, config.paint_high)
    paint = remove_small_objects(paint & road, max_size=12, connectivity=2)
    heading = _Heading(paths)
    crossings, used = _crossings(paint & ndimage.binary_erosion(road, iterations=1), mosaic)
    inner = ndimage.binary_erosion(road, iterations=4)  # marks at the very edge are the edge
    lines, across = _marks(paint & ~used & inner, mosaic, heading, config)
    pairs, stops = _bars(across)
    return ClassicalMap(_dividers(lines, config), boundaries, crossings + pairs, stops)


def _smooth(values: Float, known: Mask, sigma: float) -> tuple[Float, Mask]:
    """Gaussian mean of known cells, and where there is one."""
    weight = ndimage.gaussian_filter(known.astype(np.float64), sigma)
    total = ndimage.gaussian_filter(np.where(known, np.nan_to_num(values), 0.0), sigma)
    there = weight > 0.08
    return np.where(there, total / np.maximum(weight, 1e-9), 0.0), there


def _contrast(level: Float, lit: Mask, ground: Float, config: ClassicalConfig) -> Float:
    """Over the ground around, where the place also stands out from what is wider than paint: verges do not."""
    filled = np.where(lit, level, ground)
    wide = ndimage.grey_opening(filled, footprint=disk(config.widest_paint_cells))
    contrast = np.where(lit & (ground > 0), level / np.maximum(ground, 1e-3), 0.0)
    return np.where(level > config.top_hat * wide, contrast, 0.0)


def _quantile_around(level: Float, known: Mask, share: float, reach: int, block: int = 3) -> Float:
    """What the ground is like without its paint: the quantile of blocks of 0.3 m within `reach` of them.

    0 where nothing is known.
    """
    rows, columns = (n // block for n in level.shape)
    cut = (slice(0, rows * block), slice(0, columns * block))
    parts = (rows, block, columns, block)
    total = np.where(known, level, 0.0)[cut].reshape(parts).sum(axis=(1, 3))
    count = known[cut].reshape(parts).sum(axis=(1, 3))
    coarse = np.where(count > 0, total / np.maximum(count, 1), np.inf)
    padded = np.pad(coarse, reach, constant_values=np.inf)
    step = 2 if reach % 2 == 0 else 1
    offsets = [(r, c) for r in range(0, 2 * reach + 1, step) for c in range(0, 2 * reach + 1, step)]
    around = np.sort(np.stack([padded[r : r + rows, c : c + columns] for r, c in offsets]), axis=0)
    held = np.isfinite(around).sum(axis=0)
    rank = np.minimum((share * held).astype(np.int64), np.maximum(held - 1, 0))
    chosen = np.take_along_axis(around, rank[None], axis=0)[0]
    ground = np.zeros(level.shape)
    fine = np.repeat(np.repeat(np.where(held > 0, chosen, 0.0), block, axis=0), block, axis=1)
    ground[cut] = fine
    return ground


def _verge(ground: Float, curbs: Mask, config: ClassicalConfig) -> tuple[Mask, Mask]:
    """Ground too bright for a road, and its edges: where the road ends without a curb, 1.5 m away from any."""
    known = ground > 0
    smooth, _ = _smooth(ground, known, 1.5)
    bright = known & (smooth > config.verge_level)
    bright = remove_small_objects(bright, max_size=round(config.verge_area_m2 / CELL_M**2))
    edges = bright & ndimage.binary_dilation(known & ~bright, disk(1))
    far = ndimage.distance_transform_edt(~curbs) * CELL_M > 1.5
    return bright & ~ndimage.binary_dilation(edges, disk(2)), remove_small_objects(
        edges & far, max_size=30, connectivity=2
    )


def _sight(stops: Mask, mosaic: Mosaic, paths: list[Float]) -> tuple[Mask, Mask]:
    """What is seen from the paths over ground that no edge cuts off, and the edges met first."""
    walls = ndimage.binary_dilation(stops, disk(1))
    angles = np.arange(0.0, 2 * np.pi, np.pi / 120.0)
    steps = np.arange(1, round(REACH_M / CELL_M)) * CELL_M
    road, met = np.zeros(stops.shape, dtype=bool), np.zeros(stops.shape, dtype=np.int32)
    dx, dy = np.outer(np.cos(angles), steps) / CELL_M, np.outer(np.sin(angles), steps) / CELL_M
    for xy in _stations(paths, 1.5):
        r = np.clip((dy + (xy[1] - mosaic.y0_m) / CELL_M).astype(np.int32), 0, stops.shape[0] - 1)
        c = np.clip((dx + (xy[0] - mosaic.x0_m) / CELL_M).astype(np.int32), 0, stops.shape[1] - 1)
        wall = walls[r, c]
        end = np.where(wall.any(axis=1), wall.argmax(axis=1), wall.shape[1])
        free = np.arange(wall.shape[1])[None] < end[:, None]
        road[r[free], c[free]] = True
        hit = np.flatnonzero(end < wall.shape[1])
        np.add.at(met, (r[hit, end[hit]], c[hit, end[hit]]), 1)
    near = ndimage.binary_dilation(met >= 1, disk(3))
    return ndimage.binary_closing(road, disk(2)), near


def _stations(paths: list[Float], step_m: float) -> Float:
    """Places on the paths, one in each cell of a grid: drives along the same lane see the same."""
    places = np.concatenate([_spaced(path[:, :2], 0.5 * step_m) for path in paths])
    return places[np.unique(np.floor(places / step_m), axis=0, return_index=True)[1]]


def _boundaries(edges: Mask, mosaic: Mosaic, config: ClassicalConfig) -> list[Found]:
    traced = _traced(ndimage.binary_dilation(edges, disk(1)), mosaic, 0.8)
    joined = _joined(traced, config.join_boundary_m, config.boundary_turn_deg, 0.8)
    found = []
    for line, solid in joined:
        length = _length(line)
        if length >= config.min_boundary_m:
            found.append(Found(line, solid * (1.0 - float(np.exp(-length / 12.0)))))
    return found


class _Heading:
    """Which way cars drive near a point."""

    def __init__(self, paths: list[Float]) -> None:
        points = [_spaced(path[:, :2], 1.0) for path in paths]
        points = [p for p in points if len(p) > 1]
        self._tree = cKDTree(np.concatenate([0.5 * (p[1:] + p[:-1]) for p in points]))
        self._step = np.concatenate([np.diff(p, axis=0) for p in points])

    def turn_deg(self, xy: Float, direction: Float) -> float:
        """Angle, 0..90, between a direction at a point and that of the path passing nearest."""
        step = self._step[self._tree.query(xy)[1]]
        cosine = abs(float(step @ direction)) / max(float(np.linalg.norm(step) * np.linalg.norm(direction)), 1e-9)
        return float(np.degrees(np.arccos(min(cosine, 1.0))))

    def distance_m(self, xy: Float) -> float:
        return float(self._tree.query(xy)[0])


def _crossings(paint: Mask, mosaic: Mosaic) -> tuple[list[Found], Mask]:
    """Rows of bars, and blocks of bars between two lines; and the paint that they are made of."""
    labels = label(paint, connectivity=2)
    bars, blocks = [], []
    for region in regionprops(labels):
        long_m, wide_m = region.axis_major_length * CELL_M, region.axis_minor_length * CELL_M
        row, column = region.centroid
        xy = mosaic.points(np.array([row]), np.array([column]))[0]
        # skimage: angle of the long axis against the first axis (rows, which are y here)
        direction = np.array([np.sin(region.orientation), np.cos(region.orientation)])
        if 1.2 <= long_m <= 6.5 and 0.2 <= wide_m <= 0.9 and long_m / max(wide_m, 0.05) > 2.2:
            bars.append((region.label, xy, direction, long_m))
        elif 4.0 <= long_m <= 30.0 and 1.8 <= wide_m <= 7.0 and region.extent >= 0.3 and region.solidity < 0.97:
            blocks.append(region.label)
    rows = _rows_of_bars(bars)
    found, used = [], np.zeros(paint.shape, dtype=bool)
    for members in [[bars[i][0] for i in row] for row in rows] + [[block] for block in blocks]:
        mask = np.isin(labels, members)
        rectangle = _rectangle(mosaic.points(*np.nonzero(mask)))
        short, long = sorted(_sides(rectangle))
        area = shapely.Polygon(rectangle).area
        fill = mask.sum() * CELL_M**2 / max(area, 1e-6)
        if not (1.5 <= short <= 7.0 and 2.5 <= long <= 30.0 and 0.25 <= fill <= 0.85):
            continue
        used |= ndimage.binary_dilation(mask, disk(2))
        found.append(Found(rectangle, float(np.clip(0.3 + 0.1 * len(members) + 0.02 * area, 0.0, 1.0))))
    return found, used


def _rows_of_bars(bars: list) -> list[list[int]]:
    """Bars that stand side by side, four or more in a row."""
    links: list[tuple[int, int]] = []
    for i, (_, xy, direction, long_m) in enumerate(bars):
        for j, (_, other, towards, other_long_m) in enumerate(bars[:i]):
            step = other - xy
            parallel = abs(float(direction @ towards)) > np.cos(np.radians(15.0))
            alike = 0.5 < long_m / other_long_m < 2.0
            along = abs(float(step @ direction))
            beside = abs(float(step[0] * direction[1] - step[1] * direction[0]))
            if parallel and alike and along < 0.4 * long_m and 0.5 < beside < 2.2:
                links.append((i, j))
    parent = list(range(len(bars)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for i, j in links:
        parent[root(i)] = root(j)
    groups: dict[int, list[int]] = {}
    for i in range(len(bars)):
        groups.setdefault(root(i), []).append(i)
    return [members for members in groups.values() if len(members) >= 4]


def _marks(
    paint: Mask, mosaic: Mosaic, heading: _Heading, config: ClassicalConfig
) -> tuple[list[Float], list[tuple[Float, float]]]:
    """Thinned marks along the street, and bars across it with their width."""
    closed = ndimage.binary_closing(paint, disk(2))
    half = ndimage.distance_transform_edt(closed) * CELL_M
    lines, across = [], []
    for line in _traced(closed, mosaic, 0.4):
        length = _length(line)
        rows, columns = mosaic.cells(line)
        width = 2.0 * float(np.median(half[rows.clip(0, half.shape[0] - 1), columns.clip(0, half.shape[1] - 1)]))
        turn = heading.turn_deg(line.mean(axis=0), line[-1] - line[0])
        if turn > 55.0 and 2.0 <= length <= 30.0 and heading.distance_m(line.mean(axis=0)) < 10.0:
            across.append((line, width))
        elif length >= config.min_mark_m and width <= 0.6:
            lines.append(line)
    return lines, across


def _bars(across: list[tuple[Float, float]]) -> tuple[list[Found], list[Found]]:
    """Two bars of about the same length, opposite each other, are a crossing; wide ones alone are stop lines."""
    left, crossings = list(range(len(across))), []
    for i in range(len(across)):
        for j in range(i):
            if i not in left or j not in left:
                continue
            a, b = across[i][0], across[j][0]
            way, other = a[-1] - a[0], b[-1] - b[0]
            cosine = abs(float(way @ other)) / (np.linalg.norm(way) * np.linalg.norm(other))
            step = b.mean(axis=0) - a.mean(axis=0)
            unit = way / np.linalg.norm(way)
            apart, slid = abs(float(step[0] * unit[1] - step[1] * unit[0])), abs(float(step @ unit))
            alike = 0.6 < _length(a) / _length(b) < 1.7
            if cosine > np.cos(np.radians(12.0)) and alike and 2.0 <= apart <= 5.5 and slid < 1.5 and _length(a) > 4.0:
                crossings.append(Found(_rectangle(np.concatenate([a, b])), 0.4))
                left = [k for k in left if k not in (i, j)]
    stops = [Found(across[k][0], min(0.9, 2.0 * across[k][1])) for k in left if across[k][1] >= 0.22]
    return crossings, stops


def _dividers(marks: list[Float], config: ClassicalConfig) -> list[Found]:
    found = []
    for line, solid in _joined(marks, config.max_gap_m, config.max_turn_deg, 0.35):
        length = _length(line)
        if length >= config.min_divider_m:
            strength = (1.0 - float(np.exp(-length / 15.0))) * min(1.0, 0.5 + solid)
            found.append(Found(line, strength, "solid" if solid > 0.85 else "dashed"))
    return found


def _traced(mask: Mask, mosaic: Mosaic, shortest_m: float) -> list[Float]:
    """Thinned, cut where branches meet, and smoothed."""
    thin = skeletonize(mask)
    neighbours = ndimage.convolve(thin.astype(np.int32), np.ones((3, 3), np.int32), mode="constant") - 1
    labels = label(thin & ~ndimage.binary_dilation(thin & (neighbours > 2), np.ones((3, 3))), connectivity=2)
    lines = []
    for region in regionprops(labels):
        if len(region.coords) * CELL_M >= 0.7 * shortest_m and len(region.coords) > 2:
            ordered = _walked(region.coords)
            xy = mosaic.points(ordered[:, 0], ordered[:, 1])
            width = min(9, 2 * (len(xy) // 2) - 1)
            line = np.column_stack([ndimage.uniform_filter1d(xy[:, k], width, mode="nearest") for k in (0, 1)])
            line = _spaced(line, 0.5)
            if _length(line) >= shortest_m:
                lines.append(line)
    return lines


def _walked(pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pixels of a thin line from one end to the other."""
    tree = cKDTree(pixels)
    near = tree.query_ball_point(pixels, 1.5)
    ends = [i for i, own in enumerate(near) if len(own) <= 2]
    at = ends[0] if ends else 0
    order, visited = [at], {at}
    while True:
        following = [j for j in near[at] if j not in visited]
        if not following:
            return pixels[order]
        at = min(following, key=lambda j: float(np.abs(pixels[j] - pixels[at]).sum()))
        order.append(at)
        visited.add(at)


def _joined(lines: list[Float], max_gap_m: float, max_turn_deg: float, aside_m: float) -> list[tuple[Float, float]]:
    """Lines joined end to end where both point at each other, nearest ends first; and their share without gaps."""
    ends = [(i, end) for i in range(len(lines)) for end in (0, 1)]
    if not ends:
        return []
    place = np.array([lines[i][-1 if end else 0] for i, end in ends])
    out = np.array([_outwards(lines[i], end) for i, end in ends])
    candidates = []
    for a, b in cKDTree(place).query_pairs(max_gap_m):
        if ends[a][0] == ends[b][0]:
            continue
        step = place[b] - place[a]
        gap = float(np.linalg.norm(step))
        turn = np.degrees(np.arccos(np.clip(-out[a] @ out[b], -1.0, 1.0)))
        aside = max(abs(float(step[0] * d[1] - step[1] * d[0])) for d in (out[a], out[b]))
        ahead = min(float(step @ out[a]), float(-step @ out[b]))
        bend_deg = max_turn_deg + 35.0 * max(0.0, 1.0 - gap / 1.5)  # the two ends of a cut may lie in a bend
        if turn <= bend_deg and ahead > -0.3 and aside <= aside_m + 0.03 * gap:
            candidates.append((gap + 4.0 * aside, a, b))
    partner: dict[int, int] = {}
    for _, a, b in sorted(candidates):
        if a not in partner and b not in partner:
            partner[a], partner[b] = b, a
    return _chains(lines, partner)


def _chains(lines: list[Float], partner: dict[int, int]) -> list[tuple[Float, float]]:
    """partner: end (2 * line + end) -> the end it is joined to."""
    left, chains = set(range(len(lines))), []
    # open chains from their first end, then rings
    starts = [e for e in range(2 * len(lines)) if e not in partner] + list(range(0, 2 * len(lines), 2))
    for start in starts:
        if start // 2 not in left:
            continue
        parts, end, painted = [], start, 0.0
        while end // 2 in left:
            left.discard(end // 2)
            line = lines[end // 2]
            painted += _length(line)
            parts.append(line if end % 2 == 0 else line[::-1])
            end = partner.get(end ^ 1, -2)
        whole = _spaced(np.concatenate(parts), 0.5)
        chains.append((whole, min(1.0, painted / max(_length(whole), 1e-6))))
    return chains


def _outwards(line: Float, end: int) -> Float:
    """Unit direction in which a line leaves at its first (0) or last (1) end, over its last two metres."""
    own = line if end else line[::-1]
    step = own[-1] - own[max(0, len(own) - 5)]
    return step / max(float(np.linalg.norm(step)), 1e-9)


def _spaced(line: Float, step_m: float) -> Float:
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    wanted = np.linspace(0.0, along[-1], max(2, round(along[-1] / step_m) + 1))
    return np.column_stack([np.interp(wanted, along, line[:, k]) for k in range(2)])


def _length(line: Float) -> float:
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def _rectangle(points: Float) -> Float:
    """(4, 2) corners of the smallest rectangle around points."""
    box = shapely.minimum_rotated_rectangle(shapely.MultiPoint(points))
    corners = shapely.get_coordinates(box)
    return corners[:4] if len(corners) >= 4 else np.repeat(corners[:1], 4, axis=0)


def _sides(rectangle: Float) -> list[float]:
    return [float(np.linalg.norm(rectangle[1] - rectangle[0])), float(np.linalg.norm(rectangle[2] - rectangle[1]))]
