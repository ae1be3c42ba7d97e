"""Tiny logs of every format, from seeds; ROS 2 messages by an encoder that is not MapForge's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
from mcap.writer import CompressionType
from mcap_ros2.writer import Writer

from mapforge.io.drive_store import DriveReader

START_NS = 1_700_000_000_000_000_000
STEP_NS = 100_000_000

_BAR = "\n" + "=" * 80 + "\n"
_FIELDS = {
    "std_msgs/Header": "builtin_interfaces/Time stamp\nstring frame_id",
    "geometry_msgs/Vector3": "float64 x\nfloat64 y\nfloat64 z",
    "geometry_msgs/Point": "float64 x\nfloat64 y\nfloat64 z",
    "geometry_msgs/Quaternion": "float64 x\nfloat64 y\nfloat64 z\nfloat64 w",
    "geometry_msgs/Pose": "geometry_msgs/Point position\ngeometry_msgs/Quaternion orientation",
    "geometry_msgs/Twist": "geometry_msgs/Vector3 linear\ngeometry_msgs/Vector3 angular",
    "geometry_msgs/PoseWithCovariance": "geometry_msgs/Pose pose\nfloat64[36] covariance",
    "geometry_msgs/TwistWithCovariance": "geometry_msgs/Twist twist\nfloat64[36] covariance",
    "geometry_msgs/Transform": "geometry_msgs/Vector3 translation\ngeometry_msgs/Quaternion rotation",
    "geometry_msgs/TransformStamped": (
        "std_msgs/Header header\nstring child_frame_id\ngeometry_msgs/Transform transform"
    ),
    "geometry_msgs/PoseStamped": "std_msgs/Header header\ngeometry_msgs/Pose pose",
    "geometry_msgs/TwistStamped": "std_msgs/Header header\ngeometry_msgs/Twist twist",
    "tf2_msgs/TFMessage": "geometry_msgs/TransformStamped[] transforms",
    "sensor_msgs/PointField": "string name\nuint32 offset\nuint8 datatype\nuint32 count",
    "sensor_msgs/PointCloud2": (
        "std_msgs/Header header\nuint32 height\nuint32 width\nsensor_msgs/PointField[] fields\nbool is_bigendian\n"
        "uint32 point_step\nuint32 row_step\nuint8[] data\nbool is_dense"
    ),
    "sensor_msgs/CompressedImage": "std_msgs/Header header\nstring format\nuint8[] data",
    "sensor_msgs/Image": (
        "std_msgs/Header header\nuint32 height\nuint32 width\nstring encoding\nuint8 is_bigendian\nuint32 step\n"
        "uint8[] data"
    ),
    "sensor_msgs/CameraInfo": (
        "std_msgs/Header header\nuint32 height\nuint32 width\nstring distortion_model\nfloat64[] d\nfloat64[9] k"
    ),
    "sensor_msgs/Imu": (
        "std_msgs/Header header\ngeometry_msgs/Quaternion orientation\nfloat64[9] orientation_covariance\n"
        "geometry_msgs/Vector3 angular_velocity\nfloat64[9] angular_velocity_covariance\n"
        "geometry_msgs/Vector3 linear_acceleration\nfloat64[9] linear_acceleration_covariance"
    ),
    "sensor_msgs/NavSatStatus": "int8 status\nuint16 service",
    "sensor_msgs/NavSatFix": (
        "std_msgs/Header header\nsensor_msgs/NavSatStatus status\nfloat64 latitude\nfloat64 longitude\n"
        "float64 altitude\nfloat64[9] position_covariance\nuint8 position_covariance_type"
    ),
    "sensor_msgs/JointState": (
        "std_msgs/Header header\nstring[] name\nfloat64[] position\nfloat64[] velocity\nfloat64[] effort"
    ),
    "nav_msgs/Odometry": (
        "std_msgs/Header header\nstring child_frame_id\ngeometry_msgs/PoseWithCovariance pose\n"
        "geometry_msgs/TwistWithCovariance twist"
    ),
    "radar_msgs/RadarReturn": (
        "float32 range\nfloat32 azimuth\nfloat32 elevation\nfloat32 doppler_velocity\nfloat32 amplitude"
    ),
    "radar_msgs/RadarScan": "std_msgs/Header header\nradar_msgs/RadarReturn[] returns",
    "ackermann_msgs/AckermannDrive": (
        "float32 steering_angle\nfloat32 steering_angle_velocity\nfloat32 speed\nfloat32 acceleration\nfloat32 jerk"
    ),
    "ackermann_msgs/AckermannDriveStamped": "std_msgs/Header header\nackermann_msgs/AckermannDrive drive",
    "std_msgs/String": "string data",
}


def definition(datatype: str) -> str:
    """The text of a message definition with all it contains."""
    names = [datatype.replace("/msg/", "/")]
    for name in names:
        inner = [line.split(" ")[0].split("[")[0] for line in _FIELDS[name].splitlines()]
        names += [kind for kind in inner if kind in _FIELDS and kind not in names]
    return _BAR.join([_FIELDS[names[0]]] + [f"MSG: {name}\n{_FIELDS[name]}" for name in names[1:]])


def header(time_ns: int, frame: str) -> dict[str, Any]:
    return {"stamp": {"sec": time_ns // 10**9, "nanosec": time_ns % 10**9}, "frame_id": frame}


def cloud_message(time_ns: int, frame: str, points: np.ndarray, height: int = 1, padding: int = 0) -> dict[str, Any]:
    """A PointCloud2 of a structured array; each row of `height` ends in `padding` bytes."""
    codes = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 8}
    fields = [
        {"name": name, "offset": offset, "datatype": codes[kind.str[1:]], "count": 1}
        for name, (kind, offset) in ((n, points.dtype.fields[n][:2]) for n in points.dtype.names)
    ]
    width = len(points) // height
    rows = points.reshape(height, width)
    return {
        "header": header(time_ns, frame),
        "height": height,
        "width": width,
        "fields": fields,
        "is_bigendian": points.dtype[0].str.startswith(">"),
        "point_step": points.dtype.itemsize,
        "row_step": points.dtype.itemsize * width + padding,
        "data": b"".join(row.tobytes() + bytes(padding) for row in rows),
        "is_dense": True,
    }


POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("ring", "<u2"), ("t", "<u4")])


def random_points(seed: int, rows: int = 300, dtype: np.dtype = POINT) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = np.zeros(rows, dtype)
    for name in "xyz":
        points[name] = rng.uniform(1.0, 50.0, rows)
    for name, value in (("intensity", rng.integers(0, 256, rows)), ("ring", rng.integers(0, 32, rows))):
        if name in points.dtype.names:
            points[name] = value
    if "t" in points.dtype.names:
        points["t"] = np.linspace(0, STEP_NS - 1, rows)
    return points


def transform(
    parent: str, child: str, xyz: tuple[float, ...], wxyz: tuple[float, ...] = (1, 0, 0, 0)
) -> dict[str, Any]:
    x, y, z = (float(v) for v in xyz)
    qw, qx, qy, qz = (float(v) for v in wxyz)
    return {
        "header": header(START_NS, parent),
        "child_frame_id": child,
        "transform": {"translation": {"x": x, "y": y, "z": z}, "rotation": {"x": qx, "y": qy, "z": qz, "w": qw}},
    }


class Ingest(Protocol):
    """The fixture `ingest`."""

    def __call__(self, path: Path, city: str | None = None, **settings: Any) -> DriveReader: ...


Message = tuple[str, str, dict[str, Any], int]
"""Topic, message type, fields, log time."""


def write_mcap(
    path: Path, messages: list[Message], compression: CompressionType = CompressionType.ZSTD, chunk_size: int = 20_000
) -> Path:
    with path.open("wb") as stream:
        writer = Writer(stream, chunk_size=chunk_size, compression=compression)
        schemas: dict[str, Any] = {}
        for topic, datatype, fields, time_ns in messages:
            if datatype not in schemas:
                schemas[datatype] = writer.register_msgdef(datatype, definition(datatype))
            writer.write_message(topic, schemas[datatype], fields, time_ns, time_ns)
        writer.finish()
    return path


def lidar_message(i: int, frame: str = "os_sensor", topic: str = "/points", **kwargs: Any) -> Message:
    time_ns = START_NS + i * STEP_NS
    return topic, "sensor_msgs/msg/PointCloud2", cloud_message(time_ns, frame, random_points(i), **kwargs), time_ns


def static_message(*transforms: dict[str, Any]) -> Message:
    return "/tf_static", "tf2_msgs/msg/TFMessage", {"transforms": list(transforms)}, START_NS


def write_av2(folder: Path, city: str | None = "PIT", sweeps: int = 2, calibrated: bool = True) -> Path:
    """An AV2 log of `sweeps` sweeps with 200 points each."""
    (folder / "sensors" / "lidar").mkdir(parents=True)
    (folder / "map").mkdir()
    if city:
        (folder / "map" / f"log_map_archive_abc____{city}_city_123.json").write_text("{}")
    rng = np.random.default_rng(3)
    for i in range(sweeps):
        columns = {
            **{name: rng.uniform(-40, 40, 200).astype(np.float16) for name in "xyz"},
            "intensity": rng.integers(0, 256, 200).astype(np.uint8),
            "laser_number": rng.integers(0, 64, 200).astype(np.uint8),
            "offset_ns": np.arange(200, dtype=np.int32) * 1000,
        }
        path = folder / "sensors" / "lidar" / f"{315966265259836000 + i * STEP_NS}.feather"
        feather.write_feather(pa.table(columns), path)
    times = 315966265259836000 + np.arange(-1, sweeps + 1) * STEP_NS
    place = {"qw": 1.0, "qx": 0.0, "qy": 0.0, "qz": 0.0, "tx_m": 5000.0, "ty_m": 2400.0, "tz_m": 67.0}
    poses = {"timestamp_ns": times, **{name: np.full(len(times), value) for name, value in place.items()}}
    feather.write_feather(pa.table(poses), folder / "city_SE3_egovehicle.feather")
    if calibrated:
        (folder / "calibration").mkdir()
        sensors = {"sensor_name": ["ring_front_center", "up_lidar"]}
        pose = {"qw": [0.5, 1.0], "qx": [-0.5, 0.0], "qy": [0.5, 0.0], "qz": [-0.5, 0.0]}
        lever = {"tx_m": [1.6, 1.3], "ty_m": [0.0, 0.0], "tz_m": [1.4, 1.6]}
        feather.write_feather(
            pa.table({**sensors, **pose, **lever}), folder / "calibration" / "egovehicle_SE3_sensor.feather"
        )
        optics = {"fx_px": 1700.0, "fy_px": 1700.0, "cx_px": 775.0, "cy_px": 1024.0, "k1": -0.2, "k2": -0.1, "k3": 0.1}
        table = {"sensor_name": ["ring_front_center"], **{name: [value] for name, value in optics.items()}}
        size = {"height_px": pa.array([2048], pa.uint16()), "width_px": pa.array([1550], pa.uint16())}
        feather.write_feather(pa.table({**table, **size}), folder / "calibration" / "intrinsics.feather")
    return folder


def hdl64_points(seed: int = 0, rings: int = 64, per_ring: int = 90) -> np.ndarray:
    """(N, 4) a flat-walled scene in the order of a KITTI dump: ring by ring, each round from straight ahead."""
    rng = np.random.default_rng(seed)
    azimuth = np.tile((np.arange(per_ring) + 0.5) / per_ring * 2 * np.pi, (rings, 1))
    elevation = np.radians(np.linspace(2.0, -24.9, rings))[:, None]
    distance = 20.0 + rng.uniform(0, 1, azimuth.shape)
    xyz = [
        distance * np.cos(elevation) * np.cos(azimuth),
        distance * np.cos(elevation) * np.sin(azimuth),
        distance * np.sin(elevation) * np.ones_like(azimuth),
    ]
    intensity = rng.integers(0, 100, azimuth.shape) / 100
    return np.stack([*xyz, intensity], axis=-1).reshape(-1, 4).astype(np.float32)


def write_kitti(folder: Path, sweeps: int = 3, oxts: bool = False, images: bool = False) -> Path:
    """A drive below a date folder with calibration; returns the drive's folder."""
    date = folder / "2011_09_26"
    drive = date / "2011_09_26_drive_0001_sync"
    data = drive / "velodyne_points" / "data"
    data.mkdir(parents=True)
    (date / "calib_imu_to_velo.txt").write_text("calib_time: x\nR: 1 0 0 0 1 0 0 0 1\nT: -0.8 0.3 -0.8\n")
    (date / "calib_velo_to_cam.txt").write_text("R: 0 -1 0 0 0 -1 1 0 0\nT: 0 -0.08 -0.27\n")
    (date / "calib_cam_to_cam.txt").write_text(
        "S_rect_02: 1242 375\nR_rect_00: 1 0 0 0 1 0 0 0 1\nP_rect_02: 720 0 610 43.2 0 720 173 0 0 0 1 0\n"
    )
    stamps = "".join(f"2011-09-26 13:02:25.{i}00000000\n" for i in range(sweeps))
    for i in range(sweeps):
        hdl64_points(i).tofile(data / f"{i:010d}.bin")
    (drive / "velodyne_points" / "timestamps.txt").write_text(stamps)
    if oxts:
        (drive / "oxts" / "data").mkdir(parents=True)
        (drive / "oxts" / "timestamps.txt").write_text(stamps)
        for i in range(sweeps):
            packet = np.zeros(30)
            packet[:6] = (49.0, 8.4 + i * 1e-5, 116.0, 0.01, -0.02, 0.5)
            packet[[8, 11, 13, 19, 22, 23]] = (8.0, 0.1, 9.8, 0.03, 0.031, 0.05)
            (drive / "oxts" / "data" / f"{i:010d}.txt").write_text(" ".join(str(v) for v in packet))
    if images:
        from PIL import Image

        (drive / "image_02" / "data").mkdir(parents=True)
        (drive / "image_02" / "timestamps.txt").write_text(stamps)
        for i in range(sweeps):
            Image.new("RGB", (62, 18), (i, 0, 0)).save(drive / "image_02" / "data" / f"{i:010d}.png")
    return drive
