"""The drive store: one Parquet table a modality, and the manifest that vouches for them."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field

import pyarrow as pa

from mapforge.errors import ContractError

SCHEMA_VERSION = 1

_f32, _f64, _i64 = pa.float32(), pa.float64(), pa.int64()
_name = pa.dictionary(pa.int16(), pa.string())

LIDAR = pa.schema(
    [
        ("timestamp_ns", _i64),  # sweep reference time; the same for every row of a sweep (= row group)
        ("sensor", _name),
        ("x_m", _f32),  # ego frame at the sweep time
        ("y_m", _f32),
        ("z_m", _f32),
        ("intensity", _f32),  # 0..1
        ("ring", pa.int16()),  # -1 unknown
        ("offset_ns", pa.int32()),  # time of the point minus timestamp_ns
        ("return_index", pa.uint8()),
    ]
)
CAMERA = pa.schema(
    [
        ("timestamp_ns", _i64),
        ("sensor", _name),
        ("image", pa.binary()),
        ("encoding", _name),  # jpeg or png
        ("width_px", pa.int32()),
        ("height_px", pa.int32()),
    ]
)
RADAR = pa.schema(
    [
        ("timestamp_ns", _i64),
        ("sensor", _name),
        ("x_m", _f32),
        ("y_m", _f32),
        ("z_m", _f32),
        ("radial_velocity_mps", _f32),
        ("rcs_dbsm", _f32),
    ]
)
GNSS = pa.schema(
    [
        ("timestamp_ns", _i64),
        ("lat_deg", _f64),
        ("lon_deg", _f64),
        ("height_m", _f64),  # ellipsoidal
        ("cov_enu_m2", pa.list_(_f64, 9)),
        ("fix_type", pa.int8()),  # sensor_msgs/NavSatStatus: -1 none, 0 fix, 1 sbas, 2 gbas
    ]
)
IMU = pa.schema(
    [("timestamp_ns", _i64)]
    + [(name, _f64) for name in ("ax_mps2", "ay_mps2", "az_mps2", "gx_radps", "gy_radps", "gz_radps")]
)
VEHICLE = pa.schema(
    [("timestamp_ns", _i64)]
    + [
        (name, _f64)  # NaN = not measured
        for name in (
            "speed_mps",
            "steering_angle_rad",
            "yaw_rate_radps",
            "wheel_fl_mps",
            "wheel_fr_mps",
            "wheel_rl_mps",
            "wheel_rr_mps",
        )
    ]
)
POSES = pa.schema(
    [("timestamp_ns", _i64)]
    + [(name, _f64) for name in ("tx_m", "ty_m", "tz_m", "qw", "qx", "qy", "qz")]
    + [
        ("frame", _name),
        ("source", _name),
    ]  # frame: "EPSG:32617" or "local"; source: odometry, gnss_ins, dataset
)
CALIBRATION = pa.schema(
    [("sensor", pa.string())]
    + [(name, _f64) for name in ("tx_m", "ty_m", "tz_m", "qw", "qx", "qy", "qz")]  # ego_SE3_sensor
    + [
        ("intrinsics", pa.list_(_f64)),  # fx, fy, cx, cy of a camera, else empty
        ("distortion", pa.list_(_f64)),
        ("model", pa.string()),  # pinhole, lidar, radar, gnss, imu
        ("width_px", pa.int32()),
        ("height_px", pa.int32()),
    ]
)
OBJECTS = pa.schema(
    [("timestamp_ns", _i64), ("track_id", pa.string()), ("category", pa.string())]
    + [
        (name, _f64)  # box centre and attitude in the ego frame at timestamp_ns
        for name in ("tx_m", "ty_m", "tz_m", "qw", "qx", "qy", "qz", "length_m", "width_m", "height_m")
    ]
)

DRIVE_TABLES: dict[str, pa.Schema] = {
    "lidar": LIDAR,
    "camera": CAMERA,
    "radar": RADAR,
    "gnss": GNSS,
    "imu": IMU,
    "vehicle": VEHICLE,
    "poses": POSES,
    "calibration": CALIBRATION,
    "objects": OBJECTS,
}

TRAJECTORY = pa.schema(
    [("timestamp_ns", _i64)]
    + [(name, _f64) for name in ("tx_m", "ty_m", "tz_m", "qw", "qx", "qy", "qz", "sigma_xy_m", "sigma_z_m")]
)  # map_SE3_ego, absolute projected metres at rest; file metadata: frame (JSON of MapFrame), source, drive_id
ALIGNED_TRAJECTORY = TRAJECTORY.append(pa.field("sigma_relative_m", _f64))
"""Of drives that were registered to each other. `sigma_xy_m` is absolute, `sigma_relative_m` against those drives."""


@dataclass(frozen=True)
class StoredFile:
    """One Parquet file of a drive."""

    name: str
    sha256: str
    size_bytes: int
    rows: int


@dataclass(frozen=True)
class DriveManifest:
    """What a drive holds, where it came from, and what was left out of it.

    quarantined: rows left out, by "table: reason". reference_lon_lat_deg: a place on the drive in WGS84, None
    when the log says nothing of where on earth it was. motion_compensated: lidar rows are already at sweep time.
    fingerprint: of source, settings and code that made the drive; another one means: ingest again.
    """

    drive_id: str
    source_format: str
    source_sha256: str
    start_ns: int
    end_ns: int
    sensors: tuple[str, ...]
    files: tuple[StoredFile, ...]
    quarantined: dict[str, int] = field(default_factory=dict)
    reference_lon_lat_deg: tuple[float, float] | None = None
    motion_compensated: bool = False
    warnings: tuple[str, ...] = ()
    fingerprint: str = ""
    schema_version: int = SCHEMA_VERSION

    @property
    def duration_s(self) -> float:
        return (self.end_ns - self.start_ns) * 1e-9

    def rows(self, table: str) -> int:
        """Rows of a table over all its parts, 0 when the drive has none."""
        return sum(f.rows for f in self.files if f.name == f"{table}.parquet" or f.name.startswith(f"{table}-"))

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes, where: str) -> DriveManifest:
        """Raises ContractError on another version, a missing or mistyped field, or a file name that leads away."""
        try:
            raw = json.loads(text)
            version = raw["schema_version"]
            if version != SCHEMA_VERSION:
                raise ContractError(f"{where}: drive schema version {version}, this MapForge reads {SCHEMA_VERSION}")
            reference = raw["reference_lon_lat_deg"]
            manifest = cls(
                **{
                    **raw,
                    "sensors": tuple(raw["sensors"]),
                    "warnings": tuple(raw["warnings"]),
                    "files": tuple(StoredFile(**entry) for entry in raw["files"]),
                    "reference_lon_lat_deg": None if reference is None else (float(reference[0]), float(reference[1])),
                }
            )
            _require_types(manifest)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError) as error:
            if isinstance(error, ContractError):
                raise
            raise ContractError(f"{where} is no drive manifest: {str(error)[:200]}; ingest the log again") from error
        return manifest


_FILE_NAME = re.compile(r"[a-z]+(-\d{1,8})?\.parquet")


def _require_types(manifest: DriveManifest) -> None:
    """Raises ValueError or TypeError."""
    texts = (manifest.drive_id, manifest.source_format, manifest.source_sha256, manifest.fingerprint)
    names = (*texts, *manifest.sensors, *manifest.warnings, *(f.sha256 for f in manifest.files))
    numbers = (manifest.start_ns, manifest.end_ns, *manifest.quarantined.values())
    sizes = [number for f in manifest.files for number in (f.size_bytes, f.rows)]
    if not all(isinstance(name, str) for name in names):
        raise TypeError("a name is no text")
    if not all(isinstance(n, int) and abs(n) < 2**63 for n in (*numbers, *sizes)) or min(sizes, default=0) < 0:
        raise TypeError("a time or a count is no whole number in range")
    for file in manifest.files:
        if not _FILE_NAME.fullmatch(file.name):
            raise ValueError(f"'{file.name[:80]}' cannot be a file of a drive")
