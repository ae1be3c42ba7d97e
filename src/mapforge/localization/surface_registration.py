"""One piece of a drive registered to another drive by what both saw on the ground.

Brightness and relief of the ground are drawn as pictures, freed of what changes over metres, and laid over each other:
first every shift on a grid by normalised correlation, then to a fraction of a cell by Newton's steps on the difference
(Lucas and Kanade; with the mean of both pictures' gradients: Benhimane and Malis, Real-time image-based tracking of
planes using efficient second-order minimization, 2004).

What is known afterwards is told by products of one picture's gradients with the other's. The noise of two drives has
nothing in common, so that it drops out of them: painted lines leave nothing along the road, however noisy the asphalt
is, while dash ends, arrows and crossings do. A direction is claimed only where these products exceed their own scatter
over patches of the ground, and as surely as those patches agree (a sandwich covariance). Where another shift fits
nearly as well (the next dash), the distance to it is added as uncertainty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.ndimage import correlate1d, gaussian_filter, map_coordinates, maximum_filter, zoom

from mapforge.geometry.se3 import Float
from mapforge.localization.corrections import PARTS, TURN_LEVER_M
from mapforge.localization.registration import Registration
from mapforge.localization.surface import CELL_M, PieceSurface

SMOOTHING_CELLS = 1.2
TREND_M = 1.0
"""Pictures are freed of what changes over more than about this."""
SEEN_RETURNS = 0.05
"""Smoothed number of returns from which on a cell counts as seen."""
MOST_RELIEF_M = 0.15
FINER = 4
"""Correlation is interpolated to this part of a cell."""
NORMAL_MAD, LEAST_NOISE = 0.6745, 1e-4
BELIEVED_RETURNS = 0.3
"""Cells with so many (smoothed) returns count half."""
STRIDE = 2
"""Every so many cells are compared by Gauss-Newton: smoothing has made neighbours alike."""
ITERATIONS = 15
CONVERGED_M = 2e-4
CAUCHY = 2.0
SLOPE = np.array([1.0, -8.0, 0.0, 8.0, -1.0]) / 12.0
"""Of fourth order: plain differences would turn the slope of an oblique line by a degree."""
PATCH_M = 0.3
SCORE_CELL_M = 0.5
ALIKE_M = 1.0
"""What the pictures are wrong by is alike over about this."""
CLAIM_SIGMAS = 3.0
"""A direction is claimed when what tells of it exceeds its own scatter by so much."""
MIN_CELLS = 2000
HEIGHT_SIGMA_M = 0.01
APART_M = 0.5
"""Correlation peaks closer together than this are one."""


@dataclass(frozen=True)
class SurfaceMatching:
    """A registration is believed when the pictures share `min_overlap` of the smaller one, correlate by at least
    `min_similarity` there, and tell about a direction to `min_certainty_m`. Another shift that correlates by
    `rival_share` of the best one or more makes the direction to it uncertain.
    """

    min_overlap: float
    min_similarity: float
    rival_share: float
    min_certainty_m: float


@dataclass(frozen=True, eq=False)
class PlacedSurface:
    """A surface and the pose (4, 4) of its own frame in a common one."""

    surface: PieceSurface
    pose: Float


@dataclass(frozen=True, eq=False)
class _Picture:
    """Rows run along y, columns along x; cell (0, 0) is centred on `corner_m`. channels: (2, R, C) brightness and
    relief, 0 where nothing was seen. height_m: (R, C). seen: (R, C).
    """

    corner_m: Float
    channels: Float
    height_m: Float
    seen: NDArray[np.bool_]


def register_surfaces(
    source: PlacedSurface, targets: Sequence[PlacedSurface], search_m: float, matching: SurfaceMatching
) -> Registration | None:
    """Fits `source` to the targets within `search_m` of where it lies; None when they show too little in common.

    Roll and pitch are taken as they are.
    """
    centre = source.pose[:3, 3]
    own = _points(source, centre)
    low, high = own[:, :2].min(axis=0) - search_m, own[:, :2].max(axis=0) + search_m
    there = np.concatenate([_points(target, centre) for target in targets])
    there = there[((there[:, :2] > low) & (there[:, :2] < high)).all(axis=1)]
    if min(len(own), len(there)) < MIN_CELLS:
        return None
    a, b = _picture(own, low, high), _picture(there, low, high)
    start, rivals = _correlated(a, b, search_m, matching)
    return None if start is None else _fitted(a, b, start, rivals, matching)


def _points(placed: PlacedSurface, centre_m: Float) -> Float:
    """(N, 5): x, y, z relative to `centre_m`, brightness, returns."""
    surface = placed.surface
    xyz = surface.xyz_m.astype(np.float64) @ placed.pose[:3, :3].T + (placed.pose[:3, 3] - centre_m)
    return np.column_stack([xyz, surface.brightness, surface.returns])


def _picture(points: Float, low_m: Float, high_m: Float) -> _Picture:
    """Points spread over the four cells around them, smoothed, holes closed, trends taken out."""
    columns, rows = np.ceil((high_m - low_m) / CELL_M).astype(int) + 2
    place = (points[:, :2] - low_m) / CELL_M
    cell = np.floor(place).astype(np.int64)
    share = place - cell
    sums = np.zeros((3, rows * columns))
    weight = np.minimum(points[:, 4], 4.0)
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        part = weight * np.abs(1 - dx - share[:, 0]) * np.abs(1 - dy - share[:, 1])
        at = (cell[:, 1] + dy) * columns + cell[:, 0] + dx
        for k, values in enumerate((1.0, points[:, 3], points[:, 2])):
            sums[k] += np.bincount(at, part * values, rows * columns)
    smooth = [gaussian_filter(s.reshape(rows, columns), SMOOTHING_CELLS, mode="constant") for s in sums]
    seen = smooth[0] > SEEN_RETURNS
    brightness, height = (np.where(seen, s / np.maximum(smooth[0], 1e-9), 0.0) for s in smooth[1:])
    relief = np.clip(_without_trend(height, seen), -MOST_RELIEF_M, MOST_RELIEF_M)
    belief = smooth[0] / (smooth[0] + BELIEVED_RETURNS)
    return _Picture(low_m, belief * np.stack([_without_trend(brightness, seen), relief]), height, seen)


def _without_trend(values: Float, seen: NDArray[np.bool_]) -> Float:
    width = TREND_M / CELL_M
    weight = gaussian_filter(seen.astype(np.float64), width, mode="constant")
    trend = gaussian_filter(np.where(seen, values, 0.0), width, mode="constant") / np.maximum(weight, 1e-9)
    return np.where(seen, values - trend, 0.0)


def _correlated(a: _Picture, b: _Picture, search_m: float, matching: SurfaceMatching) -> tuple[Float | None, Float]:
    """(2,) shift of `a` that fits best, None where none does, and (K, 2) from there to others that fit nearly as well.

    Between whole cells the correlation is interpolated: on a grid, a shift that happens to lie well across a line would
    win over the right one along it.
    """
    reach = round(search_m / CELL_M)
    similarity = zoom(_similarity(a, b, reach, matching.min_overlap), FINER, order=3, grid_mode=False)
    step = 2.0 * reach * CELL_M / (len(similarity) - 1)
    highest = float(similarity.max())
    if highest < matching.min_similarity:
        return None, np.zeros((0, 2))
    apart = 2 * round(APART_M / step) + 1
    peaks = (similarity == maximum_filter(similarity, apart)) & (similarity >= matching.rival_share * highest)
    shifts = np.argwhere(peaks)[:, ::-1] * step - reach * CELL_M
    best = np.unravel_index(int(similarity.argmax()), similarity.shape)
    start = np.array(best[::-1]).astype(np.float64) * step - reach * CELL_M
    return np.asarray(start), np.asarray(shifts[np.linalg.norm(shifts - start, axis=1) > APART_M] - start)


def _similarity(a: _Picture, b: _Picture, reach: int, min_overlap: float) -> Float:
    """(2 reach + 1, 2 reach + 1) normalised correlation for every shift of `a` by whole cells, rows by y."""
    size = tuple(next_fast_len(n + 2 * reach, real=True) for n in a.seen.shape)
    index = np.arange(-reach, reach + 1)

    def overlaps(left: NDArray[np.complex128], right: NDArray[np.complex128]) -> Float:
        """Sums of products of the transformed."""
        return np.asarray(irfft2(np.conj(left) * right, size)[np.ix_(index, index)])

    seen_a, seen_b = (rfft2(p.seen.astype(np.float64), size) for p in (a, b))
    product, energy_a, energy_b = (np.zeros((len(index), len(index))) for _ in range(3))
    for own, other in zip(a.channels, b.channels):
        left, right = (c / _noise(c[p.seen]) for c, p in ((own, a), (other, b)))
        product += overlaps(rfft2(left, size), rfft2(right, size))
        energy_a += overlaps(rfft2(left**2, size), seen_b)
        energy_b += overlaps(seen_a, rfft2(right**2, size))
    enough = overlaps(seen_a, seen_b) >= min_overlap * min(a.seen.sum(), b.seen.sum())
    return np.where(enough, product / np.sqrt(np.maximum(energy_a * energy_b, 1e-9)), 0.0)


def _noise(values: Float) -> float:
    return max(float(np.median(np.abs(values))) / NORMAL_MAD, LEAST_NOISE)


@dataclass(frozen=True, eq=False)
class _Overlap:
    """Cells of the source where they now lie on the target. place_m: (M, 2). residual: (2, M) of each channel, target
    less source. own, other: (2, M, 3) gradients of both pictures by shift and turn (in units of `TURN_LEVER_M`).
    rise_m: (M,) target above source. share: of the source's cells.
    """

    place_m: Float
    residual: Float
    own: Float
    other: Float
    rise_m: Float
    share: float


def _fitted(a: _Picture, b: _Picture, start: Float, rivals: Float, matching: SurfaceMatching) -> Registration | None:
    state = np.append(start, 0.0)
    slopes = [_slopes(p.channels) for p in (a, b)]
    for _ in range(ITERATIONS):
        laid = _laid(a, b, slopes, state)
        step = _claims(laid, _weights(laid.residual)).step()
        step *= min(1.0, CELL_M / max(float(np.linalg.norm(step)), 1e-9))
        state = state + step
        if np.linalg.norm(state[:2] - start) > APART_M:
            return None
        if np.abs(step).max() < CONVERGED_M:
            break
    laid = _laid(a, b, slopes, state)
    if laid.share < matching.min_overlap:
        return None
    information = _information(laid, rivals)
    if np.linalg.eigvalsh(information[:2, :2])[-1] < 1.0 / matching.min_certainty_m**2:
        return None
    rise = float(np.median(laid.rise_m))
    full = np.zeros((PARTS, PARTS))
    full[np.ix_([0, 1, 3], [0, 1, 3])] = information
    full[2, 2] = 1.0 / HEIGHT_SIGMA_M**2
    sharp = float((np.abs(laid.rise_m - rise) < 0.1).mean())
    return Registration(np.array([*state[:2], rise]), float(state[2] / TURN_LEVER_M), full, min(laid.share, 1.0), sharp)


def _slopes(channels: Float) -> Float:
    """(2, 2, R, C) of every channel by x and y, per metre."""
    return np.stack([np.stack([correlate1d(c, SLOPE, axis=axis) for axis in (1, 0)]) for c in channels]) / CELL_M


def _laid(a: _Picture, b: _Picture, slopes: list[Float], state: Float) -> _Overlap:
    turn = state[2] / TURN_LEVER_M
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    row, column = np.nonzero(a.seen[::STRIDE, ::STRIDE])
    row, column = row * STRIDE, column * STRIDE
    turned = (a.corner_m + np.column_stack([column, row]) * CELL_M) @ rotation.T
    place = turned + state[:2]
    at = ((place - b.corner_m) / CELL_M).T[::-1]
    met = map_coordinates(b.seen.astype(np.float32), at, order=1, mode="constant") > 0.99
    row, column, turned, place, at = row[met], column[met], turned[met], place[met], at[:, met]
    there = np.stack([map_coordinates(c, at, order=1) for c in b.channels])
    lever = np.stack([-turned[:, 1], turned[:, 0]]) / TURN_LEVER_M
    own = np.einsum("ij,kjm->kim", rotation, slopes[0][:, :, row, column])
    other = np.array([[map_coordinates(s, at, order=1) for s in channel] for channel in slopes[1]])
    rise = map_coordinates(b.height_m, at, order=1) - a.height_m[row, column]
    residual = there - a.channels[:, row, column]
    return _Overlap(place, residual, _by_motion(own, lever), _by_motion(other, lever), rise, float(met.mean()))


def _by_motion(slope: Float, lever: Float) -> Float:
    """(2, M, 3) change of each channel by shift and turn. slope: (2, 2, M) by x and y. lever: (2, M) of the turn."""
    by_turn = np.einsum("kim,im->km", slope, lever)
    return np.moveaxis(np.concatenate([slope, by_turn[:, None]], axis=1), 1, 2)


def _weights(residual: Float) -> Float:
    """(2, M) inverse variance of each channel's residuals, less for large ones (Cauchy)."""
    sigma = np.array([_noise(own) for own in residual])[:, None]
    return np.asarray(1.0 / sigma**2 / (1.0 + (residual / (CAUCHY * sigma)) ** 2))


