"""The ground surface under a window of sweeps: a height on every node of a coarse lattice, smooth and firm.

A node's evidence is its lowest cluster of returns, so that cars, walls and stray returns below ground do not move it.
The surface is the local plane (Gaussian weights) through the evidence, fitted by iterative reweighting in which
evidence above the surface loses weight faster than evidence below it; it starts from a morphological opening, which
no car survives (Zhang et al., IEEE TGRS 2003, for the opening). Kerbs stay steps above it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mapforge.rasterization.config import GroundConfig
from mapforge.rasterization.window import Window

BIN_M = 0.1
MIN_CLUSTER_POINTS = 2
MIN_CLUSTER_SHARE = 0.08
CLUSTER_LOW_M, CLUSTER_HIGH_M = -0.1, 0.2
FULL_EVIDENCE_POINTS = 10
OPENING_M = 7.0
REACHABLE_NODES = 8
REACHABLE_SLACK_M = 0.25
TRUST_ABOVE_M = (0.6, 0.3, 0.15, 0.08, 0.08)
TRUST_BELOW_RATIO = 3.0
REFINE_BAND_M = 0.2
REFINE_TRUST_M = 0.06
LEVEL_PRIOR = 0.05
MIN_SUPPORT = 0.3
HEIGHT_STEPS = 2**16


@dataclass(frozen=True)
class Lattice:
    """Nodes at whole multiples of `cell_m`, relative to the window's origin.

    Node (r, c) stands at ((column0 + c) * cell_m, (row0 + r) * cell_m); points belong to their nearest node.
    """

    column0: int
    row0: int
    columns: int
    rows: int
    cell_m: float

    @classmethod
    def around(cls, low_xy: tuple[float, float], high_xy: tuple[float, float], cell_m: float) -> Lattice:
        """Covers a box with two nodes to spare on every side."""
        c0, r0 = (int(v // cell_m) - 2 for v in low_xy)
        c1, r1 = (int(v // cell_m) + 3 for v in high_xy)
        return cls(c0, r0, c1 - c0 + 1, r1 - r0 + 1, cell_m)

    @property
    def nodes(self) -> int:
        return self.rows * self.columns

    def nodes_of(self, x: Tensor, y: Tensor) -> Tensor:
        """(N,) int64 flat nearest node."""
        column = (x / self.cell_m + 0.5).floor().to(torch.int64) - self.column0
        row = (y / self.cell_m + 0.5).floor().to(torch.int64) - self.row0
        return row.clamp_(0, self.rows - 1) * self.columns + column.clamp_(0, self.columns - 1)


@dataclass(eq=False)
class Surface:
    """Ground height on a lattice. z_m, support: (rows, columns) float32, height (NaN unknown) and weight behind it."""

    lattice: Lattice
    z_m: Tensor
    support: Tensor

    def heights_at(self, x: Tensor, y: Tensor) -> Tensor:
        """(N,) bilinear ground height; NaN where a neighbouring node is unknown."""
        lattice, flat = self.lattice, self.z_m.reshape(-1)
        u = x / lattice.cell_m - lattice.column0
        v = y / lattice.cell_m - lattice.row0
        column = u.floor().clamp_(0, lattice.columns - 2)
        row = v.floor().clamp_(0, lattice.rows - 2)
        u.sub_(column).clamp_(0.0, 1.0)
        v.sub_(row).clamp_(0.0, 1.0)
        index = (row * lattice.columns + column).to(torch.int64)
        south = torch.lerp(flat[index], flat[index + 1], u)
        index += lattice.columns
        return south.lerp_(torch.lerp(flat[index], flat[index + 1], u), v)


def surface_of_window(window: Window, config: GroundConfig) -> Surface:
    """The surface under all returns of a window; a patch without support where it has none."""
    if not len(window.x):
        lattice = Lattice.around((0.0, 0.0), (1.0, 1.0), config.cell_m)
        unknown = torch.full((lattice.rows, lattice.columns), torch.nan, device=window.x.device)
        return Surface(lattice, unknown, torch.zeros_like(unknown))
    low, high = ((float(f(window.x)), float(f(window.y))) for f in (torch.min, torch.max))
    lattice = Lattice.around(low, high, config.cell_m)
    return ground_surface(
        window.x, window.y, window.z, lattice, config.smoothing_m, config.max_height_range_m, config.max_slope
    )


def ground_surface(
    x: Tensor, y: Tensor, z: Tensor, lattice: Lattice, smoothing_m: float, height_range_m: float, max_slope: float
) -> Surface:
    """x, y, z: (N,) float32 returns relative to the window's origin, whose height is that of the path."""
    node = lattice.nodes_of(x, y)
    evidence, weight = _lowest_clusters(node, z, lattice, height_range_m)
    weight = weight * _reachable(evidence, weight, max_slope * lattice.cell_m)
    kernels = _moment_kernels(smoothing_m / lattice.cell_m, x.device)
    surface = _opening(evidence, weight, round(OPENING_M / lattice.cell_m))
    for trust_m in TRUST_ABOVE_M:
        surface, support = _local_planes(evidence, weight * _trust(evidence - surface, trust_m), surface, kernels)
    z_m = torch.where(support > MIN_SUPPORT, surface, torch.nan)
    refined = _refined(Surface(lattice, z_m, support), node, x, y, z, kernels)
    return Surface(lattice, refined, support)


