"""BEV rasteriser: all surface channels (count, means, maxima, minima, spread) of points already binned by tile.

    python benchmarks/rasterizer.py [--points 8000000] [--threads 2] [--json]

In one run, on the same points: MapForge's kernel, numpy's `np.add.at` and `np.bincount` making the same channels, and
an Open3D voxel grid (which makes fewer). Target: 20 million points/s on 2 cores, ahead of the others. The share of
memory bandwidth is what the kernel must move at least (inputs once, every touched accumulator read and written once a
point's cache line) over what a plain copy of large arrays moves here.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import open3d
import torch
from numpy.typing import NDArray

from mapforge.rasterization.accumulate import SurfaceSums, accumulate

TARGET_POINTS_PER_S = 20e6
SIDE = 1000
RESOLUTION_M = 0.1
REPEATS = 5
INPUT_BYTES = 8 + 4 + 4
ACCUMULATOR_BYTES = 8 * 4

Points = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]


def street_points(count: int, seed: int = 0) -> Points:
    """Cells, reflectivities and heights of sweeps along a 100 m tile: dense near the path, thin far from it."""
    rng = np.random.default_rng(seed)
    station = np.sort(rng.uniform(-20.0, 120.0, 2 * count))
    distance = np.minimum(2.5 + rng.exponential(8.0, 2 * count), 40.0)
    angle = rng.uniform(0.0, 2.0 * np.pi, 2 * count)
    x, y = station + distance * np.cos(angle), 50.0 + distance * np.sin(angle)
    inside = np.flatnonzero((x >= 0) & (x < 100) & (y >= 0) & (y < 100))[:count]
    cell = (y[inside] / RESOLUTION_M).astype(np.int64) * SIDE + (x[inside] / RESOLUTION_M).astype(np.int64)
    reflectivity = rng.lognormal(0.0, 0.4, len(inside)).clip(0.0, 8.0).astype(np.float32)
    height = rng.normal(0.0, 0.05, len(inside)).clip(-0.3, 0.3).astype(np.float32)
    return cell, reflectivity, height


def by_mapforge(points: Points, threads: int) -> None:
    cell, reflectivity, height = (torch.from_numpy(column) for column in points)
    accumulate(SurfaceSums.empty(SIDE * SIDE), cell, reflectivity, height, threads)


def by_numpy_at(points: Points) -> None:
    """The same channels with ufunc.at, sums in float64."""
    cell, reflectivity, height = points
    np.add.at(np.zeros(SIDE * SIDE, np.int32), cell, 1)
    for values in (reflectivity, height):
        np.add.at(np.zeros(SIDE * SIDE), cell, values.astype(np.float64))
        np.add.at(np.zeros(SIDE * SIDE), cell, np.square(values, dtype=np.float64))
    _numpy_extremes(points)


def by_numpy_bincount(points: Points) -> None:
    """The same channels with bincount for counts and sums; it has no extremes, so those are ufunc.at."""
    cell, reflectivity, height = points
    np.bincount(cell, minlength=SIDE * SIDE)
    for values in (reflectivity, height):
        np.bincount(cell, values, SIDE * SIDE)
        np.bincount(cell, np.square(values, dtype=np.float64), SIDE * SIDE)
    _numpy_extremes(points)


def _numpy_extremes(points: Points) -> None:
    cell, reflectivity, height = points
    np.maximum.at(np.full(SIDE * SIDE, -np.inf, np.float32), cell, reflectivity)
    np.maximum.at(np.full(SIDE * SIDE, -np.inf, np.float32), cell, height)
    np.minimum.at(np.full(SIDE * SIDE, np.inf, np.float32), cell, height)


def by_open3d(cloud: open3d.geometry.PointCloud) -> None:
    """Mean of position and colour a voxel; no counts, extremes or spread."""
    cloud.voxel_down_sample(RESOLUTION_M)


def open3d_cloud(points: Points) -> open3d.geometry.PointCloud:
    cell, reflectivity, height = points
    xyz = np.stack([cell % SIDE * RESOLUTION_M, cell // SIDE * RESOLUTION_M, np.zeros(len(cell))], axis=1)
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(xyz))
    colour = np.stack([reflectivity, height, height], axis=1).astype(np.float64)
    cloud.colors = open3d.utility.Vector3dVector(colour)
    return cloud


def copy_bandwidth_bytes_per_s() -> float:
    """Read plus write of a plain copy, on all threads."""
    source = torch.zeros(64 * 2**20, dtype=torch.float32)
    target = torch.empty_like(source)
    return 2.0 * source.nbytes / best_seconds(lambda: target.copy_(source))


def best_seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def measure(count: int, threads: int) -> dict[str, float]:
    """Points a second of each, and the share of memory bandwidth."""
    torch.set_num_threads(threads)
    points = street_points(count)
    count = len(points[0])
    few = tuple(column[: count // 8] for column in points)
    cloud = open3d_cloud(few)  # type: ignore[arg-type]
    seconds = best_seconds(lambda: by_mapforge(points, threads))
    moved = count * (INPUT_BYTES + 2 * ACCUMULATOR_BYTES)
    return {
        "points": float(count),
        "threads": float(threads),
        "mapforge_points_per_s": count / seconds,
        "mapforge_one_thread_points_per_s": count / best_seconds(lambda: by_mapforge(points, 1)),
        "numpy_add_at_points_per_s": count / best_seconds(lambda: by_numpy_at(points), 2),
        "numpy_bincount_points_per_s": count / best_seconds(lambda: by_numpy_bincount(points), 2),
        "open3d_voxel_grid_points_per_s": (count // 8) / best_seconds(lambda: by_open3d(cloud), 1),
        "bandwidth_share": moved / seconds / copy_bandwidth_bytes_per_s(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=8_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.points, arguments.threads)
    if arguments.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        text = f"{value / 1e6:10.1f} M/s" if name.endswith("_per_s") else f"{value:12.2f}"
        print(f"{name:36s} {text}")
    reached = result["mapforge_points_per_s"] >= TARGET_POINTS_PER_S
    print(f"target {TARGET_POINTS_PER_S / 1e6:.0f} M points/s: {'reached' if reached else 'MISSED'}")


if __name__ == "__main__":
    main()
