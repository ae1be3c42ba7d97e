"""Simulated camera frames with the boxes of the signs and lights in them, for training and for scoring."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.se3 import SE3
from mapforge.io.atomic import atomic_folder
from mapforge.models.sign_detector import CLASSES
from mapforge.perception.camera_view import CameraView
from mapforge.perception.sign_config import SignConfig
from mapforge.simulation import navigation
from mapforge.simulation.camera import build_camera, photograph
from mapforge.simulation.config import SensorConfig, TownConfig
from mapforge.simulation.daylight import daylight_of
from mapforge.simulation.plate_pictures import visible_plates
from mapforge.simulation.record import Stage, build_stage
from mapforge.simulation.rig import Pinhole
from mapforge.simulation.routes import plan_drives
from mapforge.simulation.scene import plate_axes, plate_scale_m
from mapforge.simulation.sign_faces import outline
from mapforge.simulation.town import make_town
from mapforge.simulation.world import DrivePlan, SignPlate, World
from mapforge.training.places import require_training_seed

EDGE_MIN_PX = 7.0
VISIBLE_MIN = 0.5
_PIXEL_CENTRE = 0.5
_PROBES = 5
_SLACK_M = 0.08


@dataclass(frozen=True, eq=False)
class LabelledFrame:
    """One picture and what can be seen in it.

    jpeg: the encoded frame. boxes_px: (N, 4) x0, y0, x1, y1. labels: (N,) index into CLASSES. ranges_m: (N,).
    rows_px: rows from the top that a detector looks at, as in `perception/signs.py`; what lies below is road.
    """

    jpeg: bytes
    boxes_px: NDArray[np.float64]
    labels: NDArray[np.int64]
    ranges_m: NDArray[np.float64]
    rows_px: int


def write_frames(folder: Path, tmp: Path, first_seed: int, worlds: int, frames: int) -> None:
    """Fills `folder` with about `frames` pictures of `worlds` towns, nearly all with a sign in them.

    Raises LeakageError when `first_seed` is one kept for tests, demo and validation.
    """
    require_training_seed(first_seed)
    save_frames(folder, tmp, range(first_seed, first_seed + worlds), frames)


def save_frames(folder: Path, tmp: Path, seeds: range, frames: int) -> None:
    """`write_frames` for any seeds: held-out ones too, for scoring only."""
    index: list[dict[str, object]] = []
    with atomic_folder(folder, tmp) as unfinished:
        for seed in seeds:
            world = make_town(seed, TownConfig())
            plans = plan_drives(world, 2, 30.0, seed)
            for plan in plans:
                for frame in frames_of(world, plan, max(1, frames // (len(seeds) * len(plans))), seed):
                    name = f"{len(index):05d}.jpg"
                    (unfinished / name).write_bytes(frame.jpeg)
                    boxes, labels = np.round(frame.boxes_px, 2).tolist(), frame.labels.tolist()
                    ranges = np.round(frame.ranges_m, 2).tolist()
                    index.append(
                        {
                            "image": name,
                            "boxes_px": boxes,
                            "labels": labels,
                            "ranges_m": ranges,
                            "rows_px": frame.rows_px,
                        }
                    )
        (unfinished / "frames.json").write_text(json.dumps(index), encoding="utf-8")


def frames_of(world: World, plan: DrivePlan, count: int, seed: int) -> Iterator[LabelledFrame]:
    """At most `count` frames of one drive, drawn at random from those of its cameras; one in ten may show no sign."""
    sensors = SensorConfig()
    stage = build_stage(world, plan, sensors)
    rng = np.random.default_rng([seed, plan.seed])
    times = navigation.sample_times(stage.trajectory, sensors.camera.rate_hz)
    wanted = [(int(time), camera) for time in times for camera in range(len(stage.rig.cameras))]
    given = 0
    for k in rng.permutation(len(wanted)).tolist():
        time_ns, camera = wanted[k]
        map_SE3_cam = stage.trajectory.pose_at(time_ns) @ stage.rig.mounts[stage.rig.cameras[camera]]
        stage.scene.set_time(stage.elapsed_s(time_ns))
        boxes, labels, ranges = visible_boxes(stage, map_SE3_cam, stage.rig.pinhole)
        if given < count and (len(boxes) or rng.random() < 0.1):
            given += 1
            jpeg = _photograph(stage, camera, map_SE3_cam, rng)
            yield LabelledFrame(jpeg, boxes, labels, ranges, _rows_above(stage.rig.pinhole, map_SE3_cam))


def _rows_above(pinhole: Pinhole, map_SE3_cam: SE3) -> int:
    intrinsics = (pinhole.focal_px, pinhole.focal_px, *pinhole.centre_px)
    view = CameraView(map_SE3_cam, intrinsics, (), pinhole.width_px, pinhole.height_px)
    return view.rows_above(math.radians(SignConfig().depression_max_deg))


def _photograph(stage: Stage, camera: int, map_SE3_cam: SE3, rng: np.random.Generator) -> bytes:
    unit = build_camera(stage.rig.pinhole, stage.sensors.camera.jpeg_quality, stage.plan.seed, camera)
    light = daylight_of(stage.plan.seed)
    return photograph(unit, stage.scene, stage.surface, stage.plates, stage.style, light, map_SE3_cam, rng)


def visible_boxes(
    stage: Stage, map_SE3_cam: SE3, pinhole: Pinhole
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """(N, 4) boxes, (N,) labels and (N,) ranges of the faces of which at least half is seen, no smaller than 7 px."""
    boxes, labels, ranges = [], [], []
    for view in visible_plates(stage.plates, map_SE3_cam, pinhole):
        corners = _outline_map(view.plate, stage.style)
        pixels = pinhole.project(map_SE3_cam.inverse().transform(corners)) + _PIXEL_CENTRE
        box = np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])
        clipped = np.clip(box, 0, np.tile((pinhole.width_px, pinhole.height_px), 2))
        shown = np.prod(clipped[2:] - clipped[:2]) / max(np.prod(box[2:] - box[:2]), 1e-9)
        if (clipped[2:] - clipped[:2]).max() < EDGE_MIN_PX:
            continue
        if shown * _unhidden(stage, view.plate, map_SE3_cam.translation_m) < VISIBLE_MIN:
            continue
        boxes.append(clipped)
        labels.append(CLASSES.index(view.plate.sign_type))
        ranges.append(np.linalg.norm(np.asarray(view.plate.centre_m) - map_SE3_cam.translation_m))
    return np.array(boxes).reshape(-1, 4), np.array(labels, dtype=np.int64), np.array(ranges)


def _outline_map(plate: SignPlate, style: int) -> NDArray[np.float64]:
    right, up, _ = plate_axes(plate)
    shape = outline(plate.sign_type, style) * plate_scale_m(plate, style)
    return np.asarray(np.asarray(plate.centre_m) + shape[:, :1] * right + shape[:, 1:] * up)


def _unhidden(stage: Stage, plate: SignPlate, eye_map: NDArray[np.float64]) -> float:
    """Share of the plate that nothing stands before."""
    right, up, _ = plate_axes(plate)
    grid = np.linspace(-0.35, 0.35, _PROBES)
    u, v = (axis.ravel()[:, None] for axis in np.meshgrid(grid, grid))
    points = np.asarray(plate.centre_m) + u * plate.width_m * right + v * plate.height_m * up
    towards = points - eye_map
    distance = np.linalg.norm(towards, axis=1)
    rays = np.concatenate([np.broadcast_to(eye_map, points.shape), towards / distance[:, None]], axis=1)
    hits = stage.scene.cast(rays.astype(np.float32))
    return float((hits.range_m > distance - _SLACK_M).mean())
