"""How each drive's path must bend so that the drives agree: a shift and a turn at every segment.

Linear least squares with Huber weights. Registrations say what the difference of two drives' corrections is; GNSS
says that every correction is small (by the trajectory's own uncertainty), which holds the whole in place; odometry
says that neighbouring segments of a drive are corrected alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csc_matrix, diags_array
from scipy.sparse.linalg import spsolve
from scipy.spatial.transform import Rotation

from mapforge.geometry.se3 import Float
from mapforge.geometry.trajectory import Trajectory

HUBER_SIGMAS = 2.0
REWEIGHTINGS = 10
TURN_PRIOR_RAD = 0.01
TURN_LEVER_M = 20.0


@dataclass(frozen=True)
class Agreement:
    """Segment `moving` of drive `a`, moved by `shift_m` (3,) and turned by `turn_rad`, fits drive `b` near its segment
    `fixed`.
    """

    a: str
    moving: int
    b: str
    fixed: int
    shift_m: tuple[float, float, float]
    turn_rad: float


@dataclass(frozen=True, eq=False)
class Knots:
    """Where a drive's corrections are. times_ns: (K,). centre_m: (K, 3). sigma_m: (K, 3) how far GNSS lets it move."""

    times_ns: NDArray[np.int64]
    centre_m: Float
    sigma_m: Float


@dataclass(frozen=True, eq=False)
class Correction:
    """times_ns: (K,). shift_m: (K, 3). turn_rad: (K,) about the vertical through the car."""

    times_ns: NDArray[np.int64]
    shift_m: Float
    turn_rad: Float

    def applied_to(self, trajectory: Trajectory) -> Trajectory:
        """The corrected trajectory; between knots corrections are linear, beyond them constant."""
        times = trajectory.timestamps_ns
        shift = np.stack([np.interp(times, self.times_ns, self.shift_m[:, i]) for i in range(3)], axis=1)
        turn = Rotation.from_rotvec(np.interp(times, self.times_ns, self.turn_rad)[:, None] * (0.0, 0.0, 1.0))
        rotation = turn * Rotation.from_quat(trajectory.quaternion_wxyz[:, [1, 2, 3, 0]])
        quaternion = rotation.as_quat(canonical=True)[:, [3, 0, 1, 2]]
        return Trajectory(times, trajectory.translation_m + shift, quaternion, trajectory.sigma_xy_m)


def solve_corrections(
    knots: dict[str, Knots], agreements: list[Agreement], registration_sigma_m: float, bending_sigma_m: float
) -> dict[str, Correction]:
    """The most likely correction of each drive; zero for one that agrees with no other's account of anything."""
    names = sorted(knots)
    start = dict(zip(names, np.cumsum([0, *(len(knots[name].times_ns) for name in names)])[:-1].tolist()))
    count = sum(len(k.times_ns) for k in knots.values())
    turn_sigma = registration_sigma_m / TURN_LEVER_M
    rows: list[tuple[list[int], list[float], list[float]]] = []  # knots, their factors, target of shift and turn
    weights: list[Float] = []
    for agreement in agreements:
        pair = [start[agreement.a] + agreement.moving, start[agreement.b] + agreement.fixed]
        rows.append((pair, [1.0, -1.0], [*agreement.shift_m, agreement.turn_rad]))
        weights.append(1.0 / np.array([registration_sigma_m] * 3 + [turn_sigma]))
    for name in names:
        for k in range(len(knots[name].times_ns)):
            rows.append(([start[name] + k], [1.0], [0.0] * 4))
            # GNSS is wrong by about the same all along a drive: all its knots together are one opinion
            weights.append(1.0 / np.append(knots[name].sigma_m[k], TURN_PRIOR_RAD) / np.sqrt(len(knots[name].times_ns)))
            if k:
                rows.append(([start[name] + k - 1, start[name] + k], [1.0, -1.0], [0.0] * 4))
                weights.append(1.0 / np.array([bending_sigma_m] * 3 + [bending_sigma_m / TURN_LEVER_M]))
    solution = _robust(rows, np.array(weights), len(agreements), count)
    corrections = {}
    for name in names:
        own = solution[start[name] : start[name] + len(knots[name].times_ns)]
        corrections[name] = Correction(knots[name].times_ns, own[:, :3], own[:, 3])
    return corrections


def _robust(rows: list[tuple[list[int], list[float], list[float]]], weights: Float, loose: int, count: int) -> Float:
    """(count, 4); the first `loose` rows are reweighted, each as a whole."""
    row = np.concatenate([[r] * len(knots) for r, (knots, _, _) in enumerate(rows)])
    column = np.concatenate([knots for knots, _, _ in rows])
    factor = np.concatenate([factors for _, factors, _ in rows])
    target = np.array([values for _, _, values in rows])
    design = coo_matrix((factor, (row, column)), shape=(len(rows), count)).tocsr()
    solution, robust = np.zeros((count, 4)), np.ones(len(rows))
    for _ in range(REWEIGHTINGS):
        for part in range(4):
            scaled = diags_array(weights[:, part] * robust) @ design
            right = target[:, part] * weights[:, part] * robust
            solution[:, part] = spsolve(csc_matrix(scaled.T @ scaled), scaled.T @ right)
        misfit = np.linalg.norm(((design @ solution - target) * weights)[:loose], axis=1)
        robust[:loose] = np.sqrt(np.minimum(1.0, HUBER_SIGMAS / np.maximum(misfit, 1e-9)))
    return solution
