"""Alignment of simulated drives against their truth: how far drives disagree, and whether the stated sigmas are right.

    python benchmarks/alignment.py WORKSPACE=WORLD [...] [--seeds 30] [--drives 4] [--range-m 12] [--surface-only]

WORKSPACE holds drives with their own trajectories (`mapforge run` leaves them), WORLD is what `mapforge simulate` left.
First everything is aligned as it is, and timed. Then GNSS errors are drawn anew for every seed (a constant bias, a
random walk along the way and a heading error a drive) and laid over the trajectories in place of their own slow
errors; the registrations keep the errors they have in truth. Every seed is aligned at once, as two disjoint halves,
and one half after the other with the first one settled. --range-m cuts the lidar's range and --surface-only takes
everything upright away, as on an open road: drives are then aligned by paint, curbs and texture of the ground.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from scipy.stats import chi2

from mapforge.geometry.trajectory import Trajectory
from mapforge.io.trajectories import read_sigma_relative, read_trajectory
from mapforge.io.workspace import Workspace
from mapforge.localization import alignment
from mapforge.localization.agreements import Registrar
from mapforge.localization.alignment_config import AlignmentConfig
from mapforge.localization.bending import bending_sigma_m
from mapforge.localization.corrections import Adjustment, Agreement, adjust
from mapforge.localization.overlaps import meetings_of
from mapforge.localization.placed_drives import PlacedDrive, load_moving
from mapforge.localization.settled import which_move
from mapforge.localization.settling import AlignmentInputs
from mapforge.localization.uncertainty import KnotSigmas, sigmas_of
from mapforge.metrics.trajectories import disagreement, position_errors

BIAS_SIGMA_M = 0.15
DRIFT_M_PER_100M = 0.2
HEADING_SIGMA_RAD = np.deg2rad(0.1)
SLOW_M = 60.0
"""Errors of a trajectory longer than this are GNSS and drawn anew, shorter ones odometry, and kept."""
SMOOTHING_M = 120.0
"""Odometry takes out of the GNSS walk what changes faster than about this; trajectories from the whole pipeline wander
by 0.03 m over 40 m, 0.05 m over 80 m and 0.08 m over 160 m (`drawn` beside `own` in the report)."""
NEVER = 10**9
"""More points than any piece has."""
WINDOW_M = 200.0
REACH_M = 10.0


@dataclass(frozen=True, eq=False)
class World:
    """A workspace with the truth of its drives."""

    workspace: Workspace
    truth: dict[str, Trajectory]
    drives: dict[str, PlacedDrive]
    agreements: list[Agreement]
    errors: list[np.ndarray]
    """(4,) of each registration, whatever the trajectories were."""


@dataclass(frozen=True, eq=False)
class Aligned:
    """trajectories: by drive. sigmas: at its knots. frozen drives are not in `sigmas`."""

    trajectories: dict[str, Trajectory]
    sigmas: dict[str, KnotSigmas]
    adjustment: Adjustment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", nargs="+", help="WORKSPACE=WORLD")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--range-m", type=float, help="of the lidar, for alignment")
    parser.add_argument("--surface-only", action="store_true", help="nothing upright is looked at")
    parser.add_argument("--drives", type=int, help="only the first so many")
    arguments = parser.parse_args()
    config = AlignmentConfig()
    if arguments.range_m is not None:
        config = replace(config, max_range_m=arguments.range_m, surface_range_m=arguments.range_m)
    if arguments.surface_only:
        config = replace(config, min_upright=NEVER)
    for pair in arguments.worlds:
        workspace, world = (Path(part) for part in pair.split("=", 1))
        with tempfile.TemporaryDirectory() as folder:
            as_it_is = aligned_as_it_is(workspace, world, Path(folder), config, arguments.drives)
        report = {"world": world.name, **as_it_is}
        if arguments.seeds:
            loaded = load_world(workspace, world, config)
            report[f"over {arguments.seeds} seeds"] = drawn_anew(loaded, range(arguments.seeds))
        print(json.dumps(report, indent=1))


def aligned_as_it_is(
    source: Path, world: Path, folder: Path, config: AlignmentConfig, drives: int | None
) -> dict[str, object]:
    """The whole job on a copy of the trajectories, all drives at once, then the second half after the first."""
    workspace = _copy(source, folder / "batch")
    names = _names(workspace)[:drives]
    seconds = _run(workspace, names, config)
    grown = _copy(source, folder / "grown")
    _run(grown, names[: len(names) // 2], config)
    settled = {name: grown.trajectory(name).read_bytes() for name in names[: len(names) // 2]}
    later = _run(grown, names, config)
    assert all(grown.trajectory(name).read_bytes() == written for name, written in settled.items())
    truth = _truth(world, workspace, names)
    report: dict[str, object] = {
        "drives": len(names),
        "CPU seconds a drive": round(seconds / len(names), 2),
        "CPU seconds a new drive": round(later / (len(names) - len(settled)), 2),
    }
    for title, place in (
        ("before", workspace.unaligned_trajectory),
        ("after", workspace.trajectory),
        ("after, half by half", grown.trajectory),
    ):
        paths = {n: read_trajectory(place(n), workspace.read_frame()) for n in names if place(n).exists()}
        report[f"disagreement {title}"] = _quantiles(_disagreements(truth, paths))
        report[f"drives left out {title}"] = len(names) - len(paths)
    report["difference of two drives inside its 68 % and 95 % region"] = _shares(_as_written(truth, workspace))
    return report


def _as_written(truth: Mapping[str, Trajectory], workspace: Workspace) -> np.ndarray:
    """Squared difference of two drives' errors where they pass each other, in units of what their files say."""
    paths = {n: p for n in sorted(truth) if (p := workspace.trajectory(n)).exists()}
    errors, places, sigmas, owner = [], [], [], []
    for number, (name, path) in enumerate(paths.items()):
        estimate = read_trajectory(path, workspace.read_frame())
        error, xyz = position_errors(truth[name], estimate)
        covered = truth[name].covers(estimate.timestamps_ns)
        errors.append(error[:, :2])
        places.append(xyz[:, :2])
        sigmas.append(read_sigma_relative(path)[covered])
        owner.append(np.full(len(xyz), number))
    error, sigma, drive = np.concatenate(errors), np.concatenate(sigmas), np.concatenate(owner)
    squares = []
    for number in range(len(paths)):
        others = np.flatnonzero(drive > number)
        if not len(others):
            continue
        own = np.flatnonzero(drive == number)
        tree = cKDTree(np.concatenate(places)[others])
        distance, nearest = tree.query(np.concatenate(places)[own], distance_upper_bound=REACH_M)
        near = np.isfinite(distance)
        a, b = own[near], others[nearest[near]]
        squares.append(((error[a] - error[b]) ** 2).sum(axis=1) / (sigma[a] ** 2 + sigma[b] ** 2))
    return np.concatenate(squares)


