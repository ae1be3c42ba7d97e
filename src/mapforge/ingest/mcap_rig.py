"""What an MCAP log's sensors are called and where they sit on the car."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mapforge.errors import DriveRefusedError
from mapforge.geometry.se3 import SE3
from mapforge.ingest.calibration import calibration_columns
from mapforge.ingest.checks import require_calibration, rotation_from_quaternion
from mapforge.ingest.quarantine import Quarantine
from mapforge.ingest.records import RowsRecord
from mapforge.ingest.ros_messages import CameraModel, FrameTransform
from mapforge.ingest.static_transforms import StaticTransforms


class McapRig:
    """Collects transforms and cameras, names sensors as they appear. where: the log, for messages."""

    def __init__(self, where: str, max_lever_m: float) -> None:
        self._where = where
        self._max_lever_m = max_lever_m
        self._transforms = StaticTransforms()
        self._names: dict[tuple[str, str], str] = {}
        self._sensors: dict[str, tuple[str, str]] = {}
        self._lidar_places: dict[str, SE3] = {}
        self._cameras: dict[str, CameraModel] = {}

    def ego_SE3(self, frame: str) -> SE3 | None:
        return self._transforms.ego_SE3(frame)

    def sensor(self, topic: str, frame: str, model: str) -> str:
        """A sensor's name: its frame, or its topic where it has none or another topic of that frame came first.

        model: pinhole, lidar, radar, gnss or imu.
        """
        if (model, topic) not in self._names:
            name = _safe(frame)
            if not name or name in self._sensors:
                name = _safe(topic)
            self._names[model, topic] = name
            self._sensors[name] = (frame, model)
        return self._names[model, topic]

    def lidar_place(self, frame: str, quarantine: Quarantine) -> SE3:
        """`ego_SE3_lidar`; identity, with a note, where the log has no fixed transform to it.

        Raises DriveRefusedError when the log's transform cannot be true.
        """
        if frame not in self._lidar_places:
            place = self.ego_SE3(frame)
            if place is None:
                quarantine.note(f"no transform from the car to lidar '{frame}': taken to be the car's own frame")
                place = SE3.identity()
            require_calibration(place, frame, self._max_lever_m, self._where)
            self._lidar_places[frame] = place
        return self._lidar_places[frame]

    def add_camera(self, camera: CameraModel) -> None:
        """The first word on a camera counts."""
        self._cameras.setdefault(camera.frame, camera)

    def add_transform(self, transform: FrameTransform, quarantine: Quarantine) -> None:
        where = f"transform {transform.parent} to {transform.child}"
        try:
            place = rotation_from_quaternion(transform.wxyz, transform.translation_m, where)
        except DriveRefusedError as error:
            quarantine.add("calibration", "transform with a quaternion of wrong length")
            quarantine.note(str(error))
            return
        self._transforms.add(transform.parent, transform.child, place)

    def calibration(self, quarantine: Quarantine) -> Iterator[RowsRecord]:
        """Rows of all sensors that were named and whose place is known, sorted by name."""
        for name, (frame, model) in sorted(self._sensors.items()):
            place = self._lidar_places.get(frame) or self.ego_SE3(frame)
            if place is None:
                quarantine.note(f"no transform from the car to {model} '{frame}': it is not calibrated")
                continue
            try:
                require_calibration(place, name, self._max_lever_m, "transforms")
            except DriveRefusedError as error:
                quarantine.add("calibration", f"sensor {name}")
                quarantine.note(str(error))
                continue
            camera = self._cameras.get(frame) if model == "pinhole" else None
            if model == "pinhole" and camera is None:
                quarantine.note(f"camera '{name}' has no CameraInfo: its pictures cannot be placed")
            yield RowsRecord("calibration", name, calibration_columns(name, model, place, camera))


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower()