def _lowest_clusters(node: Tensor, z: Tensor, lattice: Lattice, height_range_m: float) -> tuple[Tensor, Tensor]:
    """Mean height of the lowest bins that hold enough of a node's returns, and how far it counts (0..1)."""
    bins = round(2.0 * height_range_m / BIN_M)
    level = ((z + height_range_m) / BIN_M).floor().to(torch.int64)
    inside = (level >= 0) & (level < bins)
    key = torch.where(inside, node * bins + level, lattice.nodes * bins)
    counts = torch.bincount(key, minlength=lattice.nodes * bins + 1)[:-1].reshape(lattice.nodes, bins)
    pairs = counts + functional.pad(counts[:, 1:], (0, 1))
    enough = torch.clamp(counts.sum(dim=1) * MIN_CLUSTER_SHARE, min=MIN_CLUSTER_POINTS)
    found = pairs >= enough[:, None]
    lowest = found.to(torch.uint8).argmax(dim=1)
    known = found.any(dim=1)
    low_m = lowest * BIN_M - height_range_m
    above = z - low_m.to(z.dtype)[node]
    member = (above > CLUSTER_LOW_M) & (above < CLUSTER_HIGH_M) & known[node]
    total, size = _fixed_sums(node[member], z[member], lattice.nodes)
    mean = torch.where(size > 0, total / size.clamp(min=1), 0.0)
    weight = torch.where(known, (size / FULL_EVIDENCE_POINTS).clamp(max=1.0), 0.0)
    shape = (lattice.rows, lattice.columns)
    return mean.reshape(shape).to(torch.float32), weight.reshape(shape).to(torch.float32)


def _reachable(evidence: Tensor, weight: Tensor, max_step_m: float) -> Tensor:
    """1 where the evidence can be reached from the lower evidence around it without climbing more steeply, else 0.

    Hedges, walls and roofs behind which no ground was seen go. What is lower is judged by the median of its
    neighbours, so that one node of noise below ground cannot take its surroundings down.
    """
    known = torch.where(weight > 0, evidence, torch.nan)
    padded = functional.pad(known[None, None], (1, 1, 1, 1), value=torch.nan)
    median = functional.unfold(padded, 3)[0].nanmedian(dim=0).values.reshape(known.shape)
    base = torch.where(torch.isnan(median), torch.inf, median)
    radius = REACHABLE_NODES
    offset = torch.arange(-radius, radius + 1, dtype=torch.float32, device=base.device)
    cone = max_step_m * torch.hypot(offset[:, None], offset[None, :]).reshape(-1, 1)
    padded = functional.pad(base[None, None], (radius,) * 4, value=torch.inf)
    limit = (functional.unfold(padded, 2 * radius + 1)[0] + cone).amin(dim=0).reshape(base.shape)
    return (evidence < limit + REACHABLE_SLACK_M).to(evidence.dtype)


