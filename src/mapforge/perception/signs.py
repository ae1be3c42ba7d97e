"""Sign and light detections of one drive: found in camera frames, placed in the map by lidar or by parallax."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from scipy.spatial import cKDTree

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.se3 import SE3
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import CameraFrame, DriveReader, SensorCalibration
from mapforge.io.parquet import write_table
from mapforge.io.trajectories import read_trajectory
from mapforge.io.workspace import Workspace
from mapforge.models.bev_segmenter import runs_bfloat16
from mapforge.models.sign_detector import (
    CLASSES,
    SPEED_LIMIT_OTHER,
    TRAFFIC_LIGHT,
    SignBoxes,
    SignDetector,
    read_sign_detector,
)
from mapforge.perception.camera_view import CameraView
from mapforge.perception.config import PerceptionConfig
from mapforge.perception.nearby_sweeps import NearbySweeps
from mapforge.perception.sign_config import SignConfig
from mapforge.perception.sign_ranging import PlacedSign, ground_z_m, place_by_lidar
from mapforge.perception.sign_triangulation import place_by_parallax
from mapforge.schemas.detections import DETECTIONS, SIGN_TYPES

PIXEL_CENTRE = 0.5
"""Boxes count from the picture's corner, intrinsics from the centre of its first pixel."""


@dataclass(frozen=True)
class SignInputs:
    """One drive. weights: of the sign detector. fingerprint: goes into the file's footer."""

    workspace: Workspace
    drive_id: str
    frame: MapFrame
    weights: Path
    device: str
    fingerprint: str


@dataclass(frozen=True, eq=False)
class Detection:
    """One box of one frame.

    box_px: (4,) x0, y0, x1, y1, in the frame's own pixels. placed: None when nothing told its range; then ground_z_m,
    the ground's height under it in the map frame, is NaN. class_shares, embedding: of the reader, see SignBoxes.
    """

    timestamp_ns: int
    view: CameraView
    sensor: str
    label: int
    score: float
    box_px: NDArray[np.float64]
    placed: PlacedSign | None
    ground_z_m: float
    class_shares: NDArray[np.float32]
    embedding: NDArray[np.float32]

    @property
    def is_light(self) -> bool:
        return CLASSES[self.label] == TRAFFIC_LIGHT


class Road:
    """The ground the car drove on, which the ground beside it is not far from."""

    def __init__(self, trajectory: Trajectory) -> None:
        self._xyz_map = trajectory.translation_m
        self._tree = cKDTree(self._xyz_map[:, :2])

    def z_near(self, xy_map: NDArray[np.float64]) -> float:
        """Height of the ego frame, which lies on the ground, where the car came nearest to (2,)."""
        return float(self._xyz_map[self._tree.query(xy_map)[1], 2])


def run(inputs: SignInputs, config: PerceptionConfig) -> pa.Table:
    """Writes the detections of a drive and returns them; a drive without cameras has an empty table."""
    reader = DriveReader(inputs.workspace.drive(inputs.drive_id))
    trajectory = read_trajectory(inputs.workspace.trajectory(inputs.drive_id), inputs.frame)
    detections = detect_drive(reader, trajectory, inputs.weights, inputs.device, config.signs)
    table = detections_to_table(detections, inputs.frame)
    metadata = {"fingerprint": inputs.fingerprint, "drive_id": inputs.drive_id}
    write_table(table, inputs.workspace.detections(inputs.drive_id), inputs.workspace.tmp, metadata)
    return table


