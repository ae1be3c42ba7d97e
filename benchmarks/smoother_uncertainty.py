"""Whether the smoother's stated uncertainty holds, over draws of GNSS errors.

    python benchmarks/smoother_uncertainty.py WORKSPACE=WORLD [...] [--drives 4] [--draws 10] [--set name=value ...]

WORKSPACE holds ingested drives, WORLD is what `mapforge simulate` left. A drive has one bias an axis, so that a handful
of drives says little of whether a sigma is right (three drives are six numbers: the mean of their squares is uncertain
by 60 %). Here the lidar odometry, gyro and wheels of each drive are kept, with the errors they have, and its GNSS is
drawn anew as the simulation draws it. NEES is the squared error in units of the stated variance, 1 when it is right; it
is given at nine places along the drives, with its own uncertainty over independent draws. --set: of the smoother.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import DriveReader
from mapforge.io.trajectories import read_trajectory
from mapforge.io.workspace import Workspace
from mapforge.localization.config import LocalizationConfig, SmootherConfig
from mapforge.localization.evidence import measurements_of, odometry_of
from mapforge.localization.odometry import OdometryPath
from mapforge.localization.placement import levelled, moved_path, placed_on_fixes
from mapforge.localization.smoothing import DriveMeasurements, smoothed
from mapforge.simulation.config import GnssConfig

Float = np.ndarray
GNSS = GnssConfig(bias_sigma_m=0.15, drift_m_per_100m=0.2)
AXES = np.array([1.0, 1.0, 2.0])
PLACES = 9


@dataclass(frozen=True, eq=False)
class Drive:
    """What a drive measured, and its truth."""

    path: OdometryPath
    measured: DriveMeasurements
    truth: Trajectory

    def redrawn(self, rng: np.random.Generator) -> DriveMeasurements:
        """With fixes that have another bias, drift and noise, and say of it what the simulated receiver says."""
        fixes = self.measured.gnss
        times = np.clip(fixes.timestamps_ns, self.truth.start_ns, self.truth.end_ns)
        rotation, place = self.truth.poses_at(times)
        moved = np.linalg.norm(np.diff(place, axis=0, prepend=place[:1]), axis=1)
        step = GNSS.drift_m_per_100m * np.sqrt(moved / 100.0)[:, None]
        walk = np.cumsum(rng.standard_normal(place.shape) * step, axis=0)
        noise = rng.standard_normal(place.shape) * GNSS.noise_sigma_m
        error = (rng.normal(0.0, GNSS.bias_sigma_m, 3) + walk + noise) * AXES
        variance = GNSS.noise_sigma_m**2 + GNSS.bias_sigma_m**2 + np.cumsum(step**2, axis=0)
        antenna = rotation @ fixes.lever_ego_m + place
        return replace(self.measured, gnss=replace(fixes, xyz_map=antenna + error, sigma_m=np.sqrt(variance) * AXES))

    def squares(self, config: SmootherConfig, rng: np.random.Generator) -> Float:
        """(PLACES, 4) squared errors in units of their variance: x, y, height, heading."""
        measured, path = self.redrawn(rng), self.path
        start = moved_path(placed_on_fixes(path, levelled(path, measured.up), measured.gnss), path)
        found = smoothed(path, start, measured, config)
        covered = np.flatnonzero(self.truth.covers(path.timestamps_ns))
        at = covered[np.linspace(0, len(covered) - 1, PLACES).round().astype(int)]
        rotation, place = self.truth.poses_at(path.timestamps_ns[at])
        pose = found.path.pose[at]
        turn = np.einsum("nij,nkj->nik", pose[:, :3, :3], rotation)
        error = np.column_stack([pose[:, :3, 3] - place, np.arctan2(turn[:, 1, 0], turn[:, 0, 0])])
        sigma = found.sigma
        stated = np.column_stack([sigma.xy_m[at], sigma.xy_m[at], sigma.z_m[at], sigma.yaw_rad[at]])
        return (error / stated) ** 2


def drives_of(workspace: Path, world: Path, most: int) -> list[Drive]:
    store, config, found = Workspace(workspace), LocalizationConfig(), []
    frame = store.read_frame()
    for file in sorted((world / "truth" / "trajectories").glob("*.parquet"))[:most]:
        reader = DriveReader(store.drive(file.stem))
        path = odometry_of(reader, np.unique(reader.sweep_index().timestamps_ns), config, file.stem)
        found.append(Drive(path, measurements_of(reader, path, frame, config), read_trajectory(file, frame)))
    return found


def report(drives: list[Drive], draws: int, config: SmootherConfig) -> None:
    squares = np.array(
        [
            drive.squares(config, np.random.default_rng((n, draw)))
            for n, drive in enumerate(drives)
            for draw in range(draws)
        ]
    )
    for label, columns in (("horizontal", [0, 1]), ("height", [2]), ("heading", [3])):
        own = squares[:, :, columns]
        each = own.mean(axis=(1, 2))
        inside = [(own < limit).mean() for limit in (0.9889, 3.8415)]
        print(
            f"{label:<10} NEES {own.mean():.2f} +- {each.std() / np.sqrt(len(each)):.2f}, along the drives "
            f"{np.round(own.mean(axis=(0, 2)), 2).tolist()}, inside 68 % and 95 %: {inside[0]:.3f} {inside[1]:.3f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", nargs="+", help="WORKSPACE=WORLD")
    parser.add_argument("--drives", type=int, default=4, help="of each world")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--set", nargs="*", default=[], help="settings of the smoother to be shown beside its defaults")
    arguments = parser.parse_args()
    pairs = [[Path(part) for part in pair.split("=", 1)] for pair in arguments.worlds]
    drives = [drive for workspace, world in pairs for drive in drives_of(workspace, world, arguments.drives)]
    print(f"{len(drives)} drives, {arguments.draws} draws each")
    report(drives, arguments.draws, SmootherConfig())
    if arguments.set:
        changed = {name: float(value) for name, value in (word.split("=", 1) for word in arguments.set)}
        print(" ".join(arguments.set))
        report(drives, arguments.draws, replace(SmootherConfig(), **changed))


if __name__ == "__main__":
    main()
