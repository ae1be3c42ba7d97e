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
from mapforge.io.json_text import parse_object
from mapforge.io.parquet import read_metadata, read_table, write_table
from mapforge.schemas.drive import ALIGNED_TRAJECTORY, TRAJECTORY
from mapforge.schemas.table import check_table

STEP_M = 1e-4
QUATERNION_DECIMALS = 9


@dataclass(frozen=True)
class TrajectoryInfo:
    """What a trajectory file says of itself.

    source: how it was made, e.g. log_poses or lidar_odometry+gnss. georeferenced: False when it was placed at a
    configured origin because the log knows no place on earth. aligned_set: name of the set of drives it was registered
    to, all of which share one error against the earth; empty when it stands alone. datum_sigma_m: one-sigma size, along
    one axis, of that shared error; None when it stands alone.
    """

    frame: MapFrame
    source: str
    drive_id: str
    georeferenced: bool
    fingerprint: str
    aligned_set: str = ""
    datum_sigma_m: float | None = None


def write_trajectory(
    trajectory: Trajectory,
    sigma_z_m: Float,
    info: TrajectoryInfo,
    target: Path,
    tmp: Path,
    sigma_relative_m: Float | None = None,
) -> None:
    """Writes atomically; positions rounded to 0.1 mm.

    sigma_z_m: (N,) one-sigma height uncertainty of each pose. sigma_relative_m: (N,) one-sigma horizontal error of each
    pose, along one axis, against the other drives of its aligned set; None when it was registered to none.
    """
    xyz = np.round(info.frame.to_projected(trajectory.translation_m) / STEP_M) * STEP_M
    quaternion = np.round(trajectory.quaternion_wxyz, QUATERNION_DECIMALS)
    sigmas = [np.round(trajectory.sigma_xy_m, 4), np.round(sigma_z_m, 4)]
    schema = TRAJECTORY
    if sigma_relative_m is not None:
        sigmas.append(np.round(sigma_relative_m, 4))
        schema = ALIGNED_TRAJECTORY
    columns = [trajectory.timestamps_ns, *xyz.T, *quaternion.T, *sigmas]
    table = pa.Table.from_arrays([pa.array(column) for column in columns], schema=schema)
    metadata = {
        "frame": json.dumps(info.frame.as_dict()),
        "source": info.source,
        "drive_id": info.drive_id,
        "georeferenced": "true" if info.georeferenced else "false",
        "fingerprint": info.fingerprint,
    }
    if info.datum_sigma_m is not None:
        metadata |= {"aligned_set": info.aligned_set, "datum_sigma_m": f"{info.datum_sigma_m:.4f}"}
    write_table(table, target, tmp, metadata)


def read_trajectory(path: Path, frame: MapFrame) -> Trajectory:
    """The trajectory in `frame`.

    Raises MissingInputError, ContractError, or CrsMismatchError when the file is in another CRS than `frame`.
    """
    table = _read(path)
    frame.require_same_crs(read_trajectory_info(path).frame.epsg, str(path))
    stack = {name: table[name].to_numpy() for name in table.schema.names}
    xyz = np.stack([stack[name] for name in ("tx_m", "ty_m", "tz_m")], axis=1)
    quaternion = np.stack([stack[name] for name in ("qw", "qx", "qy", "qz")], axis=1)
    try:
        return Trajectory(stack["timestamp_ns"], frame.from_projected(xyz), quaternion, stack["sigma_xy_m"])
    except ValueError as error:
        raise ContractError(f"{path}: {error}; localise the drive again") from error


def read_sigma_z(path: Path) -> Float:
    """(N,) one-sigma height uncertainty of each pose."""
    return np.asarray(_read(path)["sigma_z_m"].to_numpy())


def read_sigma_relative(path: Path) -> Float:
    """(N,) one-sigma horizontal error of each pose, along one axis, against the other drives that pass there.

    The error those drives share is sqrt(sigma_xy_m^2 - sigma_relative_m^2). A drive that was registered to none shares
    nothing: its whole sigma_xy_m is its own.
    """
    table = _read(path)
    name = "sigma_relative_m" if "sigma_relative_m" in table.schema.names else "sigma_xy_m"
    return np.asarray(table[name].to_numpy())


def path_sha256(path: Path) -> str:
    """Hash of the poses themselves, whatever the footer says of how they came about."""
    table = _read(path)
    digest = hashlib.sha256()
    for name in table.schema.names:
        digest.update(np.ascontiguousarray(table[name].to_numpy()).tobytes())
    return digest.hexdigest()


def read_trajectory_info(path: Path) -> TrajectoryInfo:
    """The footer of a trajectory file. Raises ContractError when it lacks something."""
    metadata = read_metadata(path)
    try:
        frame = MapFrame.from_dict(parse_object(metadata["frame"], f"the frame of {path}", "localise the drive again"))
        return TrajectoryInfo(
            frame,
            metadata["source"],
            metadata["drive_id"],
            metadata.get("georeferenced", "true") == "true",
            metadata.get("fingerprint", ""),
            metadata.get("aligned_set", ""),
            float(metadata["datum_sigma_m"]) if "datum_sigma_m" in metadata else None,
        )
    except KeyError as error:
        raise ContractError(f"{path} has no {error} in its footer: localise the drive again") from error
    except ValueError as error:
        if isinstance(error, ContractError):
            raise
        raise ContractError(f"{path}: a number in its footer is none: {error}; localise the drive again") from error


def _read(path: Path) -> pa.Table:
    table = read_table(path)
    aligned = "sigma_relative_m" in table.schema.names
    check_table(table.replace_schema_metadata(None), ALIGNED_TRAJECTORY if aligned else TRAJECTORY, str(path))
    poses = [name for name in table.schema.names if not name.startswith("sigma")]
    if not all(np.isfinite(table[name].to_numpy()).all() for name in poses):
        raise ContractError(f"{path} has poses that are empty or not finite; localise the drive again")
    return table