def _opening(evidence: Tensor, weight: Tensor, window: int) -> Tensor:
    """Grey opening of the evidence, gaps filled from around them: a first guess from below."""
    window += 1 - window % 2
    high = torch.where(weight > 0, evidence, torch.inf)[None, None]
    eroded = -functional.max_pool2d(-high, window, 1, window // 2)
    low = torch.where(torch.isfinite(eroded), eroded, -torch.inf)
    opened = functional.max_pool2d(low, window, 1, window // 2)[0, 0]
    lowest = evidence[weight > 0].median() if bool((weight > 0).any()) else evidence.new_zeros(())
    return torch.where(torch.isfinite(opened), opened, lowest)


def _trust(residual: Tensor, scale_m: float) -> Tensor:
    """Evidence above the surface is soon an object; below it is soon noise, but less soon."""
    return torch.where(
        residual > 0,
        torch.exp(-((residual / scale_m) ** 2)),
        1.0 / (1.0 + (residual / (TRUST_BELOW_RATIO * scale_m)) ** 2),
    )


def _moment_kernels(sigma: float, device: torch.device) -> Tensor:
    """(6, 1, K, K): Gaussian weights times 1, x, y, x^2, xy, y^2 in units of a cell."""
    radius = max(int(3.0 * sigma + 0.5), 1)
    offset = torch.arange(-radius, radius + 1, dtype=torch.float32, device=device)
    y, x = torch.meshgrid(offset, offset, indexing="ij")
    gauss = torch.exp(-(x * x + y * y) / (2.0 * sigma * sigma))
    return torch.stack([gauss, gauss * x, gauss * y, gauss * x * x, gauss * x * y, gauss * y * y])[:, None]


def _local_planes(evidence: Tensor, weight: Tensor, fallback: Tensor, kernels: Tensor) -> tuple[Tensor, Tensor]:
    """Height at each node of the weighted plane through the evidence around it, and the sum of the weights."""
    pad = kernels.shape[-1] // 2
    level = fallback.mean()  # heights near 0 keep float32 sums exact
    n, sx, sy, sxx, sxy, syy = functional.conv2d(weight[None, None], kernels, padding=pad)[0]
    weighted = (weight * (evidence - level))[None, None]
    sz, sxz, syz = functional.conv2d(weighted, kernels[:3], padding=pad)[0]
    total = n.clamp(min=1e-6)
    mx, my, mz = sx / total, sy / total, sz / total
    prior = LEVEL_PRIOR
    vxx, vyy, vxy = sxx / total - mx * mx + prior, syy / total - my * my + prior, sxy / total - mx * my
    cxz, cyz = sxz / total - mx * mz, syz / total - my * mz
    determinant = (vxx * vyy - vxy * vxy).clamp(min=1e-6)
    slope_x = (vyy * cxz - vxy * cyz) / determinant
    slope_y = (vxx * cyz - vxy * cxz) / determinant
    height = mz - slope_x * mx - slope_y * my + level
    return torch.where(n > 1e-3, height, fallback), n


def _refined(surface: Surface, node: Tensor, x: Tensor, y: Tensor, z: Tensor, kernels: Tensor) -> Tensor:
    """Moves the surface by the smoothed mean residual of the returns near it: exact on slopes, where the evidence
    of a node may lie at its edge."""
    residual = z - surface.heights_at(x, y)
    near = residual.abs() < REFINE_BAND_M
    total, size = _fixed_sums(node[near], residual[near], surface.lattice.nodes)
    mean = (total / size.clamp(min=1)).reshape(surface.z_m.shape).to(torch.float32)
    weight = (size / FULL_EVIDENCE_POINTS).clamp(max=1.0).reshape(surface.z_m.shape).to(torch.float32)
    correction, _ = _local_planes(mean, weight * _trust(mean, REFINE_TRUST_M), torch.zeros_like(mean), kernels)
    return surface.z_m + correction.clamp(-REFINE_BAND_M, REFINE_BAND_M)


def _fixed_sums(node: Tensor, values: Tensor, nodes: int) -> tuple[Tensor, Tensor]:
    """Sum (float64) and count (int64) of values a node, the same in any order of addition."""
    total = torch.zeros(nodes, dtype=torch.int64, device=values.device)
    total.scatter_add_(0, node, (values * HEIGHT_STEPS).round().to(torch.int64))
    return total.to(torch.float64) / HEIGHT_STEPS, torch.bincount(node, minlength=nodes)
