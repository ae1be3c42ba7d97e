"""Measurements as ROS 2 messages: field dictionaries after `message_definitions`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapforge.simulation.lidar import RETURN
from mapforge.simulation.mcap_writer import TimedMessage
from mapforge.simulation.navigation import GnssFixes, ImuSamples, OdometryPoses, VehicleSamples
from mapforge.simulation.radar import RadarReturns
from mapforge.simulation.rig import GNSS, IMU, LIDAR, RADAR, WHEEL_RADIUS_M, Pinhole, Rig

EGO = "ego"
ODOM = "odom"
WHEEL_NAMES = ("wheel_fl", "wheel_fr", "wheel_rl", "wheel_rr")

_POINT_FIELD_TYPES = {"<f4": 7, "<u4": 6, "<u2": 4}


def header(timestamp_ns: int, frame: str) -> dict[str, Any]:
    seconds, nanoseconds = divmod(int(timestamp_ns), 1_000_000_000)
    return {"stamp": {"sec": seconds, "nanosec": nanoseconds}, "frame_id": frame}


def _xyz(values: NDArray[np.floating] | tuple[float, float, float]) -> dict[str, float]:
    x, y, z = (float(v) for v in values)
    return {"x": x, "y": y, "z": z}


def _quaternion(wxyz: NDArray[np.float64]) -> dict[str, float]:
    w, x, y, z = wxyz.tolist()
    return {"x": x, "y": y, "z": z, "w": w}


def static_transforms(rig: Rig, timestamp_ns: int) -> TimedMessage:
    """/tf_static: from the ego frame to every sensor."""
    transforms = [
        {
            "header": header(timestamp_ns, EGO),
            "child_frame_id": sensor,
            "transform": {"translation": _xyz(pose.translation_m), "rotation": _quaternion(pose.quaternion_wxyz())},
        }
        for sensor, pose in rig.mounts.items()
    ]
    return TimedMessage(timestamp_ns, "/tf_static", "tf2_msgs/msg/TFMessage", {"transforms": transforms})


def point_cloud(returns: NDArray[np.void], start_ns: int, logged_ns: int) -> TimedMessage:
    """/lidar_top; stamped with the start of the turn, logged at its end. returns: (N,) RETURN."""
    names = RETURN.names or ()
    fields = [
        {
            "name": name,
            "offset": RETURN.fields[name][1],  # type: ignore[index]
            "datatype": _POINT_FIELD_TYPES[RETURN[name].str],
            "count": 1,
        }
        for name in names
    ]
    message = {
        "header": header(start_ns, LIDAR),
        "height": 1,
        "width": len(returns),
        "fields": fields,
        "is_bigendian": False,
        "point_step": RETURN.itemsize,
        "row_step": RETURN.itemsize * len(returns),
        "data": returns.tobytes(),
        "is_dense": True,
    }
    return TimedMessage(logged_ns, f"/{LIDAR}", "sensor_msgs/msg/PointCloud2", message)


def image(sensor: str, jpeg: bytes, timestamp_ns: int) -> TimedMessage:
    """/cam_x/image/compressed."""
    message = {"header": header(timestamp_ns, sensor), "format": "jpeg", "data": jpeg}
    return TimedMessage(timestamp_ns, f"/{sensor}/image/compressed", "sensor_msgs/msg/CompressedImage", message)


def camera_info(sensor: str, pinhole: Pinhole, timestamp_ns: int) -> TimedMessage:
    """/cam_x/camera_info."""
    f, (cx, cy) = pinhole.focal_px, pinhole.centre_px
    message = {
        "header": header(timestamp_ns, sensor),
        "height": pinhole.height_px,
        "width": pinhole.width_px,
        "distortion_model": "plumb_bob",
        "d": [0.0] * 5,
        "k": [f, 0.0, cx, 0.0, f, cy, 0.0, 0.0, 1.0],
        "r": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        "p": [f, 0.0, cx, 0.0, 0.0, f, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
    }
    return TimedMessage(timestamp_ns, f"/{sensor}/camera_info", "sensor_msgs/msg/CameraInfo", message)


def radar_scan(returns: RadarReturns, timestamp_ns: int) -> TimedMessage:
    """/radar_front."""
    columns = (
        returns.range_m,
        returns.azimuth_rad,
        returns.elevation_rad,
        returns.radial_velocity_mps,
        returns.rcs_dbsm,
    )
    names = ("range", "azimuth", "elevation", "doppler_velocity", "amplitude")
    rows = [dict(zip(names, row)) for row in np.stack(columns, axis=1).tolist()]
    fields = {"header": header(timestamp_ns, RADAR), "returns": rows}
    return TimedMessage(timestamp_ns, f"/{RADAR}", "radar_msgs/msg/RadarScan", fields)


def nav_sat_fix(fixes: GnssFixes, k: int) -> TimedMessage:
    """/gnss/fix: position of the antenna."""
    time_ns = int(fixes.timestamps_ns[k])
    lon, lat, height = fixes.lon_lat_height[k].tolist()
    message = {
        "header": header(time_ns, GNSS),
        "status": {"status": int(fixes.status[k]), "service": 9},
        "latitude": lat,
        "longitude": lon,
        "altitude": height,
        "position_covariance": np.diag(fixes.variance_m2[k]).ravel().tolist(),
        "position_covariance_type": 2,
    }
    return TimedMessage(time_ns, "/gnss/fix", "sensor_msgs/msg/NavSatFix", message)


def imu(samples: ImuSamples, k: int, covariances: tuple[float, float]) -> TimedMessage:
    """/imu; it knows no orientation. covariances: variance of the turn rate and of the acceleration."""
    time_ns = int(samples.timestamps_ns[k])
    message = {
        "header": header(time_ns, IMU),
        "orientation_covariance": [-1.0] + [0.0] * 8,
        "angular_velocity": _xyz(samples.rate_radps[k]),
        "angular_velocity_covariance": _diagonal(3, covariances[0]),
        "linear_acceleration": _xyz(samples.acceleration_mps2[k]),
        "linear_acceleration_covariance": _diagonal(3, covariances[1]),
    }
    return TimedMessage(time_ns, "/imu", "sensor_msgs/msg/Imu", message)


def odometry(poses: OdometryPoses, k: int) -> TimedMessage:
    """/odometry: reckoned from wheels and yaw rate since the start of the drive; it drifts."""
    time_ns = int(poses.timestamps_ns[k])
    half = 0.5 * float(poses.yaw_rad[k])
    travelled = 1.0 + 0.02 * k
    message = {
        "header": header(time_ns, ODOM),
        "child_frame_id": EGO,
        "pose": {
            "pose": {
                "position": _xyz((*poses.xy_m[k].tolist(), 0.0)),
                "orientation": {"x": 0.0, "y": 0.0, "z": float(np.sin(half)), "w": float(np.cos(half))},
            },
            "covariance": _diagonal(6, 0.01 * travelled),
        },
        "twist": {"twist": _twist(poses.speed_mps[k], poses.yaw_rate_radps[k]), "covariance": _diagonal(6, 0.01)},
    }
    return TimedMessage(time_ns, "/odometry", "nav_msgs/msg/Odometry", message)


def vehicle(samples: VehicleSamples, k: int) -> list[TimedMessage]:
    """/vehicle/twist, /vehicle/steering (position: angle of the front wheels) and /vehicle/wheels (velocity: rad/s
    of wheels of WHEEL_RADIUS_M)."""
    time_ns = int(samples.timestamps_ns[k])
    top = header(time_ns, EGO)
    twist = {"header": top, "twist": _twist(samples.speed_mps[k], samples.yaw_rate_radps[k])}
    steering = {"header": top, "name": ["steering"], "position": [float(samples.steering_rad[k])]}
    wheels = {"header": top, "name": list(WHEEL_NAMES), "velocity": (samples.wheels_mps[k] / WHEEL_RADIUS_M).tolist()}
    return [
        TimedMessage(time_ns, "/vehicle/twist", "geometry_msgs/msg/TwistStamped", twist),
        TimedMessage(time_ns, "/vehicle/steering", "sensor_msgs/msg/JointState", steering),
        TimedMessage(time_ns, "/vehicle/wheels", "sensor_msgs/msg/JointState", wheels),
    ]


def _twist(speed_mps: float, yaw_rate_radps: float) -> dict[str, Any]:
    return {"linear": _xyz((float(speed_mps), 0.0, 0.0)), "angular": _xyz((0.0, 0.0, float(yaw_rate_radps)))}


def _diagonal(size: int, value: float) -> list[float]:
    return (np.eye(size) * value).ravel().tolist()