def load_world(source: Path, world: Path, config: AlignmentConfig | None = None) -> World:
    """Registers every drive to every other in both directions, and measures each registration against the truth."""
    config = config or AlignmentConfig()
    workspace = Workspace(source)
    names = _names(workspace)
    truth = _truth(world, workspace, names)
    drives = load_moving(workspace, names, workspace.read_frame(), config)
    pieces = {name: drive.pieces for name, drive in drives.items()}
    registrar = Registrar(workspace, drives, config)
    agreements = []
    for name in names:
        certainty = dict.fromkeys(names, 1.0)
        meetings = meetings_of(pieces, frozenset([name]), certainty, config.reach_m, config.min_shared_way, len(names))
        agreements += registrar.agreements(meetings, {})
    errors = [np.append(a.shift_m, a.turn_rad) - _wanted(a, drives, truth) for a in agreements]
    return World(workspace, truth, drives, agreements, errors)


def drawn_anew(world: World, seeds: Sequence[int]) -> dict[str, object]:
    """Alignment of the same drives under other GNSS errors."""
    names = sorted(world.drives)
    first, second = names[::2], names[1::2]
    apart: dict[str, list[np.ndarray]] = {kind: [] for kind in ("before", "at once", "half by half")}
    absolute, between, shifts, windows = [], [], [], []
    for seed in seeds:
        drives = _redrawn(world, np.random.default_rng(seed))
        whole = _aligned(world, drives, names)
        halves = [_aligned(world, drives, half) for half in (first, second)]
        grown = _aligned(world, drives, second, halves[0])
        apart["before"].append(_disagreements(world.truth, {n: d.trajectory for n, d in drives.items()}))
        apart["at once"].append(_disagreements(world.truth, whole.trajectories))
        apart["half by half"].append(_disagreements(world.truth, {**halves[0].trajectories, **grown.trajectories}))
        absolute.append(_normalised_absolute(world, whole))
        between.append(_normalised_relative(world, whole))
        shift = _shift_of_halves(world, drives, halves[0], halves[1])
        shifts.append(shift[0])
        windows.append(shift[1])
    chi = np.array([s["chi2"] for s in shifts])
    return {
        "wander over 40, 80, 160 m": {"own": _wander(world, world.drives), "drawn": _wander(world, drives)},
        "disagreement": {kind: _quantiles(np.concatenate(values)) for kind, values in apart.items()},
        "two halves: shift, median": round(float(np.median([s["shift_m"] for s in shifts])), 4),
        "two halves: predicted sigma of the shift, an axis": round(float(np.mean([s["sigma_m"] for s in shifts])), 4),
        "two halves: share of shifts in the 68 % region": float(np.mean(chi < chi2.ppf(0.68, 2))),
        "two halves: share of shifts in the 95 % region": float(np.mean(chi < chi2.ppf(0.95, 2))),
        "two halves: left after the shift of each window": _quantiles(np.concatenate(windows)),
        "position inside its 68 % and 95 % region": _shares(np.concatenate(absolute)),
        "difference of two drives inside its 68 % and 95 % region": _shares(np.concatenate(between)),
    }


