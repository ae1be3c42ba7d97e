from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory

from mapforge.simulation.config import CameraConfig, LidarConfig, RadarConfig, SensorConfig
from mapforge.simulation.lidar import RETURN
from mapforge.simulation.record import record_drive
from mapforge.simulation.world import DrivePlan, World

SMALL = SensorConfig(lidar=LidarConfig(columns=128, beams=16), camera=CameraConfig(width_px=160, height_px=100))
TOPICS = {
    "/tf_static": 1,
    "/lidar_top": 10,
    "/radar_front": 10,
    "/imu": 101,
    "/odometry": 51,
    "/vehicle/twist": 51,
    "/vehicle/steering": 51,
    "/vehicle/wheels": 51,
} | {f"/cam_{side}/{kind}": 2 for side in ("front", "left", "right") for kind in ("camera_info", "image/compressed")}


@pytest.fixture(scope="module")
def log(flat_world: World, straight_plan: DrivePlan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a, folder")
    record_drive(flat_world, straight_plan, SMALL, folder / "drive.mcap", folder / "tmp")
    return folder / "drive.mcap"


def _messages(path: Path) -> dict[str, list[tuple[int, SimpleNamespace]]]:
    found = defaultdict(list)
    with path.open("rb") as stream:
        reader = make_reader(stream, decoder_factories=[DecoderFactory()])
        for _, channel, message, decoded in reader.iter_decoded_messages(log_time_order=False):
            found[channel.topic].append((message.log_time, decoded))
    return found


def test_every_topic_is_there_and_decodes(log: Path) -> None:
    messages = _messages(log)
    counts = {topic: len(found) for topic, found in messages.items()}
    assert 1 <= counts.pop("/gnss/fix") <= 5
    assert counts == TOPICS


def test_messages_lie_in_the_order_of_their_log_times(log: Path) -> None:
    with log.open("rb") as stream:
        times = [message.log_time for _, _, message in make_reader(stream).iter_messages(log_time_order=False)]
    assert times == sorted(times)


def test_stamps_rise_within_a_topic(log: Path) -> None:
    for topic, found in _messages(log).items():
        if topic == "/tf_static":
            continue
        stamps = [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for _, m in found]
        assert stamps == sorted(set(stamps)), topic


def test_a_cloud_reads_back(log: Path, straight_plan: DrivePlan) -> None:
    logged_ns, cloud = _messages(log)["/lidar_top"][3]
    assert [field.name for field in cloud.fields] == ["x", "y", "z", "intensity", "t", "ring"]
    points = np.frombuffer(bytes(cloud.data), dtype=RETURN)
    assert len(points) == cloud.width > 500 and cloud.header.frame_id == "lidar_top"
    assert np.isfinite(points["x"]).all() and points["t"].max() < 1e8 and points["ring"].max() < 16
    start_ns = cloud.header.stamp.sec * 10**9 + cloud.header.stamp.nanosec
    assert start_ns == straight_plan.timestamps_ns[0] + 3 * 10**8 and logged_ns == start_ns + 10**8


def test_calibration_names_every_sensor_once(log: Path) -> None:
    transforms = _messages(log)["/tf_static"][0][1].transforms
    assert {t.header.frame_id for t in transforms} == {"ego"}
    frames = [t.child_frame_id for t in transforms]
    assert sorted(frames) == ["cam_front", "cam_left", "cam_right", "gnss", "imu", "lidar_top", "radar_front"]
    info = _messages(log)["/cam_front/camera_info"][0][1]
    assert info.k[0] == info.k[4] == pytest.approx(80 / np.tan(np.radians(40)))


def test_the_same_drive_gives_the_same_bytes(log: Path, flat_world: World, straight_plan: DrivePlan) -> None:
    again = log.parent / "again.mcap"
    record_drive(flat_world, straight_plan, SMALL, again, log.parent / "tmp")
    assert again.read_bytes() == log.read_bytes()
    other = log.parent / "other.mcap"
    record_drive(flat_world, replace(straight_plan, seed=12), SMALL, other, log.parent / "tmp")
    assert other.read_bytes() != log.read_bytes()


def test_a_fleet_without_cameras_and_radar(flat_world: World, straight_plan: DrivePlan, tmp_path: Path) -> None:
    bare = replace(SMALL, camera=CameraConfig(enabled=False), radar=RadarConfig(enabled=False))
    record_drive(flat_world, straight_plan, bare, tmp_path / "drive.mcap", tmp_path / "tmp")
    topics = set(_messages(tmp_path / "drive.mcap"))
    assert not any("cam" in topic or "radar" in topic for topic in topics) and "/lidar_top" in topics


def test_a_drive_that_fails_leaves_nothing(flat_world: World, straight_plan: DrivePlan, tmp_path: Path) -> None:
    broken = replace(straight_plan, translation_m=straight_plan.translation_m[:-5])
    with pytest.raises(ValueError):
        record_drive(flat_world, broken, SMALL, tmp_path / "drive.mcap", tmp_path / "tmp")
    assert not (tmp_path / "drive.mcap").exists() and not list((tmp_path / "tmp").glob("*"))
