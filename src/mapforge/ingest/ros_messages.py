"""ROS 2 messages to rows of the drive tables, by message type.

Each function takes a message's bytes and returns (time stamp ns, frame id, row). Layouts are those of the public
message definitions (sensor_msgs, geometry_msgs, nav_msgs, radar_msgs, ackermann_msgs, autoware_vehicle_msgs).
"""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mapforge.errors import LogError
from mapforge.geometry.se3 import SE3
from mapforge.ingest.cdr import CdrReader

NAN = float("nan")
VEHICLE_COLUMNS = (
    "speed_mps",
    "steering_angle_rad",
    "yaw_rate_radps",
    "wheel_fl_mps",
    "wheel_fr_mps",
    "wheel_rl_mps",
    "wheel_rr_mps",
)
_RAW_IMAGES = {"rgb8": ("RGB", 3), "bgr8": ("BGR", 3), "rgba8": ("RGBA", 4), "bgra8": ("BGRA", 4), "mono8": ("L", 1)}
_WHEEL_SIDES = {"fl": ("front", "left"), "fr": ("front", "right"), "rl": ("rear", "left"), "rr": ("rear", "right")}
_COVARIANCE_UNKNOWN = 0

MAX_PIXELS = 2**26
"""A picture that claims more is damaged or hostile: unpacked it would take gigabytes."""


@dataclass(frozen=True)
class Stamped:
    """One decoded message."""

    timestamp_ns: int
    frame: str
    row: dict[str, Any]


@dataclass(frozen=True, eq=False)
class CameraModel:
    """A sensor_msgs/CameraInfo. intrinsics: fx, fy, cx, cy."""

    frame: str
    intrinsics: tuple[float, float, float, float]
    distortion: tuple[float, ...]
    width_px: int
    height_px: int


@dataclass(frozen=True, eq=False)
class FrameTransform:
    """One transform of a tf2_msgs/TFMessage. wxyz as logged, of any length."""

    parent: str
    child: str
    wxyz: NDArray[np.float64]
    translation_m: NDArray[np.float64]


def read_imu(message: memoryview) -> Stamped:
    """sensor_msgs/Imu; specific force and turn rate in the IMU's frame."""
    cdr = CdrReader(message)
    stamp_ns, frame = cdr.header()
    cdr.numbers("d", 4 + 9)
    gyro = cdr.numbers("d", 3)
    cdr.numbers("d", 9)
    force = cdr.numbers("d", 3)
    names = ("gx_radps", "gy_radps", "gz_radps", "ax_mps2", "ay_mps2", "az_mps2")
    return Stamped(stamp_ns, frame, dict(zip(names, (*gyro, *force))))


def read_navsatfix(message: memoryview) -> Stamped:
    """sensor_msgs/NavSatFix; an unknown covariance becomes nine NaN."""
    cdr = CdrReader(message)
    stamp_ns, frame = cdr.header()
    status = cdr.integer("b")
    cdr.integer("H")
    lat, lon, height = cdr.numbers("d", 3)
    covariance = list(cdr.numbers("d", 9))
    if cdr.integer("B") == _COVARIANCE_UNKNOWN:
        covariance = [NAN] * 9
    row = {"lat_deg": lat, "lon_deg": lon, "height_m": height, "cov_enu_m2": covariance, "fix_type": status}
    return Stamped(stamp_ns, frame, row)


def read_odometry(message: memoryview) -> tuple[Stamped, str, SE3]:
    """nav_msgs/Odometry: its twist as a vehicle row, its child frame, and its pose."""
    cdr = CdrReader(message)
    stamp_ns, frame = cdr.header()
    child = cdr.string().lstrip("/")
    pose = _pose(cdr)
    cdr.numbers("d", 36)
    twist = cdr.numbers("d", 6)
    return Stamped(stamp_ns, frame, {"speed_mps": twist[0], "yaw_rate_radps": twist[5]}), child, pose


def read_pose(message: memoryview) -> tuple[Stamped, SE3]:
    """geometry_msgs/PoseStamped and PoseWithCovarianceStamped."""
    cdr = CdrReader(message)
    stamp_ns, frame = cdr.header()
    return Stamped(stamp_ns, frame, {}), _pose(cdr)


def read_twist(message: memoryview) -> Stamped:
    """geometry_msgs/TwistStamped and TwistWithCovarianceStamped."""
    cdr = CdrReader(message)
    stamp_ns, frame = cdr.header()
    twist = cdr.numbers("d", 6)
    return Stamped(stamp_ns, frame, {"speed_mps": twist[0], "yaw_rate_radps": twist[5]})


def read_joint_state(message: memoryview) -> Stamped:
    """sensor_msgs/JointState: wheels by their names (front_left, rl, ...) as logged; steering joints by position."""
    cdr = CdrReader(message)
    stamp_ns, frame = cdr.header()
    names = cdr.strings()
    positions, velocities = cdr.array("d"), cdr.array("d")
    row: dict[str, float] = {}
    for i, name in enumerate(names):
        words = set(re.split(r"[^a-z]+", name.lower()))
        if words & {"steering", "steer"}:
            if i < len(positions):
                row["steering_angle_rad"] = float(positions[i])
            continue
        wheel = next((w for w, sides in _WHEEL_SIDES.items() if w in words or words.issuperset(sides)), None)
        if wheel is not None and i < len(velocities):
            row[f"wheel_{wheel}_mps"] = float(velocities[i])
    return Stamped(stamp_ns, frame, row)