def _aligned(
    world: World, drives: Mapping[str, PlacedDrive], names: Sequence[str], settled: Aligned | None = None
) -> Aligned:
    """The adjustment of some drives to each other and to settled ones, from the registrations between them."""
    config = AlignmentConfig()
    frozen = {} if settled is None else {n: replace(drives[n], trajectory=t) for n, t in settled.trajectories.items()}
    moved = {**drives, **frozen}
    used = [
        n
        for n, a in enumerate(world.agreements)
        if a.a in names and (a.b in frozen or (a.b in names and _once(a, names)))
    ]
    agreements = []
    for n in used:
        agreement = world.agreements[n]
        wanted = _wanted(agreement, moved, world.truth) + world.errors[n]
        agreements.append(replace(agreement, shift_m=wanted[:3], turn_rad=float(wanted[3])))
    bending = bending_sigma_m(drives, frozenset(names), agreements, config)
    adjustment = adjust({name: drives[name].knots(config, bending) for name in names}, agreements)
    shared = {} if settled is None else {n: (_shared(s), 0.3) for n, s in settled.sigmas.items()}
    sigmas = sigmas_of(adjustment, shared, config.own_sigma_m)
    paths = {n: adjustment.corrections[n].applied_to(drives[n].trajectory) for n in names}
    return Aligned(paths, sigmas, adjustment)


def _once(agreement: Agreement, names: Sequence[str]) -> bool:
    """Each pair of drives in one direction, in turn, as the alignment of a batch does."""
    a, b = names.index(agreement.a), names.index(agreement.b)
    return a != b and ((b - a) % len(names) < (a - b) % len(names) or (2 * (b - a) % len(names) == 0 and a < b))


def _wanted(agreement: Agreement, drives: Mapping[str, PlacedDrive], truth: Mapping[str, Trajectory]) -> np.ndarray:
    """(4,) what a perfect registration would find: what undoes the difference of the two drives' errors."""
    (own, own_turn), (other, other_turn) = (
        _error(drives[name].trajectory, truth[name], time_ns)
        for name, time_ns in (
            (agreement.a, int(drives[agreement.a].pieces.centre_ns[agreement.knot])),
            (agreement.b, agreement.b_ns),
        )
    )
    carried = other_turn * np.array([-agreement.lever_m[1], agreement.lever_m[0], 0.0])
    return np.append(other + carried - own, other_turn - own_turn)


def _error(path: Trajectory, truth: Trajectory, time_ns: int) -> tuple[np.ndarray, float]:
    found, true = (t.pose_at(time_ns) for t in (path, truth))
    turn = found.rotation @ true.rotation.T
    return found.translation_m - true.translation_m, float(np.arctan2(turn[1, 0], turn[0, 0]))


