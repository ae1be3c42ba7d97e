"""How each drive's path must bend so that the drives agree: a shift and a turn at every knot, with their uncertainty.

A linear network. Registrations say what the difference of two drives' corrections is. What is known of a drive alone
is a Gauss-Markov process along its path: its error has the size its trajectory states (GNSS) and changes from knot to
knot no more than odometry lets it. False registrations are found by graduated non-convexity with truncated least
squares (Yang, Antonante, Tzoumas, Carlone: Graduated Non-Convexity for Robust Spatial Perception, 2020).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csc_matrix, csr_matrix, diags_array
from scipy.sparse.linalg import SuperLU, splu
from scipy.spatial.transform import Rotation
from scipy.stats import chi2

from mapforge.geometry.se3 import Float
from mapforge.geometry.trajectory import Trajectory

PARTS = 4
"""Of a correction: along x, y and z, and the turn about the vertical."""
TURN_LEVER_M = 20.0
"""Sigmas of shifts, divided by this, are the sigmas of turns."""
OUTLIER_CHI2 = float(chi2.ppf(0.999, PARTS))
RIDGE = 1e-6
GRADUATION = 1.4
MAX_GRADUATIONS = 60


@dataclass(frozen=True, eq=False)
class Agreement:
    """Drive `a`, at its knot `knot`, shifted by `shift_m` (3,) and turned by `turn_rad`, fits drive `b` as it was at
    `b_ns`, when `b` was `lever_m` (3,) away (a minus b).

    information: (4, 4) of shift and turn.
    """

    a: str
    knot: int
    b: str
    b_ns: int
    lever_m: Float
    shift_m: Float
    turn_rad: float
    information: Float


@dataclass(frozen=True, eq=False)
class Knots:
    """Where a drive's corrections are. times_ns: (K,). centre_m: (K, 3). sigma_m: (K, 4) uncertainty of the drive alone
    along x, y, z and of its heading (rad). step_sigma_m: (K - 1, 4) how much that error changes from knot to knot.
    """

    times_ns: NDArray[np.int64]
    centre_m: Float
    sigma_m: Float
    step_sigma_m: Float


@dataclass(frozen=True, eq=False)
class Correction:
    """times_ns: (K,). shift_m: (K, 3). turn_rad: (K,) about the vertical through the car."""

    times_ns: NDArray[np.int64]
    shift_m: Float
    turn_rad: Float

    def at(self, time_ns: int) -> Float:
        """(4,) shift and turn; between knots linear, beyond them constant."""
        columns = (*self.shift_m.T, self.turn_rad)
        return np.array([np.interp(time_ns, self.times_ns, column) for column in columns])

    def applied_to(self, trajectory: Trajectory) -> Trajectory:
        """The corrected trajectory; between knots corrections are linear, beyond them constant."""
        times = trajectory.timestamps_ns
        shift = np.stack([np.interp(times, self.times_ns, self.shift_m[:, i]) for i in range(3)], axis=1)
        turn = Rotation.from_rotvec(np.interp(times, self.times_ns, self.turn_rad)[:, None] * (0.0, 0.0, 1.0))
        rotation = turn * Rotation.from_quat(trajectory.quaternion_wxyz[:, [1, 2, 3, 0]])
        quaternion = rotation.as_quat(canonical=True)[:, [3, 0, 1, 2]]
        return Trajectory(times, trajectory.translation_m + shift, quaternion, trajectory.sigma_xy_m)


@dataclass(frozen=True, eq=False)
class Adjustment:
    """The solved network.

    corrections: of every moving drive. weights: (A,) 0..1, how far each agreement was believed.
    misfit: (A,) square root of each agreement's chi-square (4 degrees of freedom).
    """

    corrections: dict[str, Correction]
    weights: Float
    misfit: Float
    network: Network
    factor: SuperLU


def difference(agreement: Agreement, corrections: Mapping[str, Correction]) -> Float:
    """(4,) how far `a` is moved and turned against `b` by their corrections, where they meet."""
    own = corrections.get(agreement.a)
    moved = np.zeros(PARTS) if own is None else np.append(own.shift_m[agreement.knot], own.turn_rad[agreement.knot])
    if agreement.b in corrections:
        other = corrections[agreement.b].at(agreement.b_ns)
        carried = other[3] * np.array([-agreement.lever_m[1], agreement.lever_m[0], 0.0, 0.0])
        moved = moved - other - carried
    return moved


class Network:
    """Rows of the linear system over the corrections of the moving drives; `b` of an agreement may be frozen."""

    def __init__(self, knots: Mapping[str, Knots], agreements: Sequence[Agreement]) -> None:
        self.knots = dict(sorted(knots.items()))
        counts = [len(k.times_ns) for k in self.knots.values()]
        self.start = dict(zip(self.knots, np.cumsum([0, *counts])[:-1].tolist()))
        self.unknowns = PARTS * sum(counts)
        self.agreements = agreements
        self._root = [np.asarray(np.linalg.cholesky(a.information + RIDGE * np.eye(PARTS)).T) for a in agreements]
        self.design = self._rows([(self._root[n], list(self._parts(a))) for n, a in enumerate(agreements)])
        self.wanted = self._whitened([np.append(a.shift_m, a.turn_rad) for a in agreements])
        self.prior = self._rows(list(self._prior_rows()))

    def knot_weights(self, drive: str, time_ns: int) -> list[tuple[int, float]]:
        """The knots (numbered over all drives) around a time and their shares in the correction there."""
        times = self.knots[drive].times_ns
        after = int(np.clip(np.searchsorted(times, time_ns), 0, len(times) - 1))
        before = max(after - 1, 0)
        if after == before or time_ns >= times[-1]:
            return [(self.start[drive] + after, 1.0)]
        share = float((time_ns - times[before]) / (times[after] - times[before]))
        return [(self.start[drive] + before, 1.0 - share), (self.start[drive] + after, share)]

    def solved(self, weights: Float) -> tuple[Float, SuperLU]:
        """(unknowns / 4, 4) corrections with each agreement weighted, and the factorised normal equations."""
        each = diags_array(np.repeat(weights, PARTS))
        normal = self.prior.T @ self.prior + self.design.T @ (each @ self.design)
        factor = splu(csc_matrix(normal), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
        right = np.asarray(self.design.T @ (each @ self.wanted))
        return factor.solve(right).reshape(-1, PARTS), factor

    def chi2_of(self, solution: Float) -> Float:
        """(A,) of each agreement."""
        residual = self.design @ solution.ravel() - self.wanted
        return np.asarray((residual.reshape(-1, PARTS) ** 2).sum(axis=1))

    def pull_of_frozen(self, weights: Float, part: int, offset_m: Mapping[str, float]) -> Float:
        """(unknowns,) right side of the normal equations when each frozen drive lies `offset_m` off along one axis."""
        off = np.eye(PARTS)[part]
        wanted = self._whitened([off * offset_m.get(a.b, 0.0) * (a.b not in self.start) for a in self.agreements])
        return np.asarray(self.design.T @ (np.repeat(weights, PARTS) * wanted))

    def _whitened(self, values: Sequence[Float]) -> Float:
        """(4 A,) of (4,) values, one an agreement."""
        return np.concatenate([root @ value for root, value in zip(self._root, values)] or [np.zeros(0)])

    def _parts(self, agreement: Agreement) -> Iterable[tuple[int, Float]]:
        """Knot and (4, 4) Jacobian of the difference of the two drives' corrections where they meet."""
        yield self.start[agreement.a] + agreement.knot, np.eye(PARTS)
        if agreement.b in self.start:
            carried = np.eye(PARTS)
            carried[:2, 3] = -agreement.lever_m[1], agreement.lever_m[0]
            for knot, share in self.knot_weights(agreement.b, agreement.b_ns):
                yield knot, -share * carried

    def _prior_rows(self) -> Iterable[tuple[Float, list[tuple[int, Float]]]]:
        """Gauss-Markov: stationary in units of the stated sigma, with the correlation that the step sigma implies."""
        for drive, knots in self.knots.items():
            first = self.start[drive]
            yield np.eye(PARTS), [(first, np.diag(1.0 / knots.sigma_m[0]))]
            for k in range(1, len(knots.times_ns)):
                scale = np.minimum(knots.sigma_m[k - 1], knots.sigma_m[k])
                alike = np.maximum(1.0 - knots.step_sigma_m[k - 1] ** 2 / (2.0 * scale**2), 0.0)
                root = np.diag(1.0 / np.sqrt(np.maximum(1.0 - alike**2, 1e-12)))
                before, here = np.diag(alike / knots.sigma_m[k - 1]), np.diag(1.0 / knots.sigma_m[k])
                yield root, [(first + k - 1, -before), (first + k, here)]

    def _rows(self, blocks: Sequence[tuple[Float, list[tuple[int, Float]]]]) -> csr_matrix:
        """Four rows a block: the sum of its Jacobians, whitened."""
        entries = [(n, knot, root @ part) for n, (root, parts) in enumerate(blocks) for knot, part in parts]
        if not entries:
            return csr_matrix((0, self.unknowns))
        row = PARTS * np.array([n for n, _, _ in entries])[:, None, None] + np.arange(PARTS)[None, :, None]
        column = PARTS * np.array([knot for _, knot, _ in entries])[:, None, None] + np.arange(PARTS)[None, None, :]
        value = np.array([part for _, _, part in entries])
        row, column = np.broadcast_to(row, value.shape), np.broadcast_to(column, value.shape)
        shape = (PARTS * len(blocks), self.unknowns)
        return coo_matrix((value.ravel(), (row.ravel(), column.ravel())), shape=shape).tocsr()


