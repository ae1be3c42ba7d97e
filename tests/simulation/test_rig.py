import numpy as np
import pytest

from mapforge.simulation.config import CameraConfig, RadarConfig, SensorConfig
from mapforge.simulation.rig import CAMERA_YAWS_DEG, GNSS, IMU, LIDAR, RADAR, Pinhole, build_rig


def test_rays_project_back_to_their_pixels() -> None:
    pinhole = Pinhole.with_field_of_view(64, 40, 80.0)
    pixels = pinhole.project(pinhole.directions().astype(float) * 7.0)
    u, v = np.meshgrid(np.arange(64), np.arange(40))
    assert np.allclose(pixels, np.stack([u, v], axis=-1).reshape(-1, 2), atol=1e-4)
    edge = pinhole.directions()[20 * 64]
    assert np.degrees(np.arctan2(-edge[0], edge[2])) == pytest.approx(40.0, abs=0.7)


def test_optical_axes_look_where_the_cameras_point() -> None:
    rig = build_rig(SensorConfig(), 5)
    for name, yaw_deg in CAMERA_YAWS_DEG.items():
        forward, down = rig.mounts[name].rotation[:, 2], rig.mounts[name].rotation[:, 1]
        assert np.degrees(np.arctan2(forward[1], forward[0])) == pytest.approx(yaw_deg, abs=2.5)
        assert down[2] < -0.99


def test_cars_differ_a_little_and_each_is_the_same_every_time() -> None:
    rigs = [build_rig(SensorConfig(), seed) for seed in (1, 1, 2)]
    heights = [rig.mounts[LIDAR].translation_m[2] for rig in rigs]
    assert heights[0] == heights[1] != heights[2]
    assert abs(heights[0] - 1.85) < 0.2


def test_sensors_left_out_leave_the_others_where_they_were() -> None:
    full = build_rig(SensorConfig(), 5)
    bare = build_rig(SensorConfig(camera=CameraConfig(enabled=False), radar=RadarConfig(enabled=False)), 5)
    assert list(bare.mounts) == [LIDAR, GNSS, IMU] and RADAR in full.mounts
    assert np.array_equal(full.mounts[GNSS].translation_m, bare.mounts[GNSS].translation_m)