def detect_drive(
    reader: DriveReader, trajectory: Trajectory, weights: Path, device: str, config: SignConfig
) -> list[Detection]:
    """All detections of a drive, in order of time, sensor and falling score."""
    if not config.enabled or not reader.manifest.rows("camera"):
        return []
    model = read_sign_detector(weights).to(device)
    bfloat16 = config.bf16 and runs_bfloat16(device)
    road = Road(trajectory)
    sweeps = NearbySweeps(reader, trajectory)
    found: list[Detection] = []
    for frame, view in _views(reader, trajectory, config.frame_step_m):
        boxes = _boxes_of(frame, view, model, config, bfloat16)
        if len(boxes):
            xyz_map = sweeps.around(frame.timestamp_ns, round(config.lidar_window_s * 1e9))
            found += _placed(frame, view, boxes, xyz_map, road, config)
    found.sort(key=lambda d: (d.timestamp_ns, d.sensor, -d.score, *d.box_px.tolist()))
    return _with_pose_sigma(_with_parallax(found, road, config), trajectory)


def _views(reader: DriveReader, trajectory: Trajectory, step_m: float) -> Iterator[tuple[CameraFrame, CameraView]]:
    """Frames with a known pose and a calibrated pinhole, one each `step_m` of way a camera."""
    cameras = {
        name: sensor
        for name, sensor in reader.calibration().items()
        if sensor.model == "pinhole" and len(sensor.intrinsics) == 4
    }
    last: dict[str, NDArray[np.float64]] = {}
    for frame in reader.camera_frames():
        if frame.sensor not in cameras or not trajectory.covers(np.array([frame.timestamp_ns]))[0]:
            continue
        view = _view(frame, cameras[frame.sensor], trajectory.pose_at(frame.timestamp_ns))
        eye = view.map_SE3_cam.translation_m
        if frame.sensor in last and np.linalg.norm(eye - last[frame.sensor]) < step_m:
            continue
        last[frame.sensor] = eye
        yield frame, view


def _view(frame: CameraFrame, camera: SensorCalibration, map_SE3_ego: SE3) -> CameraView:
    return CameraView(
        map_SE3_ego @ camera.ego_SE3_sensor, camera.intrinsics, camera.distortion, frame.width_px, frame.height_px
    )


def _boxes_of(
    frame: CameraFrame, view: CameraView, model: SignDetector, config: SignConfig, bfloat16: bool
) -> SignBoxes:
    """Boxes in the frame's own pixels; nothing in a picture that cannot be decoded."""
    try:
        with Image.open(io.BytesIO(frame.image)) as opened:
            picture = opened.convert("RGB")
    except (UnidentifiedImageError, OSError):
        return SignBoxes.none()
    picture = picture.crop((0, 0, picture.width, view.rows_above(math.radians(config.depression_max_deg))))
    scale = min(1.0, config.image_width_max_px / picture.width)
    if scale < 1.0:
        size = (round(picture.width * scale), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.BOX)
    boxes = model.detect(np.asarray(picture), config.score_min, config.overlap_max, bfloat16)
    return replace(boxes, boxes_px=boxes.boxes_px / np.float32(scale))


def _placed(
    frame: CameraFrame,
    view: CameraView,
    boxes: SignBoxes,
    xyz_map: NDArray[np.float64],
    road: Road,
    config: SignConfig,
) -> list[Detection]:
    """The boxes of one frame with range from the returns around its time."""
    pixels, depths_m = view.project(xyz_map)
    found = []
    for k, box in enumerate(boxes.boxes_px.astype(np.float64) - PIXEL_CENTRE):
        placed = place_by_lidar(
            view,
            box,
            xyz_map,
            pixels,
            depths_m,
            config.box_shrink,
            config.lidar_points_min,
            config.depth_gap_m,
            config.range_max_m,
        )
        ground = math.nan
        if placed is not None:
            place = placed.xyz_map[:2]
            ground = ground_z_m(xyz_map, place, config.ground_radius_m, road.z_near(place))
        found.append(
            Detection(
                frame.timestamp_ns,
                view,
                frame.sensor,
                int(boxes.labels[k]),
                float(boxes.scores[k]),
                box + PIXEL_CENTRE,
                placed,
                ground,
                boxes.class_shares[k],
                boxes.embeddings[k],
            )
        )
    return found