@dataclass(frozen=True, eq=False)
class _Claims:
    """What an overlap tells of shift and turn (in units of `TURN_LEVER_M`). directions: (3, K) orthonormal, those it
    tells. sensitivity: (K,) of the score along each. score: (3,) slope of the misfit.
    """

    directions: Float
    sensitivity: Float
    score: Float

    def step(self) -> Float:
        """(3,) Newton's."""
        return np.asarray(-self.directions @ ((self.directions.T @ self.score) / self.sensitivity))

    def information(self, spread: Float) -> Float:
        """(3, 3). spread: (3, 3) covariance of the score."""
        inverse = np.diag(1.0 / self.sensitivity)
        covariance = inverse @ (self.directions.T @ spread @ self.directions) @ inverse
        return np.asarray(
            self.directions @ np.linalg.inv(covariance + 1e-10 * np.eye(len(inverse))) @ self.directions.T
        )


def _claims(laid: _Overlap, weight: Float) -> _Claims:
    patch = np.floor(laid.place_m / PATCH_M).astype(np.int64)
    _, patch = np.unique(patch[:, 0] * (1 << 32) + patch[:, 1], return_inverse=True)
    count = int(patch.max()) + 1
    cross = np.empty((count, 3, 3))
    for i, j in np.ndindex(3, 3):
        both = (weight * laid.own[:, :, i] * laid.other[:, :, j]).sum(axis=0)
        cross[:, i, j] = np.bincount(patch, both, count)
    cross = 0.5 * (cross + np.swapaxes(cross, 1, 2))
    value, vector = np.linalg.eigh(cross.sum(axis=0))
    scatter = np.sqrt(count * np.einsum("ik,pij,jk->pk", vector, cross, vector).var(axis=0))
    claimed = value > CLAIM_SIGMAS * scatter
    return _Claims(vector[:, claimed], value[claimed], _scores(laid, weight).sum(axis=0))


