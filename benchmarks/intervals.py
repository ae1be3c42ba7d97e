"""Stated intervals of fused lines, and agreement of disjoint sets of drives, over many draws of pose errors.

    python benchmarks/intervals.py WORKSPACE=WORLD [WORKSPACE=WORLD ...] [--draws 30] [--drives 5] [--halves]

WORKSPACE: of a run over simulated drives, WORLD: what `mapforge simulate` left. Every draw gives each drive another
GNSS bias, drift and heading error (as `alignment.py` does), aligns the drives anew, and lays the change of each path's
error over what the drive saw; the errors of detection stay as they are. Then everything is fused and judged by the
truth. What depends on poses is so measured many times; what depends on the network is one sample a town.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely
from scipy.spatial import cKDTree

import alignment as bench_alignment
import fusion as bench_fusion
from mapforge.fusion.config import FusionConfig
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.elements import read_elements, write_elements
from mapforge.io.parquet import read_metadata
from mapforge.io.trajectories import read_sigma_relative, read_trajectory
from mapforge.io.workspace import Workspace
from mapforge.localization.datum import datum_sigma_m
from mapforge.metrics.lateral import Offsets
from mapforge.metrics.uncertainty import interval_coverage
from mapforge.schemas.elements import LINE_CLASSES, MapElement

Float = np.ndarray
CLASSES = ("lane_divider", "road_boundary")


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a drive's path lies: its error (N, 3) and heading error (N,) at the poses of the truth, sigma (N,) against
    the other drives."""

    error_m: Float
    heading_rad: Float
    sigma_m: Float

    @classmethod
    def of(cls, path: Trajectory, truth: Trajectory, sigma_times: Float, sigma_m: Float) -> Placement:
        times = np.clip(truth.timestamps_ns, path.start_ns, path.end_ns)
        rotation, place = path.poses_at(times)
        true_rotation, true_place = truth.poses_at(times)
        turn = np.einsum("nij,nkj->nik", rotation, true_rotation)
        heading = np.arctan2(turn[:, 1, 0], turn[:, 0, 0])
        return cls(place - true_place, heading, np.interp(times, sigma_times, sigma_m))


@dataclass(frozen=True, eq=False)
class Town:
    """A workspace and its truth, the registrations of its drives, and how the drives lay when they were perceived."""

    bench: bench_fusion.Bench
    world: bench_alignment.World
    as_seen: dict[str, Placement]
    elements: dict[str, list[MapElement]]

    @classmethod
    def read(cls, workspace: Path, world: Path, scratch: Path) -> Town:
        bench = bench_fusion.Bench.read(workspace, world / "truth", scratch)
        loaded = bench_alignment.load_world(workspace, world)
        as_seen, elements = {}, {}
        for name in bench.drives:
            file = Workspace(workspace).trajectory(name)
            path = read_trajectory(file, bench.frame)
            as_seen[name] = Placement.of(path, loaded.truth[name], path.timestamps_ns, read_sigma_relative(file))
            elements[name] = read_elements(bench.source.drive_elements(name), bench.frame)[0]
        (scratch / "drive_elements").unlink()
        (scratch / "drive_elements").mkdir()
        return cls(bench, loaded, as_seen, elements)

    def draw(self, seed: int, names: list[str]) -> None:
        """Writes what the drives would have seen under other pose errors."""
        drives = bench_alignment._redrawn(self.world, np.random.default_rng(seed))
        aligned = bench_alignment._aligned(self.world, drives, names)
        datum = datum_sigma_m(drives[name].mean_sigma_m()[0] for name in names)
        for name in names:
            sigmas, truth = aligned.sigmas[name], self.world.truth[name]
            relative = sigmas.xy_m if sigmas.relative_m is None else sigmas.relative_m
            placed = Placement.of(aligned.trajectories[name], truth, drives[name].pieces.centre_ns, relative)
            moved = self._moved(name, placed)
            target = self.bench.scratch.drive_elements(name)
            footer = {**read_metadata(self.bench.source.drive_elements(name)), "datum_sigma_m": f"{datum:.4f}"}
            kept = {key: footer[key] for key in ("fingerprint", "drive_id", "start_ns", "datum_sigma_m")}
            self.bench.scratch.tmp.mkdir(parents=True, exist_ok=True)
            write_elements(moved, self.bench.frame, target, self.bench.scratch.tmp, kept)

    def _moved(self, name: str, placed: Placement) -> list[MapElement]:
        """Every vertex with the error that the path, where it passed next, has now in place of the one it had."""
        before, path = self.as_seen[name], self.world.truth[name].translation_m
        tree = cKDTree(path[:, :2])

        def shifted(xyz: Float) -> Float:
            at = tree.query(xyz[:, :2])[1]
            lever = xyz[:, :2] - path[at, :2]
            turn = (placed.heading_rad - before.heading_rad)[at]
            carried = np.column_stack([-turn * lever[:, 1], turn * lever[:, 0], np.zeros(len(turn))])
            return xyz + (placed.error_m - before.error_m)[at] + carried

        out = []
        for element in self.elements[name]:
            geometry, sigma = shapely.transform(element.geometry, shifted, include_z=True), element.sigma_m
            if element.element_class in LINE_CLASSES and sigma:
                at = tree.query(element.xyz_map[:, :2])[1]
                square = np.square(sigma) - before.sigma_m[at] ** 2 + placed.sigma_m[at] ** 2
                sigma = tuple(np.sqrt(np.maximum(square, 1e-4)).tolist())
            out.append(element.with_geometry(geometry, sigma))
        return out