def _with_parallax(found: list[Detection], road: Road, config: SignConfig) -> list[Detection]:
    """Places what lidar did not, lights and signs apart, from views of several frames."""
    result = list(found)
    for lights in (False, True):
        rows = [i for i, d in enumerate(found) if d.is_light == lights and d.placed is None]
        placed = place_by_parallax(
            [found[i].view for i in rows],
            np.array([found[i].box_px - PIXEL_CENTRE for i in rows]).reshape(-1, 4),
            config.triangulation_pixel_sigma_px,
            config.triangulation_rays_min,
            config.range_max_m,
        )
        for i, sign in zip(rows, placed):
            ground = math.nan if sign is None else road.z_near(sign.xyz_map[:2])
            result[i] = replace(found[i], placed=sign, ground_z_m=ground)
    return result


def _with_pose_sigma(found: list[Detection], trajectory: Trajectory) -> list[Detection]:
    """Adds the car's own uncertainty to every position."""
    if not found:
        return found
    times = np.array([d.timestamp_ns for d in found])
    sigmas = np.interp(times, trajectory.timestamps_ns, trajectory.sigma_xy_m)
    return [
        replace(d, placed=None if d.placed is None else replace(d.placed, sigma_m=float(np.hypot(d.placed.sigma_m, s))))
        for d, s in zip(found, sigmas)
    ]


def detections_to_table(found: list[Detection], frame: MapFrame) -> pa.Table:
    """The DETECTIONS table: absolute projected metres rounded to 0.1 mm; NaN where nothing told the range."""
    nowhere = PlacedSign(np.full(3, np.nan), np.nan, np.nan, 0)
    places = [nowhere if d.placed is None else d.placed for d in found]
    xyz_map = np.array([p.xyz_map for p in places]).reshape(-1, 3)
    eyes = np.array([d.view.map_SE3_cam.translation_m for d in found]).reshape(-1, 3)
    xyz = np.round(frame.to_projected(xyz_map), 4)
    boxes = np.round(np.array([d.box_px for d in found], dtype=np.float32).reshape(-1, 4), 2)
    columns: dict[str, list[object] | NDArray] = {
        "timestamp_ns": [d.timestamp_ns for d in found],
        "sensor": [d.sensor for d in found],
        "class": ["traffic_light" if d.is_light else "traffic_sign" for d in found],
        "sign_type": [None if d.is_light else sign_type_of(d.label) for d in found],
        "score": [round(d.score, 4) for d in found],
        **dict(zip(("x0_px", "y0_px", "x1_px", "y1_px"), boxes.T)),
        **dict(zip(("x_m", "y_m", "z_m"), xyz.T)),
        "height_m": np.round(xyz_map[:, 2] - [d.ground_z_m for d in found], 3),
        "heading_rad": np.round([p.heading_rad for p in places], 4),
        "range_m": np.round(np.linalg.norm(xyz_map - eyes, axis=1), 3),
        "sigma_m": np.round([p.sigma_m for p in places], 4),
        "n_lidar": [p.n_lidar for p in places],
        "type_shares": [None if d.is_light else type_shares(d.class_shares).tolist() for d in found],
        "embedding": [np.round(d.embedding, 3).tolist() for d in found],
    }
    arrays = [pa.array(columns[field.name], type=field.type, from_pandas=False) for field in DETECTIONS]
    return pa.Table.from_arrays(arrays, schema=DETECTIONS)


def sign_type_of(label: int) -> str:
    """The contract's name of a class: a speed limit with a number it does not know is `unknown`."""
    name = CLASSES[label]
    return "unknown" if name == SPEED_LIMIT_OTHER else name


def type_shares(class_shares: NDArray[np.float32]) -> NDArray[np.float64]:
    """(len(SIGN_TYPES),) how likely each type is, given that it is a sign; rounded to 0.001."""
    shares = np.array(class_shares[: len(SIGN_TYPES)], dtype=np.float64)
    shares[SIGN_TYPES.index("unknown")] += class_shares[CLASSES.index(SPEED_LIMIT_OTHER)]
    return np.round(shares / max(float(shares.sum()), 1e-6), 3)