def read_ackermann(message: memoryview) -> Stamped:
    """ackermann_msgs/AckermannDriveStamped."""
    cdr = CdrReader(message)
    stamp_ns, frame = cdr.header()
    steering, _, speed = cdr.numbers("f", 3)
    return Stamped(stamp_ns, frame, {"speed_mps": speed, "steering_angle_rad": steering})


def read_velocity_report(message: memoryview) -> Stamped:
    """autoware_vehicle_msgs/VelocityReport."""
    cdr = CdrReader(message)
    stamp_ns, frame = cdr.header()
    speed, _, yaw_rate = cdr.numbers("f", 3)
    return Stamped(stamp_ns, frame, {"speed_mps": speed, "yaw_rate_radps": yaw_rate})


def read_steering_report(message: memoryview) -> Stamped:
    """autoware_vehicle_msgs/SteeringReport."""
    cdr = CdrReader(message)
    return Stamped(cdr.stamp_ns(), "", {"steering_angle_rad": cdr.number("f")})


def read_compressed_image(message: memoryview) -> Stamped:
    """sensor_msgs/CompressedImage. Raises LogError when the bytes are neither JPEG nor PNG."""
    cdr = CdrReader(message)
    stamp_ns, frame = cdr.header()
    cdr.string()
    return Stamped(stamp_ns, frame, encoded_image(cdr.array("B").tobytes()))


def read_image(message: memoryview) -> Stamped:
    """sensor_msgs/Image, stored as PNG. Raises LogError on an encoding that is no colour or grey picture."""
    cdr = CdrReader(message)
    stamp_ns, frame = cdr.header()
    height, width = cdr.integer("I"), cdr.integer("I")
    encoding = cdr.string()
    cdr.integer("B")
    step = cdr.integer("I")
    data = cdr.array("B")
    mode, channels = _RAW_IMAGES.get(encoding, ("", 0))
    if not mode:
        raise LogError(f"image encoding '{encoding}' is not supported")
    if height * width == 0 or step < width * channels or step * height > len(data):
        raise LogError(f"image of {width} x {height} has {len(data)} bytes")
    pixels = data[: step * height].reshape(height, step)[:, : width * channels].reshape(height, width, channels)
    if mode.startswith("BGR"):
        pixels = pixels[..., [2, 1, 0]]
    elif mode == "RGBA":
        pixels = pixels[..., :3]
    packed = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels).squeeze(-1) if channels == 1 else np.ascontiguousarray(pixels)).save(
        packed, "PNG", compress_level=1
    )
    row = {"image": packed.getvalue(), "encoding": "png", "width_px": width, "height_px": height}
    return Stamped(stamp_ns, frame, row)


def encoded_image(image: bytes) -> dict[str, Any]:
    """The camera table's columns of an encoded picture. Raises LogError when it is neither JPEG nor PNG."""
    try:
        with Image.open(io.BytesIO(image), formats=("JPEG", "PNG")) as picture:
            width, height = picture.size
            encoding = str(picture.format).lower()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise LogError(f"no JPEG or PNG picture ({len(image)} bytes)") from error
    if width * height > MAX_PIXELS:
        raise LogError(f"a picture of {width} x {height} in {len(image)} bytes")
    return {"image": image, "encoding": encoding, "width_px": width, "height_px": height}


def read_camera_info(message: memoryview) -> CameraModel:
    """sensor_msgs/CameraInfo. Raises LogError when the focal length is not positive."""
    cdr = CdrReader(message)
    _, frame = cdr.header()
    height, width = cdr.integer("I"), cdr.integer("I")
    cdr.string()
    distortion = tuple(float(value) for value in cdr.array("d"))
    k = cdr.numbers("d", 9)
    if not (k[0] > 0 and k[4] > 0 and all(math.isfinite(value) for value in (*k, *distortion))):
        raise LogError(f"camera '{frame}' has focal lengths {k[0]}, {k[4]}")
    return CameraModel(frame, (k[0], k[4], k[2], k[5]), distortion, width, height)


def read_transforms(message: memoryview) -> list[FrameTransform]:
    """tf2_msgs/TFMessage."""
    cdr = CdrReader(message)
    transforms = []
    for _ in range(cdr.count(64)):
        _, parent = cdr.header()
        child = cdr.string().lstrip("/")
        numbers = np.array(cdr.numbers("d", 7))
        transforms.append(FrameTransform(parent, child, numbers[[6, 3, 4, 5]], numbers[:3]))
    return transforms


def read_radar_scan(message: memoryview) -> tuple[int, str, NDArray[np.float32]]:
    """radar_msgs/RadarScan: (N, 5) range m, azimuth rad, elevation rad, doppler m/s, amplitude dB."""
    cdr = CdrReader(message)
    stamp_ns, frame = cdr.header()
    count = cdr.count(20)
    values = np.array(cdr.numbers("f", 5 * count), dtype=np.float32).reshape(count, 5)
    return stamp_ns, frame, values


def _pose(cdr: CdrReader) -> SE3:
    x, y, z, qx, qy, qz, qw = cdr.numbers("d", 7)
    wxyz = np.array([qw, qx, qy, qz])
    if not 0.5 < float(np.linalg.norm(wxyz)) < 2.0:
        raise LogError(f"pose with quaternion {wxyz.tolist()}")
    return SE3.from_quaternion(wxyz, np.array([x, y, z]))
