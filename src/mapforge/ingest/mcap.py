"""MCAP logs with ROS 2 messages. Sensors are found by message type, whatever their topics and frames are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from mapforge.errors import LogError
from mapforge.geometry.se3 import SE3
from mapforge.ingest import ros_messages as ros
from mapforge.ingest.mcap_rig import McapRig
from mapforge.ingest.mcap_stream import McapFile, McapMessage
from mapforge.ingest.pointcloud import PointCloud, read_pointcloud
from mapforge.ingest.quarantine import Quarantine
from mapforge.ingest.records import RowsRecord, SweepRecord
from mapforge.ingest.wheel_units import WheelUnits

BATCH_ROWS = 512
TF_SCHEMA = "tf2_msgs/msg/TFMessage"

_VEHICLE_READERS: dict[str, Callable[[memoryview], ros.Stamped]] = {
    "geometry_msgs/msg/TwistStamped": ros.read_twist,
    "geometry_msgs/msg/TwistWithCovarianceStamped": ros.read_twist,
    "ackermann_msgs/msg/AckermannDriveStamped": ros.read_ackermann,
    "autoware_vehicle_msgs/msg/VelocityReport": ros.read_velocity_report,
    "autoware_auto_vehicle_msgs/msg/VelocityReport": ros.read_velocity_report,
    "autoware_vehicle_msgs/msg/SteeringReport": ros.read_steering_report,
    "autoware_auto_vehicle_msgs/msg/SteeringReport": ros.read_steering_report,
}
_IMAGE_READERS: dict[str, Callable[[memoryview], ros.Stamped]] = {
    "sensor_msgs/msg/CompressedImage": ros.read_compressed_image,
    "sensor_msgs/msg/Image": ros.read_image,
}
_POSE_SCHEMAS = ("geometry_msgs/msg/PoseStamped", "geometry_msgs/msg/PoseWithCovarianceStamped")
_EPSG = re.compile(r"epsg[:_ ]?(\d{4,6})", re.IGNORECASE)


@dataclass
class _Batch:
    """Rows of one table and topic, waiting to be given on together."""

    table: str
    stream: str
    columns: dict[str, list[Any]] = field(default_factory=dict)
    rows: int = 0

    def add(self, row: dict[str, Any]) -> None:
        for name, value in row.items():
            self.columns.setdefault(name, []).append(value)
        self.rows += 1


class McapReader:
    """One MCAP file. Raises LogError when it is none or holds nothing readable, naming file and offset."""

    motion_compensated = False

    def __init__(self, path: Path, max_record_bytes: int, max_lever_m: float, wheel_radius_m: float) -> None:
        self._path = path
        self._file = McapFile(path, max_record_bytes)
        self._wheels = WheelUnits(wheel_radius_m)
        self._rig = McapRig(str(path), max_lever_m)
        self._scales: dict[str, float] = {}
        self._batches: dict[tuple[str, str], _Batch] = {}
        self._single_source: dict[str, str] = {}
        self._unknown: Counter[str] = Counter()
        self._foreign: dict[str, str] = {}
        self._lon_lat: tuple[float, float] | None = None

    def reference_lon_lat_deg(self) -> tuple[float, float] | None:
        """The first good GNSS fix."""
        return self._lon_lat

    def records(self, quarantine: Quarantine) -> Iterator[SweepRecord | RowsRecord]:
        """See LogReader."""
        self._read_transforms(quarantine)
        understood = 0
        for message in self._file.messages(quarantine):
            if message.channel.encoding != "cdr":
                self._foreign.setdefault(message.channel.encoding, message.channel.topic)
                self._unknown[f"{message.channel.schema} encoded as '{message.channel.encoding}'"] += 1
                continue
            try:
                yield from self._record(message, quarantine)
                understood += 1
            except LogError as error:
                self._count_bad(message, error, quarantine)
        if not understood:
            self._refuse(quarantine)
        for key in sorted(self._batches):
            yield from self._flush(self._batches[key])
        for schema, count in sorted(self._unknown.items()):
            quarantine.add("log", f"message type {schema or '(unnamed)'} is not used", count)
        yield from self._rig.calibration(quarantine)

    def _record(self, message: McapMessage, quarantine: Quarantine) -> Iterator[SweepRecord | RowsRecord]:
        schema = message.channel.schema
        if schema == "sensor_msgs/msg/PointCloud2":
            yield from self._cloud(message, quarantine)
        elif schema in _IMAGE_READERS:
            yield from self._image(message, _IMAGE_READERS[schema](message.data))
        elif schema == "sensor_msgs/msg/CameraInfo":
            self._rig.add_camera(ros.read_camera_info(message.data))
        elif schema == "sensor_msgs/msg/Imu":
            yield from self._single(message, "imu", "imu", ros.read_imu(message.data), quarantine)
        elif schema == "sensor_msgs/msg/NavSatFix":
            yield from self._fix(message, quarantine)
        elif schema == "nav_msgs/msg/Odometry":
            stamped, child, pose = ros.read_odometry(message.data)
            yield from self._pose(message, stamped, child, pose, "odometry", quarantine)
        elif schema in _POSE_SCHEMAS:
            stamped, pose = ros.read_pose(message.data)
            yield from self._pose(message, stamped, "", pose, "dataset", quarantine)
        elif schema in _VEHICLE_READERS:
            yield from self._vehicle(message, _VEHICLE_READERS[schema](message.data))
        elif schema == "sensor_msgs/msg/JointState":
            yield from self._vehicle(message, ros.read_joint_state(message.data))
        elif schema == "radar_msgs/msg/RadarScan":
            yield from self._radar_scan(message)
        elif schema != TF_SCHEMA:
            self._unknown[schema] += 1

    def _cloud(self, message: McapMessage, quarantine: Quarantine) -> Iterator[SweepRecord | RowsRecord]:
        cloud = read_pointcloud(message.data)
        if cloud.is_radar:
            yield from self._radar_cloud(message, cloud)
            return
        if not cloud.is_lidar:
            quarantine.add("lidar", f"cloud without intensity and ring (topic {message.channel.topic})")
            return
        sensor = self._rig.sensor(message.channel.topic, cloud.frame, "lidar")
        scale = self._intensity_scale(sensor, cloud, quarantine)
        yield SweepRecord(
            timestamp_ns=cloud.timestamp_ns or message.log_time_ns,
            sensor=sensor,
            xyz_sensor=cloud.xyz(),
            ego_SE3_sensor=self._rig.lidar_place(cloud.frame, quarantine),
            intensity=cloud.intensity(scale),
            ring=cloud.ring(),
            offset_ns=cloud.offset_ns(),
            return_index=cloud.return_index(),
        )

    def _intensity_scale(self, sensor: str, cloud: PointCloud, quarantine: Quarantine) -> float:
        """The first sweep decides; a later sweep can only raise it, and then that is noted."""
        scale = self._scales.get(sensor)
        if scale is None or (cloud.intensity_scale() > scale):
            new = cloud.intensity_scale()
            if scale is not None:
                quarantine.note(f"{sensor}: intensity scale rose from {scale:g} to {new:g} within the drive")
            self._scales[sensor] = scale = new
        return scale

    def _image(self, message: McapMessage, stamped: ros.Stamped) -> Iterator[RowsRecord]:
        sensor = self._rig.sensor(message.channel.topic, stamped.frame, "pinhole")
        row = {"timestamp_ns": stamped.timestamp_ns or message.log_time_ns, "sensor": sensor, **stamped.row}
        yield RowsRecord("camera", sensor, {name: [value] for name, value in row.items()})

    def _fix(self, message: McapMessage, quarantine: Quarantine) -> Iterator[RowsRecord]:
        stamped = ros.read_navsatfix(message.data)
        lat, lon = stamped.row["lat_deg"], stamped.row["lon_deg"]
        good = abs(lat) <= 90 and abs(lon) <= 180 and (lat, lon) != (0.0, 0.0) and stamped.row["fix_type"] >= 0
        if self._lon_lat is None and good:
            self._lon_lat = (lon, lat)
        yield from self._single(message, "gnss", "gnss", stamped, quarantine)

    def _pose(
        self, message: McapMessage, stamped: ros.Stamped, child: str, pose: SE3, source: str, quarantine: Quarantine
    ) -> Iterator[RowsRecord]:
        """A pose of the car's origin: the child frame's offset from it is taken out where it is known."""
        ego_SE3_child = self._rig.ego_SE3(child) if child else None
        if ego_SE3_child is not None:
            pose = pose @ ego_SE3_child.inverse()
        epsg = _EPSG.fullmatch(stamped.frame)
        row = {
            **dict(zip(("tx_m", "ty_m", "tz_m"), pose.translation_m.tolist())),
            **dict(zip(("qw", "qx", "qy", "qz"), pose.quaternion_wxyz().tolist())),
            "frame": f"EPSG:{epsg.group(1)}" if epsg else "local",
            "source": source,
        }
        moved = ros.Stamped(stamped.timestamp_ns, "", row)
        yield from self._single(message, "poses", "", moved, quarantine, f"poses of {source}")
        if stamped.row:
            yield from self._vehicle(message, ros.Stamped(stamped.timestamp_ns, "", stamped.row), weak=True)

    def _vehicle(self, message: McapMessage, stamped: ros.Stamped, weak: bool = False) -> Iterator[RowsRecord]:
        """weak: from odometry, used only while no vehicle topic has spoken."""
        if not stamped.row:
            return
        if weak and any(key[0] == "vehicle" and key[1] != message.channel.topic for key in self._batches):
            return
        self._wheels.see(stamped.row)
        measured = self._wheels.to_mps(stamped.row)
        row: dict[str, Any] = {"timestamp_ns": stamped.timestamp_ns or message.log_time_ns}
        row.update({name: measured.get(name, ros.NAN) for name in ros.VEHICLE_COLUMNS})
        yield from self._add("vehicle", message.channel.topic, row)

    def _radar_scan(self, message: McapMessage) -> Iterator[RowsRecord]:
        stamp_ns, frame, values = ros.read_radar_scan(message.data)
        distance, azimuth, elevation = values[:, 0], values[:, 1], values[:, 2]
        flat = distance * np.cos(elevation)
        xyz = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), distance * np.sin(elevation)])
        yield self._radar_rows(message, stamp_ns, frame, xyz, values[:, 3], values[:, 4])

    def _radar_cloud(self, message: McapMessage, cloud: PointCloud) -> Iterator[RowsRecord]:
        velocity, rcs = cloud.radar_columns()
        yield self._radar_rows(message, cloud.timestamp_ns, cloud.frame, cloud.xyz(), velocity, rcs)

    def _radar_rows(
        self, message: McapMessage, stamp_ns: int, frame: str, xyz: Any, velocity: Any, rcs: Any
    ) -> RowsRecord:
        sensor = self._rig.sensor(message.channel.topic, frame, "radar")
        place = self._rig.ego_SE3(frame)
        x, y, z = xyz if place is None else place.transform(xyz.T).T
        count = len(velocity)
        columns = {
            "timestamp_ns": np.full(count, stamp_ns or message.log_time_ns, dtype=np.int64),
            "sensor": [sensor] * count,
            "x_m": np.asarray(x, np.float32),
            "y_m": np.asarray(y, np.float32),
            "z_m": np.asarray(z, np.float32),
            "radial_velocity_mps": velocity,
            "rcs_dbsm": rcs,
        }
        return RowsRecord("radar", sensor, columns)

    def _single(
        self,
        message: McapMessage,
        table: str,
        model: str,
        stamped: ros.Stamped,
        quarantine: Quarantine,
        slot: str = "",
    ) -> Iterator[RowsRecord]:
        """Tables without a sensor column take one topic; a second one would mix two instruments."""
        topic = message.channel.topic
        chosen = self._single_source.setdefault(slot or table, topic)
        if chosen != topic:
            quarantine.add(table, f"second source (topic {topic}; {chosen} is used)")
            return
        if model:
            self._rig.sensor(message.channel.topic, stamped.frame, model)
        row = {"timestamp_ns": stamped.timestamp_ns or message.log_time_ns, **stamped.row}
        yield from self._add(table, topic, row)

    def _add(self, table: str, topic: str, row: dict[str, Any]) -> Iterator[RowsRecord]:
        batch = self._batches.setdefault((table, topic), _Batch(table, topic))
        batch.add(row)
        if batch.rows >= BATCH_ROWS:
            yield from self._flush(batch)

    def _flush(self, batch: _Batch) -> Iterator[RowsRecord]:
        if batch.rows:
            columns, batch.columns, batch.rows = batch.columns, {}, 0
            yield RowsRecord(batch.table, batch.stream, columns)

    def _read_transforms(self, quarantine: Quarantine) -> None:
        """Reads /tf_static ahead of all else, from its own chunks where the file has an index."""
        topics = frozenset(t for t in self._file.topics_of(TF_SCHEMA) if "static" in t)
        chunks = self._file.chunks_of(topics) if topics else None
        ignored, wanted = Quarantine(), frozenset({TF_SCHEMA})
        messages = (
            self._file.messages(ignored, wanted)
            if chunks is None
            else self._file.messages_of_chunks(chunks, ignored, wanted)
        )
        for message in messages:
            if "static" not in message.channel.topic or message.channel.encoding != "cdr":
                continue
            try:
                transforms = ros.read_transforms(message.data)
            except LogError as error:
                self._count_bad(message, error, quarantine)
                continue
            for transform in transforms:
                self._rig.add_transform(transform, quarantine)

    def _refuse(self, quarantine: Quarantine) -> NoReturn:
        for encoding, topic in sorted(self._foreign.items()):
            raise LogError(
                f"{self._path}: topic {topic} is encoded as '{encoding}'; only ROS 2 messages ('cdr') can be read, "
                "convert the log"
            )
        raise LogError(f"{self._path}: no readable message; {quarantine.counts() or 'it holds none'}")

    def _count_bad(self, message: McapMessage, error: LogError, quarantine: Quarantine) -> None:
        reason = f"unreadable message on {message.channel.topic}"
        quarantine.add("log", reason, offset_bytes=message.offset_bytes)
        quarantine.note(f"{reason}: {error}")
