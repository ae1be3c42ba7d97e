"""Trajectory files: absolute projected metres at rest, the map frame in memory."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from mapforge.errors import ContractError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.se3 import Float
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.parquet import read_metadata, read_table, write_table
from mapforge.schemas.drive import TRAJECTORY

STEP_M = 1e-4
QUATERNION_DECIMALS = 9


@dataclass(frozen=True)
class TrajectoryInfo:
    """What a trajectory file says of itself.

    source: how it was made, e.g. log_poses or lidar_odometry+gnss. georeferenced: False when it was placed at a
    configured origin because the log knows no place on earth.
    """

    frame: MapFrame
    source: str
    drive_id: str
    georeferenced: bool
    fingerprint: str


def write_trajectory(trajectory: Trajectory, sigma_z_m: Float, info: TrajectoryInfo, target: Path, tmp: Path) -> None:
    """Writes atomically; positions rounded to 0.1 mm.

    sigma_z_m: (N,) one-sigma height uncertainty of each pose.
    """
    xyz = np.round(info.frame.to_projected(trajectory.translation_m) / STEP_M) * STEP_M
    quaternion = np.round(trajectory.quaternion_wxyz, QUATERNION_DECIMALS)
    sigmas = (np.round(trajectory.sigma_xy_m, 4), np.round(sigma_z_m, 4))
    columns = [trajectory.timestamps_ns, *xyz.T, *quaternion.T, *sigmas]
    table = pa.Table.from_arrays([pa.array(column) for column in columns], schema=TRAJECTORY)
    metadata = {
        "frame": json.dumps(info.frame.as_dict()),
        "source": info.source,
        "drive_id": info.drive_id,
        "georeferenced": "true" if info.georeferenced else "false",
        "fingerprint": info.fingerprint,
    }
    write_table(table, target, tmp, metadata)


def read_trajectory(path: Path, frame: MapFrame) -> Trajectory:
    """The trajectory in `frame`.

    Raises MissingInputError, ContractError, or CrsMismatchError when the file is in another CRS than `frame`.
    """
    table = read_table(path, TRAJECTORY)
    frame.require_same_crs(read_trajectory_info(path).frame.epsg, str(path))
    stack = {name: table[name].to_numpy() for name in table.schema.names}
    xyz = np.stack([stack[name] for name in ("tx_m", "ty_m", "tz_m")], axis=1)
    quaternion = np.stack([stack[name] for name in ("qw", "qx", "qy", "qz")], axis=1)
    return Trajectory(stack["timestamp_ns"], frame.from_projected(xyz), quaternion, stack["sigma_xy_m"])


def read_sigma_z(path: Path) -> Float:
    """(N,) one-sigma height uncertainty of each pose."""
    return np.asarray(read_table(path, TRAJECTORY)["sigma_z_m"].to_numpy())


def path_sha256(path: Path) -> str:
    """Hash of the poses themselves, whatever the footer says of how they came about."""
    table = read_table(path, TRAJECTORY)
    digest = hashlib.sha256()
    for name in table.schema.names:
        digest.update(np.ascontiguousarray(table[name].to_numpy()).tobytes())
    return digest.hexdigest()


def read_trajectory_info(path: Path) -> TrajectoryInfo:
    """The footer of a trajectory file. Raises ContractError when it lacks something."""
    metadata = read_metadata(path)
    try:
        raw = json.loads(metadata["frame"])
        frame = MapFrame(raw["epsg"], (raw["origin_m"][0], raw["origin_m"][1]), raw["epoch"])
        return TrajectoryInfo(
            frame,
            metadata["source"],
            metadata["drive_id"],
            metadata.get("georeferenced", "true") == "true",
            metadata.get("fingerprint", ""),
        )
    except KeyError as error:
        raise ContractError(f"{path} has no {error} in its footer: localise the drive again") from error
