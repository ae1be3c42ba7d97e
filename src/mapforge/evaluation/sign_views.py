"""Which signs and lights the cameras of simulated drives really saw, and from how near."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.simulation import navigation
from mapforge.simulation.config import SimulationConfig
from mapforge.simulation.fleet import car_sensors
from mapforge.simulation.plate_pictures import visible_plates
from mapforge.simulation.record import Stage, build_stage
from mapforge.simulation.world import SignPlate
from mapforge.simulation.worlds import make_plans, make_world

Float = NDArray[np.float64]

SLACK_M = 0.08
LEAST_EDGE_PX = 8.0
"""Faces that look smaller are not in view."""


def seen_from_m(config: SimulationConfig, drives: list[str]) -> list[tuple[Float, float]]:
    """Centre (3,) of every face that some camera saw whole and unhidden, and the least range it was seen from.

    The world is made again from its settings, so that what hides a sign is known exactly.
    """
    world = make_world(config)
    nearest: dict[tuple[float, ...], float] = {}
    for plan in make_plans(world, config):
        if plan.drive_id in drives:
            for centre, range_m in _seen(build_stage(world, plan, car_sensors(config, plan.seed))):
                nearest[centre] = min(range_m, nearest.get(centre, np.inf))
    return [(np.array(centre), range_m) for centre, range_m in sorted(nearest.items())]


def _seen(stage: Stage) -> list[tuple[tuple[float, ...], float]]:
    found = []
    for time_ns in navigation.sample_times(stage.trajectory, stage.sensors.camera.rate_hz).tolist():
        stage.scene.set_time(stage.elapsed_s(time_ns))
        for camera in stage.rig.cameras:
            map_SE3_cam = stage.trajectory.pose_at(time_ns) @ stage.rig.mounts[camera]
            eye = map_SE3_cam.translation_m
            for view in visible_plates(stage.plates, map_SE3_cam, stage.rig.pinhole):
                wide, high = (view.columns[1] - view.columns[0], view.rows[1] - view.rows[0])
                if max(wide, high) >= LEAST_EDGE_PX and _is_open(stage, view.plate, eye):
                    centre = tuple(float(v) for v in view.plate.centre_m)
                    found.append((centre, float(np.linalg.norm(np.array(centre) - eye))))
    return found


def _is_open(stage: Stage, plate: SignPlate, eye_map: Float) -> bool:
    """Whether nothing stands before the middle of a face."""
    towards = np.asarray(plate.centre_m) - eye_map
    distance = float(np.linalg.norm(towards))
    ray = np.concatenate([eye_map, towards / distance])[None].astype(np.float32)
    return bool(stage.scene.cast(ray).range_m[0] > distance - SLACK_M)
