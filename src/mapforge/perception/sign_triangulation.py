"""Places what lidar does not reach, as lights above the road, from the directions they were seen in while driving."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.se3 import Float
from mapforge.perception.camera_view import CameraView
from mapforge.perception.sign_ranging import PlacedSign

_ANGLE_MIN_RAD = math.radians(1.5)
_INLIER_SIGMAS = 4.0
_SIZE_RATIO_MAX = 1.6
_POSE_SIGMA_RAD = 0.003
_CHUNK = 150
"""Sightings looked at together: bounds the work of a long drive."""
_PROPOSALS_MAX = 3000


@dataclass(frozen=True, eq=False)
class Sightings:
    """Directions of one kind of thing from a drive.

    eyes_map: (N, 3) camera centres. rays_map: (N, 3) unit directions. sigmas_rad: (N,) one-sigma of each direction.
    sizes_rad: (N,) apparent height.
    """

    eyes_map: Float
    rays_map: Float
    sigmas_rad: Float
    sizes_rad: Float

    def take(self, rows: NDArray[np.integer]) -> Sightings:
        return Sightings(self.eyes_map[rows], self.rays_map[rows], self.sigmas_rad[rows], self.sizes_rad[rows])


@dataclass(frozen=True, eq=False)
class Triangulated:
    """One thing and the sightings of it. xyz_map: (3,). sigma_m: horizontal. rows: indices of its sightings."""

    xyz_map: Float
    sigma_m: float
    rows: NDArray[np.int64]


def triangulate(sightings: Sightings, rays_min: int, range_max_m: float) -> list[Triangulated]:
    """Things that at least `rays_min` sightings agree on, the best supported first; a sighting belongs to one.

    Every pair of rays with enough parallax proposes a point; the point most rays pass, at one true size, wins; its
    rays are taken out, and so on (sequential RANSAC, exhaustive because a drive has few sightings).
    """
    left = np.arange(len(sightings.eyes_map))
    found: list[Triangulated] = []
    while len(left) >= rays_min:
        rest = sightings.take(left)
        proposals = _proposals(rest, range_max_m)
        if not len(proposals):
            break
        support = _agreeing(rest, proposals, range_max_m)
        best = int(support.sum(axis=1).argmax())
        rows = np.flatnonzero(support[best])
        if len(rows) < rays_min:
            break
        xyz, sigma = _intersection(rest.take(rows))
        rows = np.flatnonzero(_agreeing(rest, xyz[None], range_max_m)[0] | support[best])
        found.append(Triangulated(xyz, sigma, left[rows]))
        left = np.delete(left, rows)
    return found


def _proposals(s: Sightings, range_max_m: float) -> Float:
    """(P, 3) midpoints of the shortest links between rays with parallax, in front of both eyes and in range."""
    i, j = np.triu_indices(len(s.eyes_map), k=1)
    cosine = np.einsum("ij,ij->i", s.rays_map[i], s.rays_map[j])
    link = s.eyes_map[j] - s.eyes_map[i]
    enough = (cosine < math.cos(_ANGLE_MIN_RAD)) & (np.linalg.norm(link, axis=1) < 2 * range_max_m)
    i, j, cosine, link = i[enough], j[enough], cosine[enough], link[enough]
    along_i, along_j = np.einsum("ij,ij->i", s.rays_map[i], link), np.einsum("ij,ij->i", s.rays_map[j], link)
    sine2 = 1 - cosine**2
    t_i, t_j = (along_i - cosine * along_j) / sine2, (cosine * along_i - along_j) / sine2
    valid = (np.minimum(t_i, t_j) > 1.0) & (np.maximum(t_i, t_j) < range_max_m)
    middle = s.eyes_map[i] + s.rays_map[i] * t_i[:, None] + s.eyes_map[j] + s.rays_map[j] * t_j[:, None]
    kept = np.flatnonzero(valid)
    return np.asarray(middle[kept[:: len(kept) // _PROPOSALS_MAX + 1]] / 2)


def _agreeing(s: Sightings, points_map: Float, range_max_m: float) -> NDArray[np.bool_]:
    """(P, N) bool: sightings that pass a point within their sigma and show it at the size most others do."""
    towards = points_map[:, None, :] - s.eyes_map[None]
    distance = np.linalg.norm(towards, axis=2)
    cosine = np.einsum("pnk,nk->pn", towards, s.rays_map) / np.maximum(distance, 1e-6)
    off = np.arccos(np.clip(cosine, -1.0, 1.0))
    agree = (off < _INLIER_SIGMAS * s.sigmas_rad) & (distance < range_max_m)
    size = np.where(agree, np.log(np.maximum(s.sizes_rad * distance, 1e-6)), np.nan)
    typical = np.zeros(len(points_map))
    some = agree.any(axis=1)
    typical[some] = np.nanmedian(size[some], axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(agree & (np.abs(size - typical[:, None]) < math.log(_SIZE_RATIO_MAX)))


def _intersection(s: Sightings) -> tuple[Float, float]:
    """Weighted least-squares meeting point of rays, and the larger one-sigma of its horizontal position."""
    across = np.eye(3) - s.rays_map[:, :, None] * s.rays_map[:, None, :]
    weights = np.ones(len(s.eyes_map))
    xyz = s.eyes_map.mean(axis=0)
    for _ in range(3):
        normal = np.einsum("n,nij->ij", weights, across)
        xyz = np.linalg.solve(normal, np.einsum("n,nij,nj->i", weights, across, s.eyes_map))
        distance = np.maximum(np.linalg.norm(xyz - s.eyes_map, axis=1), 1.0)
        weights = 1.0 / (distance * s.sigmas_rad) ** 2
    covariance = np.linalg.inv(np.einsum("n,nij->ij", weights, across))[:2, :2]
    return xyz, float(np.sqrt(np.linalg.eigvalsh(covariance)[-1]))


def place_by_parallax(
    views: list[CameraView], boxes_px: Float, pixel_sigma_px: float, rays_min: int, range_max_m: float
) -> list[PlacedSign | None]:
    """What each of N boxes (in order of time) shows, where enough of them agree from different places, else None.

    boxes_px: (N, 4) x0, y0, x1, y1 in the pixels of the intrinsics. pixel_sigma_px: one-sigma of a box centre.
    """
    result: list[PlacedSign | None] = [None] * len(views)
    for start in range(0, len(views), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(views)))
        sightings = _sightings([views[i] for i in rows], boxes_px[rows], pixel_sigma_px)
        for thing in triangulate(sightings, rays_min, range_max_m):
            back = (sightings.eyes_map[thing.rows] - thing.xyz_map)[:, :2]
            towards = (back / np.maximum(np.linalg.norm(back, axis=1, keepdims=True), 1e-6)).sum(axis=0)
            placed = PlacedSign(thing.xyz_map, math.atan2(towards[1], towards[0]), thing.sigma_m, 0)
            for row in thing.rows:
                result[int(rows[row])] = placed
    return result


def _sightings(views: list[CameraView], boxes_px: Float, pixel_sigma_px: float) -> Sightings:
    centres = (boxes_px[:, :2] + boxes_px[:, 2:]) / 2
    rays = np.array([view.rays(centre[None])[0] for view, centre in zip(views, centres)])
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    focal = np.array([view.intrinsics[0] for view in views])
    sigmas = np.hypot(pixel_sigma_px / focal, _POSE_SIGMA_RAD)
    return Sightings(
        np.array([view.map_SE3_cam.translation_m for view in views]),
        rays,
        sigmas,
        (boxes_px[:, 3] - boxes_px[:, 1]) / focal,
    )
