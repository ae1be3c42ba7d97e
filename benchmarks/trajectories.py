"""Trajectories: the smoother and the lidar odometry on real and simulated drives, beside the plain ways.

    python benchmarks/trajectories.py [--out data/benchmark/trajectories] [--only comma2k19 boreas kitti simulated]
                                      [--world FOLDER --workspace FOLDER]

    comma2k19   GNSS, gyro and wheels of a real minute; every second 10 s of GNSS withheld; error at the withheld fixes
                beside dead reckoning from the last fix and beside interpolation
    boreas      the odometry of two real 8 km loops with one fix in 30 s; error against the full GNSS poses
    kitti       sharpness of the accumulated cloud of a real drive with our trajectory beside KISS-ICP's; sweeps/s
    simulated   sweeps/s and relative error of lidar odometry beside KISS-ICP's, and the smoothed trajectory against
                the truth with the share of it inside the stated intervals

Real drives are skipped where `../shared/data` is absent, KISS-ICP where it is not installed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy.spatial.transform import Rotation

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.deskew import SweepMotion
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import DriveReader
from mapforge.io.trajectories import read_trajectory, read_trajectory_info
from mapforge.io.workspace import Workspace
from mapforge.localization.config import LocalizationConfig, SmootherConfig
from mapforge.localization.drive_state import Calibration
from mapforge.localization.evidence import measurements_of, registration_of
from mapforge.localization.gnss import Fixes
from mapforge.localization.gravity import up_directions
from mapforge.localization.inertial import TurnRates, gyro_turns
from mapforge.localization.lidar_odometry import Registration, register_sweeps
from mapforge.localization.odometry import OdometryPath, path_of_poses, path_of_wheels
from mapforge.localization.placement import levelled, moved_path, placed_on_fixes
from mapforge.localization.smoothing import DriveMeasurements, smoothed
from mapforge.localization.wheels import wheel_steps
from mapforge.metrics.trajectories import position_errors, relative_errors
from mapforge.schemas.drive import IMU, VEHICLE

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MAPFORGE = Path(sys.executable).with_name("mapforge")
SECOND = 1_000_000_000
LEVER = slice(Calibration.lever_x_m, Calibration.lever_z_m + 1)
NO_FIXES = Fixes(np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(3))


def spread(errors: np.ndarray) -> str:
    return f"median {np.median(errors):6.2f}  p95 {np.percentile(errors, 95):6.2f}  max {errors.max():6.2f} m"


def table(schema: pa.Schema, **columns: np.ndarray) -> pa.Table:
    """The given columns; NaN for the others."""
    size = len(columns["timestamp_ns"])
    return pa.table({name: columns.get(name, np.full(size, np.nan)) for name in schema.names}, schema=schema)


# --- comma2k19 ------------------------------------------------------------------------------------------------------


def comma2k19(_out: Path) -> None:
    """Phone axes are forward, right, down; times are of the device's clock."""
    root = next((DATA / "comma2k19").glob("*/*/processed_log"))
    imu, vehicle, fixes = comma_imu(root), comma_vehicle(root), comma_fixes(root)
    rates = TurnRates(
        imu["timestamp_ns"].to_numpy(),
        np.stack([imu[name].to_numpy() for name in ("gx_radps", "gy_radps", "gz_radps")], axis=1),
        yaw_only=False,
        source="gyro",
    )
    path = path_of_wheels(vehicle, rates).thinned(SECOND // 10)
    fixes = fixes.between(int(path.timestamps_ns[0]), int(path.timestamps_ns[-1]))
    window = (fixes.timestamps_ns - fixes.timestamps_ns[0]) // (10 * SECOND)
    kept, withheld = only(fixes, window % 2 == 0), only(fixes, window % 2 == 1)
    config = SmootherConfig()
    found = smooth_drive(path, kept, imu, vehicle, rates, config, config.unknown_lever_sigma_m)
    clock_s, lever = found.path.state.calibration[Calibration.gnss_clock_s], found.path.state.calibration[LEVER]
    rotation, xyz = (
        replace(path, pose=found.path.pose).trajectory().poses_at(withheld.timestamps_ns + round(clock_s * SECOND))
    )
    smoothed_xy = rotation @ lever + xyz
    print(f"comma2k19: {path.length_m:.0f} m, {len(kept)} fixes used, {len(withheld)} withheld")
    rows = {
        "smoother": smoothed_xy,
        "dead reckoning": dead_reckoned(path, kept, withheld.timestamps_ns),
        "interpolation": interpolated_fixes(kept, withheld.timestamps_ns),
    }
    for name, xyz in rows.items():
        print(f"  {name:<16}{spread(np.linalg.norm((xyz - withheld.xyz_map)[:, :2], axis=1))}")
    for finding in found.calibration:
        print(f"  {finding.name:<18}{finding.value:>9.4f} +- {finding.sigma:.4f}  {finding.state}")


def interpolated_fixes(kept: Fixes, times_ns: np.ndarray) -> np.ndarray:
    """Between the fixes around; after the last one at the speed of the last 3 s."""
    first = np.searchsorted(kept.timestamps_ns, kept.timestamps_ns[-1] - 3 * SECOND)
    speed = (kept.xyz_map[-1] - kept.xyz_map[first]) / (kept.timestamps_ns[-1] - kept.timestamps_ns[first])
    beyond = np.maximum(times_ns - kept.timestamps_ns[-1], 0)[:, None]
    return interpolated(kept.timestamps_ns, kept.xyz_map, times_ns) + beyond * speed


def comma_imu(root: Path) -> pa.Table:
    turn, force = (np.load(root / "IMU" / name / "value") for name in ("gyro", "accelerometer"))
    axes = np.array([1.0, -1.0, -1.0])
    names = ("ax_mps2", "ay_mps2", "az_mps2", "gx_radps", "gy_radps", "gz_radps")
    columns = dict(zip(names, np.concatenate([force * axes, turn * axes], axis=1).T))
    return table(IMU, timestamp_ns=nanoseconds(np.load(root / "IMU" / "gyro" / "t")), **columns)


def comma_vehicle(root: Path) -> pa.Table:
    speed = np.load(root / "CAN" / "speed" / "value").ravel()
    return table(VEHICLE, timestamp_ns=nanoseconds(np.load(root / "CAN" / "speed" / "t")), speed_mps=speed)


def comma_fixes(root: Path) -> Fixes:
    """As they arrived: about 0.2 s late, which the smoother has to find out."""
    value = np.load(root / "GNSS" / "live_gnss_ublox" / "value")
    frame = MapFrame.at(value[0, 1], value[0, 0])
    xyz = frame.from_wgs84(value[:, [1, 0, 4]])
    sigma = np.tile(SmootherConfig().gnss_sigma_m * np.array([1.0, 1.0, 2.0]), (len(xyz), 1))
    return Fixes(nanoseconds(np.load(root / "GNSS" / "live_gnss_ublox" / "t")), xyz, sigma, np.zeros(3))


def dead_reckoned(path: OdometryPath, kept: Fixes, times_ns: np.ndarray) -> np.ndarray:
    """From the last fix before each time, in the course of the last 3 s of fixes."""
    _, odom = path.trajectory().poses_at(kept.timestamps_ns)
    _, wanted = path.trajectory().poses_at(times_ns)
    last = np.searchsorted(kept.timestamps_ns, times_ns) - 1
    first = np.searchsorted(kept.timestamps_ns, kept.timestamps_ns[last] - 3 * SECOND)
    course = [np.arctan2(*(xyz[last] - xyz[first])[:, [1, 0]].T) for xyz in (kept.xyz_map, odom)]
    turn = Rotation.from_euler("z", (course[0] - course[1])[:, None])
    return kept.xyz_map[last] + turn.apply(wanted - odom[last])


# --- Boreas ---------------------------------------------------------------------------------------------------------


def boreas(_out: Path) -> None:
    config = SmootherConfig(gnss_slow_share=0.5)
    for folder in sorted((DATA / "boreas").iterdir()):
        truth = read_csv(folder / "applanix" / "lidar_poses.csv", ("easting", "northing", "altitude"))
        path = boreas_odometry(folder)
        inside = (path.timestamps_ns >= truth[0][0]) & (path.timestamps_ns <= truth[0][-1])
        path = replace(path, timestamps_ns=path.timestamps_ns[inside], pose=path.pose[inside], lost=path.lost[inside])
        true_xyz = interpolated(*truth, path.timestamps_ns)
        print(f"{folder.name}: {path.length_m:.0f} m")
        placed = at_start(path, true_xyz)
        print(f"  plain odometry  {spread(np.linalg.norm((placed - true_xyz)[:, :2], axis=1))}")
        for every_s, outage in ((30, False), (30, True)):
            errors, sigmas = [], []
            for seed in range(5):
                fixes = sparse_fixes(path, true_xyz, every_s, outage, seed)
                found = smooth_drive(path, fixes, IMU.empty_table(), VEHICLE.empty_table(), None, config, 0.01)
                errors.append((found.path.pose[:, :3, 3] - true_xyz)[:, :2])
                sigmas.append(found.sigma.xy_m)
            error, sigma = np.concatenate(errors), np.concatenate(sigmas)[:, None]
            gap = ", none in the middle third" if outage else ""
            print(f"  smoother, a fix in {every_s} s{gap}: {spread(np.linalg.norm(error, axis=1))}")
            one, two = ((np.abs(error) < factor * sigma).mean() for factor in (1.0, 1.96))
            print(f"    coordinates inside the 68 % interval {one:.0%}, 95 % {two:.0%}")


def boreas_odometry(folder: Path) -> OdometryPath:
    """Successive steps of the estimate, in a frame of their own."""
    times, columns = read_csv(
        folder / "odometry" / "lidar_odometry.csv", ("easting", "northing", "altitude", "qx", "qy", "qz", "qw")
    )
    pose = np.tile(np.eye(4), (len(times), 1, 1))
    pose[:, :3, :3] = Rotation.from_quat(columns[:, 3:]).as_matrix()
    pose[:, :3, 3] = columns[:, :3]
    return OdometryPath(times, np.linalg.inv(pose[0]) @ pose, np.zeros(len(times), bool), "lidar")


def sparse_fixes(path: OdometryPath, true_xyz: np.ndarray, every_s: int, outage: bool, seed: int) -> Fixes:
    """True positions with a bias and noise of 0.15 m each, twice that in height."""
    rng = np.random.default_rng(seed)
    slot = (path.timestamps_ns - path.timestamps_ns[0]) // (every_s * SECOND)
    chosen = np.flatnonzero(np.diff(slot, prepend=-1))
    third = len(path.timestamps_ns) // 3
    if outage:
        chosen = chosen[(chosen < third) | (chosen > 2 * third)]
    axes = np.array([0.15, 0.15, 0.3])
    error = rng.normal(0.0, axes) + rng.normal(0.0, 1.0, (len(chosen), 3)) * axes
    sigma = np.tile(np.sqrt(2.0) * axes, (len(chosen), 1))
    return Fixes(path.timestamps_ns[chosen], true_xyz[chosen] + error, sigma, np.zeros(3))


def at_start(path: OdometryPath, true_xyz: np.ndarray) -> np.ndarray:
    """The path put onto the truth by its first 100 m (what odometry alone can be asked for)."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path.pose[:, :3, 3], axis=0), axis=1))])
    first = along < 100.0
    fixes = Fixes(path.timestamps_ns[first], true_xyz[first], np.full((first.sum(), 3), 0.1), np.zeros(3))
    up = up_directions(path, IMU.empty_table(), np.eye(3), 0.03, 0.05, 10.0)
    return moved_path(placed_on_fixes(path, levelled(path, up), fixes), path)[:, :3, 3]


# --- KITTI ----------------------------------------------------------------------------------------------------------


def kitti(out: Path) -> None:
    """Drive 9001: 22 sweeps in a narrow street. KISS-ICP's poses there are of the velodyne, ours of the ego frame."""
    name = "2011_09_26_drive_9001_sync"
    raw, workspace = out / "kitti_raw", Workspace(out / "kitti")
    if not raw.exists():
        unpack = DATA / "kitti_raw" / "unpack_kitti_raw.py"
        subprocess.run([sys.executable, str(unpack), str(raw)], check=True, stdout=subprocess.DEVNULL)
    if not workspace.drives.exists():
        command("ingest", f"source={raw}", f"workspace={workspace.root}")
    (folder,) = [path for path in workspace.drives.iterdir() if "9001" in path.name]
    reader = DriveReader(folder)
    ours = register_sweeps(reader.sweeps(), None, reader.manifest.motion_compensated, registration())
    poses = np.loadtxt(next((DATA / "kitti_raw").glob(f"*/{name}/lidar_odometry_poses.txt"))).reshape(-1, 3, 4)
    theirs = np.tile(np.eye(4), (len(poses), 1, 1))
    theirs[:, :3] = poses
    (lidar,) = [c.ego_SE3_sensor for c in reader.calibration().values() if c.model == "lidar"]
    theirs = lidar.matrix() @ theirs @ lidar.inverse().matrix()
    clouds = {
        "MapForge": accumulated(reader, ours.pose),
        "KISS-ICP": accumulated(reader, theirs[: len(ours.pose)]),
        "standing": accumulated(reader, np.tile(ours.pose[:1], (len(ours.pose), 1, 1))),
    }
    print(f"KITTI 9001: {len(ours.pose)} sweeps, {ours.length_m:.1f} m")
    chosen = np.intersect1d(planar(clouds["MapForge"], 1.0), planar(clouds["KISS-ICP"], 1.0))
    curbs = {label: curb_points(cloud) for label, cloud in clouds.items()}
    chosen_curbs = np.intersect1d(planar(curbs["MapForge"], 0.5), planar(curbs["KISS-ICP"], 0.5))
    for label in ("MapForge", "KISS-ICP", "standing"):
        walls, edges = thickness(clouds[label], chosen, 1.0), thickness(curbs[label], chosen_curbs, 0.5)
        print(
            f"  {label:<10} walls: median {np.median(walls) * 1e3:5.1f} mm, p95 {np.percentile(walls, 95) * 1e3:5.1f}"
            f" ({len(walls)})   curbs: median {np.median(edges) * 1e3:5.1f} mm ({len(edges)})"
        )
    sweeps = list(reader.sweeps())
    race("KITTI 9001", sweeps, None, reader.manifest.motion_compensated, None)


def accumulated(reader: DriveReader, pose: np.ndarray) -> np.ndarray:
    """(N, 5): x, y, z, sweep number, height over the lowest point of the metre; each point where it was measured."""
    times = np.unique(reader.sweep_index().timestamps_ns)
    quaternion = Rotation.from_matrix(pose[:, :3, :3]).as_quat()[:, [3, 0, 1, 2]]
    path = Trajectory(times, pose[:, :3, 3], quaternion, np.zeros(len(times)))
    clouds = []
    for number, sweep in enumerate(reader.sweeps()):
        offset = sweep.offset_ns * (0 if reader.manifest.motion_compensated else 1)
        xyz = sweep.xyz_ego.astype(np.float64)
        near = np.linalg.norm(xyz[:, :2], axis=1) < 25.0
        motion = SweepMotion.along(path, sweep.timestamp_ns, offset[near])
        clouds.append(np.column_stack([motion.transform(xyz[near], offset[near]), np.full(near.sum(), number)]))
    cloud = np.concatenate(clouds)
    cell = cell_of(cloud, 1.0, flat=True)
    _, inverse = np.unique(cell, return_inverse=True)
    lowest = np.full(inverse.max() + 1, np.inf)
    np.minimum.at(lowest, inverse, cloud[:, 2])
    return np.column_stack([cloud, cloud[:, 2] - lowest[inverse]])


def curb_points(cloud: np.ndarray) -> np.ndarray:
    return cloud[(cloud[:, 4] > 0.05) & (cloud[:, 4] < 0.2)]


def cell_of(cloud: np.ndarray, edge_m: float, flat: bool = False) -> np.ndarray:
    index = np.floor(cloud[:, :3] / edge_m).astype(np.int64) + (1 << 20)
    return (index[:, 0] << 42) | (index[:, 1] << 21) | (0 if flat else index[:, 2])


def horizontal_spread(cloud: np.ndarray, edge_m: float) -> tuple[np.ndarray, ...]:
    """Cell, its number of points and of sweeps, and the spread of its points along and across their main direction."""
    cell, inverse, count = np.unique(cell_of(cloud, edge_m), return_inverse=True, return_counts=True)
    sweeps = np.bincount(np.unique(inverse * 1000 + cloud[:, 3].astype(int)) // 1000, minlength=len(cell))
    mean = np.stack([np.bincount(inverse, cloud[:, i]) / count for i in (0, 1)], axis=1)
    x, y = (cloud[:, :2] - mean[inverse]).T
    xx, xy, yy = (np.bincount(inverse, product) / count for product in (x * x, x * y, y * y))
    root = np.sqrt(0.25 * (xx - yy) ** 2 + xy**2)
    return cell, count, sweeps, np.sqrt(0.5 * (xx + yy) + root), np.sqrt(np.maximum(0.5 * (xx + yy) - root, 0.0))


def planar(cloud: np.ndarray, edge_m: float) -> np.ndarray:
    """Cells with an upright surface that many sweeps saw."""
    cell, count, sweeps, along, across = horizontal_spread(cloud, edge_m)
    return cell[(count >= 40) & (sweeps >= 8) & (along > 0.2 * edge_m) & (across < 0.3 * along)]


def thickness(cloud: np.ndarray, chosen: np.ndarray, edge_m: float) -> np.ndarray:
    cell, _, _, _, across = horizontal_spread(cloud, edge_m)
    return across[np.isin(cell, chosen)]


# --- simulated ------------------------------------------------------------------------------------------------------


def simulated(out: Path) -> None:
    made = out / "simulated"
    if not made.exists():
        words = ("drives=3", "duration_s=30", "seed=41", "simulation.sensors.camera.enabled=false")
        noise = ("simulation.sensors.gnss.bias_sigma_m=0.15", "simulation.sensors.gnss.drift_m_per_100m=0.2")
        command("simulate", f"out={made}", *words, *noise)
        command("ingest", f"source={made / 'logs'}", f"workspace={made}")
    judge(made, Workspace(made), drives=3)


def judge(made: Path, workspace: Workspace, drives: int) -> None:
    """Lidar odometry and smoothed trajectories against the truth of a simulated world."""
    config = LocalizationConfig()
    inside, errors = [], []
    for number, file in enumerate(sorted((made / "truth" / "trajectories").glob("*.parquet"))[:drives]):
        frame = read_trajectory_info(file).frame
        truth, reader = read_trajectory(file, frame), DriveReader(workspace.drive(file.stem))
        own = path_of_poses(reader.table("poses"))
        if number == 0:
            race(file.stem, list(reader.sweeps())[:200], own, reader.manifest.motion_compensated, truth)
        path = register_sweeps(reader.sweeps(), own, reader.manifest.motion_compensated, registration())
        measured = measurements_of(reader, path, frame, config)
        pose = moved_path(placed_on_fixes(path, levelled(path, measured.up), measured.gnss), path)
        found = smoothed(path, pose, measured, config.smoother)
        estimate = replace(path, pose=found.path.pose).trajectory()
        error, _ = position_errors(truth, estimate)
        errors.append(error[:, :2])
        inside.append(np.abs(error[:, :2]) < np.outer(found.sigma.xy_m, (1.0, 1.0)) * 1.96)
        shifted = np.linalg.norm((error - error.mean(axis=0))[:, :2], axis=1)
        print(
            f"  {file.stem}: horizontal rmse {np.sqrt((error[:, :2] ** 2).sum(axis=1).mean()):.3f} m (stated sigma "
            f"{found.sigma.xy_m.mean():.3f} an axis), after its shift median {np.median(shifted):.3f} m, "
            f"{relative_text(truth, estimate)}"
        )
    print(f"  truth inside 95 % intervals: {np.concatenate(inside).mean():.0%} of coordinates of {len(inside)} drives")


def race(name: str, sweeps: list, prediction: OdometryPath | None, compensated: bool, truth: Trajectory | None) -> None:
    """The same sweeps through both odometries, reading not counted; with one thread and with two.

    Sweeps a second of wall time, and of processor time (which a busy machine does not spoil).
    """
    for threads in (1, 2):
        for label, follow in (("MapForge", follow_ours), ("KISS-ICP", follow_kiss)):
            wall, busy = time.perf_counter(), time.process_time()
            path = follow(sweeps, prediction, compensated, threads)
            wall, busy = time.perf_counter() - wall, time.process_time() - busy
            if path is not None:
                error = "" if truth is None else ", " + relative_text(truth, path.trajectory())
                speed = f"{len(sweeps) / wall:5.1f} sweeps/s, {len(sweeps) / busy:5.1f} a processor second"
                print(f"  {name}, {threads} threads: {label} {speed}{error}", flush=True)


def follow_ours(sweeps: list, prediction: OdometryPath | None, compensated: bool, threads: int) -> OdometryPath:
    return register_sweeps(sweeps, prediction, compensated, replace(registration(), threads=threads))


def follow_kiss(sweeps: list, _prediction: OdometryPath | None, compensated: bool, threads: int) -> OdometryPath | None:
    """KISS-ICP with its defaults; it wants the time of each point from 0 to 1 and places poses at the last one."""
    try:
        from kiss_icp.config import load_config
        from kiss_icp.kiss_icp import KissICP
    except ImportError:
        return None
    config = load_config(None)
    config.registration.max_num_threads = threads
    config.data.deskew = not compensated
    config.data.min_range = registration().min_range_m
    odometry, poses = KissICP(config), []
    for sweep in sweeps:
        offset = sweep.offset_ns.astype(np.float64)
        share = (offset - offset.min()) / max(np.ptp(offset), 1.0)
        odometry.register_frame(sweep.xyz_ego.astype(np.float64), share)
        poses.append(odometry.last_pose.copy())
    times = np.array([sweep.timestamp_ns + int(sweep.offset_ns.max()) * (not compensated) for sweep in sweeps])
    return OdometryPath(times, np.array(poses), np.zeros(len(poses), bool), "lidar")


def relative_text(truth: Trajectory, estimate: Trajectory) -> str:
    parts = [
        f"{relative_errors(truth, estimate, metres)['rpe_m_per_m'] * metres * 1e3:.0f} mm in {metres:.0f} m"
        for metres in (10.0, 100.0)
    ]
    return f"relative error {', '.join(parts)}"


def registration() -> Registration:
    return registration_of(LocalizationConfig())


# --- what all share -------------------------------------------------------------------------------------------------


def smooth_drive(path, fixes, imu, vehicle, rates, config, lever_sigma_m):  # type: ignore[no-untyped-def]
    """Smooths from tables rather than from a drive of the store."""
    up = up_directions(path, imu, np.eye(3), config.gravity_sigma_rad, config.level_sigma_rad, config.level_spacing_m)
    measured = DriveMeasurements(
        gnss=fixes,
        log_places=NO_FIXES,
        log_attitudes=None,
        up=up,
        turns=gyro_turns(
            rates,
            path.timestamps_ns,
            config.gyro_noise_rad,
            config.gyro_bias_sigma_radps,
            config.gyro_bias_walk_radps,
        ),
        wheels=wheel_steps(vehicle, path.timestamps_ns, config.wheel_sigma_m),
        lever_sigma_m=lever_sigma_m,
    )
    return smoothed(path, moved_path(placed_on_fixes(path, levelled(path, up), fixes), path), measured, config)


def only(fixes: Fixes, chosen: np.ndarray) -> Fixes:
    return Fixes(fixes.timestamps_ns[chosen], fixes.xyz_map[chosen], fixes.sigma_m[chosen], fixes.lever_ego_m)


def interpolated(times_ns: np.ndarray, columns: np.ndarray, wanted_ns: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(wanted_ns, times_ns, column) for column in columns.T], axis=1)


def nanoseconds(seconds: np.ndarray) -> np.ndarray:
    return np.round(seconds * SECOND).astype(np.int64)


def read_csv(path: Path, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Times in nanoseconds and the columns; GPSTime is in microseconds."""
    rows = np.genfromtxt(path, delimiter=",", names=True)
    return rows["GPSTime"].astype(np.int64) * 1000, np.stack([rows[name] for name in names], axis=1)


def command(*words: str) -> None:
    done = subprocess.run([str(MAPFORGE), *words], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)


PARTS: dict[str, Callable[[Path], None]] = {
    "comma2k19": comma2k19,
    "boreas": boreas,
    "kitti": kitti,
    "simulated": simulated,
}
REAL = ("comma2k19", "boreas", "kitti")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default="data/benchmark/trajectories")
    parser.add_argument("--world", type=Path, help="a simulated world: its folder, in place of a new one")
    parser.add_argument("--workspace", type=Path, help="the workspace that its drives were ingested into")
    parser.add_argument("--drives", type=int, default=3, help="of that world")
    parser.add_argument("--only", nargs="*", choices=list(PARTS), default=list(PARTS))
    arguments = parser.parse_args()
    out = Path(arguments.out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    for name in arguments.only:
        if name in REAL and not DATA.is_dir():
            print(f"{name}: skipped, no real drives beside the checkout")
            continue
        if name == "simulated" and arguments.world is not None:
            judge(arguments.world, Workspace(arguments.workspace), arguments.drives)
        else:
            PARTS[name](out)


if __name__ == "__main__":
    main()