def measured(town: Town, draws: int, count: int, halves: bool, config: FusionConfig) -> dict[str, object]:
    """Pooled over the draws; of `count` drives, other ones each time."""
    absolute: Mapping[str, list[Offsets]] = {name: [] for name in CLASSES}
    relative: Mapping[str, list[Offsets]] = {name: [] for name in CLASSES}
    apart = []
    for seed in range(draws):
        every = town.bench.drives
        names = sorted(np.random.default_rng(seed).permutation(every)[:count].tolist())
        town.draw(seed, names)
        fused = bench_fusion.fuse(town.bench, names, config)
        judged = bench_fusion.judge(town.bench, fused, names)
        for name in CLASSES:
            absolute[name].append(judged.before[name])
            relative[name].append(bench_fusion.relative(judged.after[name], fused.datum_sigma_m))
        if halves:
            apart.append(_apart(town, seed, config))
        print(f"draw {seed}", flush=True)
    report: dict[str, object] = {"drives": count}
    for title, kinds in (("absolute", absolute), ("after the shift of each window", relative)):
        report[title] = {
            name: _coverage([bench_fusion._joined(parts)]) | {"by_draw_95": _by_draw(parts)}
            for name, parts in kinds.items()
        }
        report[title]["both"] = _coverage([bench_fusion._joined([p for parts in kinds.values() for p in parts])])
    if halves:
        report["two halves after their shift"] = bench_fusion.error_of([p for parts in apart for p in parts])
    return report


def _apart(town: Town, seed: int, config: FusionConfig) -> list[Offsets]:
    """Lines of every second drive beside those of the others, each half aligned by itself."""
    maps, drives = [], town.bench.drives
    for half in (drives[::2], drives[1::2]):
        town.draw(seed, half)
        maps.append(bench_fusion.fuse(town.bench, half, config))
    judged = bench_fusion.judge(replace(town.bench, truth=maps[0].elements), maps[1], drives)
    return [judged.after[name] for name in CLASSES]


def _coverage(parts: list[Offsets]) -> dict[str, float]:
    (matched,) = parts
    shares = interval_coverage(matched)
    return {
        "68": round(shares["interval_68_share"], 4),
        "95": round(shares["interval_95_share"], 4),
        **{key: round(value, 4) for key, value in bench_fusion.error_of([matched]).items()},
        "stated_sigma_m": round(float(np.nanmedian(matched.sigma_m)), 4),
    }


def _by_draw(parts: list[Offsets]) -> list[float]:
    """Quartiles of the draws' 95 % shares."""
    shares = [interval_coverage(part)["interval_95_share"] for part in parts]
    return np.round(np.percentile(shares, [25, 50, 75]), 3).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", nargs="+", help="WORKSPACE=WORLD")
    parser.add_argument("--draws", type=int, default=30)
    parser.add_argument("--drives", type=int, default=5)
    parser.add_argument("--halves", action="store_true", help="also two disjoint halves against each other")
    parser.add_argument("--out", type=Path, default=Path("data/benchmark-intervals"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    results = {}
    for pair in arguments.worlds:
        workspace, world = (Path(part) for part in pair.split("=", 1))
        with tempfile.TemporaryDirectory() as folder:
            town = Town.read(workspace, world, Path(folder))
            results[world.name] = measured(town, arguments.draws, arguments.drives, arguments.halves, FusionConfig())
        print(json.dumps({world.name: results[world.name]}, indent=1), flush=True)
    (arguments.out / "intervals.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