def adjust(knots: Mapping[str, Knots], agreements: Sequence[Agreement]) -> Adjustment:
    """The most likely correction of each drive; zero for one that meets no other."""
    network = Network(knots, agreements)
    weights = np.ones(len(agreements))
    solution, factor = network.solved(weights)
    chi = network.chi2_of(solution)
    worst = float(chi.max(initial=0.0))
    control = OUTLIER_CHI2 / max(2.0 * worst - OUTLIER_CHI2, 1e-9)
    for _ in range(MAX_GRADUATIONS if worst > OUTLIER_CHI2 else 0):
        weights = _truncated(chi, control)
        solution, factor = network.solved(weights)
        chi = network.chi2_of(solution)
        if np.all((weights < 1e-6) | (weights > 1.0 - 1e-6)) and np.array_equal(weights > 0.5, chi <= OUTLIER_CHI2):
            break
        control *= GRADUATION
    weights = np.where(weights > 0.5, weights, 0.0)
    solution, factor = network.solved(weights)
    corrections = {}
    for name, own in network.knots.items():
        rows = solution[network.start[name] : network.start[name] + len(own.times_ns)]
        corrections[name] = Correction(own.times_ns, rows[:, :3], rows[:, 3])
    return Adjustment(corrections, weights, np.sqrt(network.chi2_of(solution)), network, factor)


def _truncated(chi: Float, control: float) -> Float:
    """Weights of the truncated quadratic at one stage of its graduation (Yang et al. 2020, equation 14)."""
    low, high = control / (control + 1.0) * OUTLIER_CHI2, (control + 1.0) / control * OUTLIER_CHI2
    between = np.sqrt(OUTLIER_CHI2 * control * (control + 1.0) / np.maximum(chi, 1e-12)) - control
    return np.where(chi <= low, 1.0, np.where(chi >= high, 0.0, np.clip(between, 0.0, 1.0)))
