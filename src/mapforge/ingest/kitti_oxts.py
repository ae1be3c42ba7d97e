"""The GNSS/IMU packets (oxts) of a KITTI raw drive to table rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from mapforge.geometry.crs import MapFrame, utm_epsg
from mapforge.ingest.records import RowsRecord

OXTS_FIELDS = 30
_LAT, _LON, _HEIGHT, _ROLL, _PITCH, _YAW = range(6)
_FORWARD_SPEED, _FORCE_X, _TURN_X, _YAW_RATE = 8, 11, 17, 22
_POSITION_ACCURACY = 23

Float = NDArray[np.float64]


def oxts_rows(times_ns: NDArray[np.int64], values: Float) -> Iterator[RowsRecord]:
    """values: (N, 30) packets in the order of KITTI's dataformat.txt.

    Gives gnss, imu and vehicle rows, and poses in the UTM zone of the first packet: position by projection, attitude
    by roll, pitch, yaw (yaw counterclockwise from true east) turned by the meridian convergence into the grid.
    """
    rows = len(times_ns)
    variance = values[:, _POSITION_ACCURACY] ** 2
    covariance = np.zeros((rows, 9))
    covariance[:, [0, 4, 8]] = variance[:, None]
    position = {"lat_deg": values[:, _LAT], "lon_deg": values[:, _LON], "height_m": values[:, _HEIGHT]}
    fix = {"cov_enu_m2": covariance.tolist(), "fix_type": np.zeros(rows, dtype=np.int8)}
    yield RowsRecord("gnss", "oxts", {"timestamp_ns": times_ns, **position, **fix})
    measured = {
        **{name: values[:, _FORCE_X + i] for i, name in enumerate(("ax_mps2", "ay_mps2", "az_mps2"))},
        **{name: values[:, _TURN_X + i] for i, name in enumerate(("gx_radps", "gy_radps", "gz_radps"))},
    }
    yield RowsRecord("imu", "oxts", {"timestamp_ns": times_ns, **measured})
    unknown = {f"wheel_{w}_mps": np.full(rows, np.nan) for w in ("fl", "fr", "rl", "rr")}
    motion = {"speed_mps": values[:, _FORWARD_SPEED], "yaw_rate_radps": values[:, _YAW_RATE]}
    steering = {"steering_angle_rad": np.full(rows, np.nan)}
    yield RowsRecord("vehicle", "oxts", {"timestamp_ns": times_ns, **motion, **steering, **unknown})
    yield RowsRecord("poses", "gnss_ins", {"timestamp_ns": times_ns, **_poses(values)})


def _poses(values: Float) -> dict[str, object]:
    lon, lat = float(values[0, _LON]), float(values[0, _LAT])
    frame = MapFrame(utm_epsg(lon, lat), (0.0, 0.0))
    xyz = frame.from_wgs84(values[:, [_LON, _LAT, _HEIGHT]])
    yaw = values[:, _YAW] + frame.grid_convergence_rad(lon, lat)
    attitude = Rotation.from_euler("ZYX", np.stack([yaw, values[:, _PITCH], values[:, _ROLL]], axis=1))
    x, y, z, w = attitude.as_quat(canonical=True).T
    return {
        **dict(zip(("tx_m", "ty_m", "tz_m"), xyz.T)),
        "qw": w,
        "qx": x,
        "qy": y,
        "qz": z,
        "frame": [f"EPSG:{frame.epsg}"] * len(values),
        "source": ["gnss_ins"] * len(values),
    }