def _scores(laid: _Overlap, weight: Float) -> Float:
    """(M, 3) each cell's part of the slope of the misfit."""
    return np.asarray(np.einsum("km,kmi,km->mi", weight, 0.5 * (laid.own + laid.other), laid.residual))


def _spread(laid: _Overlap, weight: Float) -> Float:
    """(3, 3) covariance of the score, with what is alike within about `ALIKE_M` (Conley 1999: a kernel over places)."""
    cell = np.floor(laid.place_m / SCORE_CELL_M).astype(np.int64)
    cell -= cell.min(axis=0)
    shape = cell.max(axis=0) + 1
    at = cell[:, 0] * shape[1] + cell[:, 1]
    each = [np.bincount(at, s, shape.prod()).reshape(shape) for s in _scores(laid, weight).T]
    width = ALIKE_M / SCORE_CELL_M
    around = [2.0 * np.pi * width**2 * gaussian_filter(s, width, mode="constant") for s in each]
    spread = np.array([[float((s * t).sum()) for t in around] for s in each])
    return np.asarray((spread + spread.T) / 2)


def _information(laid: _Overlap, rivals: Float) -> Float:
    """(3, 3) of shift and turn, of the directions that are claimed."""
    weight = _weights(laid.residual)
    claims = _claims(laid, weight)
    if not len(claims.sensitivity):
        return np.zeros((3, 3))
    information = claims.information(_spread(laid, weight))
    for rival in rivals:
        information = _less_sure(information, np.append(rival, 0.0))
    information[2, :] *= TURN_LEVER_M
    information[:, 2] *= TURN_LEVER_M
    return np.asarray((information + information.T) / 2)


def _less_sure(information: Float, along: Float) -> Float:
    """Information after the square of `along` is added to the covariance (Sherman and Morrison)."""
    pulled = information @ along
    return np.asarray(information - np.outer(pulled, pulled) / (1.0 + along @ pulled))