def _redrawn(world: World, rng: np.random.Generator) -> dict[str, PlacedDrive]:
    """The drives under new GNSS errors, with the sigma those have over the whole drive, as a smoother states it."""
    drawn = {}
    for name, drive in sorted(world.drives.items()):
        path, truth = drive.trajectory, world.truth[name]
        covered = np.clip(path.timestamps_ns, truth.start_ns, truth.end_ns)
        error = path.poses_at(covered)[1] - truth.poses_at(covered)[1]
        step = np.linalg.norm(np.diff(path.translation_m, axis=0, prepend=path.translation_m[:1]), axis=1)
        width, smoothing = (way / max(float(step.mean()), 1e-3) for way in (SLOW_M, SMOOTHING_M))
        axes = np.array([1.0, 1.0, 2.0])
        walk = np.cumsum(rng.normal(size=error.shape) * DRIFT_M_PER_100M * np.sqrt(step / 100.0)[:, None], axis=0)
        slow = (rng.normal(0.0, BIAS_SIGMA_M, 3) + gaussian_filter1d(walk, smoothing, axis=0, mode="nearest")) * axes
        fast = error - gaussian_filter1d(error, width, axis=0, mode="nearest")
        turn = Rotation.from_rotvec([0.0, 0.0, rng.normal(0.0, HEADING_SIGMA_RAD)])
        quaternion = (turn * Rotation.from_quat(path.quaternion_wxyz[:, [1, 2, 3, 0]])).as_quat()[:, [3, 0, 1, 2]]
        variance = BIAS_SIGMA_M**2 + DRIFT_M_PER_100M**2 * np.cumsum(step) / 100.0
        sigma = np.full(len(step), float(np.sqrt(variance.mean())))
        moved = Trajectory(path.timestamps_ns, path.translation_m - error + slow + fast, quaternion, sigma)
        drawn[name] = replace(drive, trajectory=moved, sigma_z_m=2.0 * sigma, sigma_relative_m=sigma)
    return drawn


