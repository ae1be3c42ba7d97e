"""One piece of a drive registered to what another drive saw there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import small_gicp
from scipy.spatial import cKDTree

from mapforge.geometry.se3 import Float
from mapforge.localization.segments import PieceCloud

MAX_ITERATIONS = 30
STARTS_AROUND = 6
LEAST_OVERLAP = 0.2
IN_PLANE_WEIGHT = 1.0
"""Information a matched point gives about the directions inside its own plane, which is none in truth: voxel centres
attract (Koide et al., Voxelized GICP, 2021, regularises covariances to 1, 1, 0.001)."""


@dataclass(frozen=True)
class Matching:
    """Settings of a registration, first over the coarse distances, then over the fine ones.

    A registration is believed when it moves the piece by less than `max_shift_m`, when at least `min_upright` points of
    upright surfaces (not the ground, which fits everywhere) and `needed_overlap` of them find a partner at the fine
    distance, and when of these `min_sharpness` lie within `surface_m` of their partner's surface. information_share: of
    the points' information that is independent of each other.
    """

    coarse_voxel_m: float
    coarse_distance_m: float
    fine_voxel_m: float
    fine_distance_m: float
    max_shift_m: float
    min_upright: int
    min_overlap: float
    min_sharpness: float
    surface_m: float
    information_share: float

    def needed_overlap(self, shared_way: float) -> float:
        """Of a piece along whose way, by this share, the other drive was near."""
        return max(self.min_overlap * shared_way, LEAST_OVERLAP)


@dataclass(frozen=True, eq=False)
class Registration:
    """shift_m: (3,) and turn_rad (about the vertical through its centre) that fit the piece to the other drive.

    information: (4, 4) of shift and turn as what was matched gives it: nothing along a direction in which nothing holds
    it. overlap: share of the upright points that found a partner. sharpness: of these, on its surface.
    """

    shift_m: Float
    turn_rad: float
    information: Float
    overlap: float
    sharpness: float


@dataclass(frozen=True, eq=False)
class PlacedCloud:
    """A cloud and the pose (4, 4) of its own frame in a common one."""

    cloud: PieceCloud
    pose: Float


def register(
    source: PlacedCloud, targets: Sequence[PlacedCloud], matching: Matching, shared_way: float = 1.0
) -> Registration | None:
    """Fits `source` to the targets, from where it lies and, when that fails, from some metres around.

    shared_way: along which share of the source's way the targets are near.

    None when they hardly overlap, lie too far apart, or show too little that stands upright.
    """
    coarse, fine = (_voxels(targets, voxel_m) for voxel_m in (matching.coarse_voxel_m, matching.fine_voxel_m))
    matching = replace(matching, min_overlap=matching.needed_overlap(shared_way))
    found = _fitted(source, source.pose, coarse, fine, targets, matching)
    if found is not None or not _can_be_judged(source, targets, matching):
        return found
    others = [_fitted(source, start, coarse, fine, targets, matching) for start in _starts_around(source, matching)]
    return max((o for o in others if o is not None), key=lambda o: o.overlap * o.sharpness, default=None)


def _fitted(
    source: PlacedCloud,
    start: Float,
    coarse: small_gicp.GaussianVoxelMap,
    fine: small_gicp.GaussianVoxelMap,
    targets: Sequence[PlacedCloud],
    matching: Matching,
) -> Registration | None:
    """From one starting pose (4, 4), over the coarse voxels, then the fine ones."""
    rough = np.asarray(_aligned(coarse, source, start, matching.coarse_distance_m).T_target_source)
    result = _aligned(fine, source, rough, matching.fine_distance_m)
    pose = np.asarray(result.T_target_source)
    shift = pose[:3, 3] - source.pose[:3, 3]
    if not np.linalg.norm(shift) < matching.max_shift_m:
        return None
    overlap, sharpness = _fit(PlacedCloud(source.cloud, pose), targets, matching)
    if overlap < matching.min_overlap or sharpness < matching.min_sharpness:
        return None
    turn = pose[:3, :3] @ source.pose[:3, :3].T
    inliers = result.num_inliers / source.cloud.points.size()
    points = _information(np.asarray(result.H), pose[:3, :3], source.cloud.points, inliers)
    information = matching.information_share * points
    return Registration(shift, float(np.arctan2(turn[1, 0], turn[0, 0])), information, overlap, sharpness)


def _aligned(
    voxels: small_gicp.GaussianVoxelMap, source: PlacedCloud, start: Float, distance_m: float
) -> small_gicp.RegistrationResult:
    return small_gicp.align(
        voxels,
        source.cloud.points,
        init_T_target_source=start,
        max_correspondence_distance=distance_m,
        num_threads=1,
        max_iterations=MAX_ITERATIONS,
        rotation_epsilon=2e-5,
        translation_epsilon=5e-4,
    )


def _starts_around(source: PlacedCloud, matching: Matching) -> Iterator[Float]:
    """Poses on a ring around the pose of `source`."""
    for angle in np.arange(STARTS_AROUND) * (2.0 * np.pi / STARTS_AROUND):
        start = source.pose.copy()
        start[:2, 3] += 0.6 * matching.max_shift_m * np.array([np.cos(angle), np.sin(angle)])
        yield start


def _can_be_judged(source: PlacedCloud, targets: Sequence[PlacedCloud], matching: Matching) -> bool:
    there = sum(len(target.cloud.upright_m) for target in targets)
    return min(len(source.cloud.upright_m), there) >= matching.min_upright


def _fit(source: PlacedCloud, targets: Sequence[PlacedCloud], matching: Matching) -> tuple[float, float]:
    """Overlap and sharpness; both 0 when there are too few upright points to say."""
    own = source.cloud.upright_m @ source.pose[:3, :3].T + source.pose[:3, 3]
    there = np.concatenate([t.cloud.upright_m @ t.pose[:3, :3].T + t.pose[:3, 3] for t in targets])
    normal = np.concatenate([t.cloud.upright_normal @ t.pose[:3, :3].T for t in targets])
    if not _can_be_judged(source, targets, matching):
        return 0.0, 0.0
    found = cKDTree(there).query(own, distance_upper_bound=matching.fine_distance_m)
    distance, nearest = (np.asarray(array) for array in found)
    met = np.isfinite(distance)
    if met.sum() < matching.min_upright:
        return 0.0, 0.0
    off = np.einsum("ni,ni->n", normal[nearest[met]], own[met] - there[nearest[met]])
    return float(met.mean()), float((np.abs(off) < matching.surface_m).mean())


def _voxels(targets: Sequence[PlacedCloud], voxel_m: float) -> small_gicp.GaussianVoxelMap:
    voxels = small_gicp.GaussianVoxelMap(voxel_m)
    voxels.set_lru(horizon=10**9, clear_cycle=10**9)
    for target in targets:
        voxels.insert(target.cloud.points, target.pose)
    return voxels


def _information(hessian: Float, rotation: Float, cloud: small_gicp.PointCloud, share: float) -> Float:
    """(4, 4) of x, y, z and turn in the common frame, roll and pitch taken out, in-plane attraction taken off."""
    turned = np.kron(np.eye(2), rotation)
    full = turned @ hessian @ turned.T
    order = [3, 4, 5, 2, 0, 1]
    full = full[np.ix_(order, order)]
    kept, rest, cross = full[:4, :4], full[4:, 4:], full[:4, 4:]
    reduced = kept - cross @ np.linalg.solve(rest, cross.T)
    xy = np.asarray(cloud.points())[:, :2]
    lever = float(np.einsum("ni,ni->", xy, xy)) * share
    spurious = IN_PLANE_WEIGHT * np.diag([*[cloud.size() * share] * 3, lever])
    value, vector = np.linalg.eigh((reduced - spurious + (reduced - spurious).T) / 2)
    return np.asarray((vector * np.maximum(value, 0.0)) @ vector.T)
