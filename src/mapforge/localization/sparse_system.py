"""Weighted linear equations under construction: rows come in groups, unknowns by their first column."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csc_matrix
from scipy.sparse.linalg import SuperLU, splu

from mapforge.geometry.se3 import Float

Block = tuple[NDArray[np.int64], Float]
"""First unknown (K,) of a variable in each of K rows groups, and the Jacobian (K, D, C) with respect to it."""


@dataclass(frozen=True)
class Kernel:
    """Residuals beyond `sigmas` lose weight as (sigmas / residual) ** power.

    Power 1 is Huber's loss, which has one minimum; from 2 on the influence of a residual falls with its size, so that
    a gross error has none in the end (it needs a start near the solution).
    """

    sigmas: float
    power: float = 1.0

    def weight(self, norm: Float) -> Float:
        return np.asarray(np.minimum(1.0, self.sigmas / np.maximum(norm, 1e-12)) ** self.power)

    def loss(self, norm: Float) -> Float:
        """What the reweighted squares minimise: its slope is twice weight times residual."""
        c, rest = self.sigmas, 2.0 - self.power
        beyond = np.maximum(norm, c)
        if rest == 0.0:
            tail = 2.0 * c * c * np.log(beyond / c)
        else:
            tail = 2.0 * c**self.power * (beyond**rest - c**rest) / rest
        return np.asarray(np.minimum(norm, c) ** 2 + tail)


@dataclass(eq=False)
class SparseSystem:
    """Whitened residuals and Jacobians. norms: of the residuals of each named group, before they were reweighted.
    cost: robust loss of all of them.
    """

    rows: list[NDArray[np.int64]] = field(default_factory=list)
    columns: list[NDArray[np.int64]] = field(default_factory=list)
    values: list[Float] = field(default_factory=list)
    residuals: list[Float] = field(default_factory=list)
    norms: dict[str, Float] = field(default_factory=dict)
    count: int = 0
    cost: float = 0.0

    def add(self, name: str, residual: Float, blocks: list[Block], kernel: Kernel | None = None) -> None:
        """residual: (K, D), whitened; Jacobians of `blocks` too."""
        size, width = residual.shape
        norm = np.linalg.norm(residual, axis=1)
        self.norms[name] = norm
        root = np.ones(size) if kernel is None else np.sqrt(kernel.weight(norm))
        self.cost += float((norm * norm if kernel is None else kernel.loss(norm)).sum())
        row = self.count + np.arange(size * width).reshape(size, width)
        for start, jacobian in blocks:
            self.rows.append(np.broadcast_to(row[:, :, None], jacobian.shape).ravel())
            column = start[:, None, None] + np.arange(jacobian.shape[2])
            self.columns.append(np.broadcast_to(column, jacobian.shape).ravel())
            self.values.append((jacobian * root[:, None, None]).ravel())
        self.residuals.append((residual * root[:, None]).ravel())
        self.count += size * width

    def normal_equations(self, unknowns: int) -> tuple[csc_matrix, Float]:
        """Information matrix and the right-hand side of a Gauss-Newton step."""
        entries = (np.concatenate(self.values), (np.concatenate(self.rows), np.concatenate(self.columns)))
        jacobian = coo_matrix(entries, shape=(self.count, unknowns)).tocsr()
        return csc_matrix(jacobian.T @ jacobian), -jacobian.T @ np.concatenate(self.residuals)


def factorised(information: csc_matrix) -> SuperLU:
    """Sparse factors of a symmetric positive definite matrix."""
    return splu(information, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