def _wander(world: World, drives: Mapping[str, PlacedDrive]) -> list[float]:
    """Root mean square change of the horizontal error, along one axis."""
    found = []
    for way in (40.0, 80.0, 160.0):
        changes = []
        for name, drive in sorted(drives.items()):
            error, _ = position_errors(world.truth[name], drive.trajectory)
            path = drive.trajectory.translation_m[world.truth[name].covers(drive.trajectory.timestamps_ns)]
            station = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
            at = np.arange(0.0, station[-1], 10.0)
            even = np.column_stack([np.interp(at, station, error[:, k]) for k in (0, 1)])
            changes.append(even[int(way // 10) :] - even[: -int(way // 10)])
        found.append(round(float(np.sqrt(np.mean(np.concatenate(changes) ** 2))), 3))
    return found


def _normalised_absolute(world: World, aligned: Aligned) -> np.ndarray:
    """Squared horizontal errors at the knots in units of their sigma (2 degrees of freedom)."""
    squares = []
    for name, sigmas in aligned.sigmas.items():
        times = world.drives[name].pieces.centre_ns
        error = aligned.trajectories[name].poses_at(times)[1] - world.truth[name].poses_at(times)[1]
        squares.append((error[:, :2] ** 2).sum(axis=1) / sigmas.xy_m**2)
    return np.concatenate(squares)


def _normalised_relative(world: World, aligned: Aligned) -> np.ndarray:
    """The same of the difference of two drives where they pass each other."""
    squares = []
    for agreement, weight in zip(aligned.adjustment.network.agreements, aligned.adjustment.weights):
        if not weight:
            continue
        own, other = (
            aligned.trajectories[n].pose_at(t).translation_m - world.truth[n].pose_at(t).translation_m
            for n, t in (
                (agreement.a, int(world.drives[agreement.a].pieces.centre_ns[agreement.knot])),
                (agreement.b, agreement.b_ns),
            )
        )
        variance = sum(
            float(np.interp(t, world.drives[n].pieces.centre_ns, s)) ** 2
            for n, t, s in (
                (
                    agreement.a,
                    int(world.drives[agreement.a].pieces.centre_ns[agreement.knot]),
                    aligned.sigmas[agreement.a].relative_m,
                ),
                (agreement.b, agreement.b_ns, aligned.sigmas[agreement.b].relative_m),
            )
            if s is not None
        )
        squares.append(((own - other)[:2] ** 2).sum() / variance)
    return np.array(squares)


def _shift_of_halves(
    world: World, drives: Mapping[str, PlacedDrive], a: Aligned, b: Aligned
) -> tuple[dict[str, float], np.ndarray]:
    """Shift of one half's map against the other's, its sigma, and what is left after the shift of each window."""
    errors, places = {}, {}
    for title, half in (("a", a), ("b", b)):
        found = [position_errors(world.truth[n], t) for n, t in sorted(half.trajectories.items())]
        errors[title] = np.concatenate([error[:, :2] for error, _ in found])
        places[title] = np.concatenate([xyz[:, :2] for _, xyz in found])
    distance, nearest = cKDTree(places["b"]).query(places["a"], distance_upper_bound=REACH_M)
    near = np.isfinite(distance)
    apart = errors["a"][near] - errors["b"][nearest[near]]
    shift = apart.mean(axis=0)
    sigma = float(np.hypot(*(np.sqrt(np.mean([_shared(s) ** 2 for s in h.sigmas.values()])) for h in (a, b))))
    cell = np.unique(np.floor(places["a"][near] / WINDOW_M), axis=0, return_inverse=True)[1].ravel()
    counts = np.bincount(cell)
    means = np.column_stack([np.bincount(cell, apart[:, k]) / counts for k in (0, 1)])
    left = np.linalg.norm(apart - means[cell], axis=1)
    return {"shift_m": float(np.hypot(*shift)), "sigma_m": sigma, "chi2": float(shift @ shift / sigma**2)}, left


def _shared(sigmas: KnotSigmas) -> float:
    """Error of a drive that it has in common with the others."""
    relative = 0.0 if sigmas.relative_m is None else sigmas.relative_m
    return float(np.sqrt(np.maximum(sigmas.xy_m**2 - relative**2, 0.0).mean()))


def _disagreements(truth: Mapping[str, Trajectory], paths: Mapping[str, Trajectory]) -> np.ndarray:
    names = sorted(paths)
    pairs = [(a, b) for n, a in enumerate(names) for b in names[n + 1 :]]
    return np.concatenate([disagreement(truth[a], paths[a], truth[b], paths[b], REACH_M) for a, b in pairs])


def _run(workspace: Workspace, names: Sequence[str], config: AlignmentConfig) -> float:
    fingerprints = {name: f"own {name}" for name in names}
    moves = which_move(workspace, fingerprints)
    start = time.process_time()
    inputs = AlignmentInputs(workspace, moves.moving, moves.frozen, workspace.read_frame(), fingerprints, "benchmark")
    alignment.run(inputs, config)
    return time.process_time() - start


def _copy(source: Path, target: Path) -> Workspace:
    """Drives by link, trajectories before alignment by copy."""
    target.mkdir(parents=True)
    (target / "drives").symlink_to((source / "drives").resolve())
    shutil.copy(source / "map.json", target)
    shutil.copytree(source / "trajectories" / "unaligned", target / "trajectories" / "unaligned")
    return Workspace(target)


def _names(workspace: Workspace) -> list[str]:
    return sorted(path.stem for path in (workspace.root / "trajectories" / "unaligned").glob("*.parquet"))


def _truth(world: Path, workspace: Workspace, names: Sequence[str]) -> dict[str, Trajectory]:
    frame = workspace.read_frame()
    return {name: read_trajectory(world / "truth" / "trajectories" / f"{name}.parquet", frame) for name in names}


def _quantiles(values: np.ndarray) -> dict[str, float]:
    median, p95, most = np.percentile(values, [50, 95, 100]).round(4).tolist()
    return {"median_m": median, "p95_m": p95, "max_m": most}


def _shares(squares: np.ndarray) -> list[float]:
    return [round(float(np.mean(squares < chi2.ppf(share, 2))), 3) for share in (0.68, 0.95)]


if __name__ == "__main__":
    main()
