"""A drive past a red plate with lidar on it and a light above lidar's reach, seen by a stand-in detector."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.se3 import SE3
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_writer import DriveWriter
from mapforge.io.parquet import read_metadata, read_table
from mapforge.io.trajectories import TrajectoryInfo, write_trajectory
from mapforge.io.workspace import Workspace
from mapforge.models.sign_detector import CLASSES, SignBoxes
from mapforge.models.sign_reader import EMBEDDING
from mapforge.perception import signs
from mapforge.perception.camera_view import CameraView
from mapforge.perception.config import PerceptionConfig
from mapforge.schemas.detections import DETECTIONS, SIGN_TYPES

FRAME = MapFrame(32617, (586000.0, 4475000.0))
START_NS = 1_700_000_000_000_000_000
SIGN, SIGN_SIDE = np.array([130.0, 54.0, 302.4]), 0.7
LIGHT, LIGHT_SIZE = np.array([135.0, 50.0, 305.5]), (0.4, 1.0)
GROUND_Z = 300.1
INTRINSICS = (600.0, 600.0, 479.5, 299.5)
EGO_SE3_CAM = SE3(np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]), np.array([1.5, 0.0, 1.5]))
COLOURS = {(255, 0, 0): "stop", (0, 255, 0): "traffic_light"}


class ColourDetector:
    """Finds pure red as a stop sign, pure green as a light."""

    def to(self, device: str) -> ColourDetector:
        return self

    def detect(self, image: np.ndarray, score_min: float, overlap_max: float, bfloat16: bool) -> SignBoxes:
        boxes, labels = [], []
        for colour, name in COLOURS.items():
            rows, columns = np.nonzero((image == colour).all(axis=2))
            if len(rows) > 20:
                boxes.append((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
                labels.append(CLASSES.index(name))
        n = len(boxes)
        shares = np.eye(len(CLASSES), dtype=np.float32)[labels]
        return SignBoxes(
            np.array(boxes, np.float32).reshape(n, 4), np.array(labels, np.int64), np.full(n, 0.9, "f4"),
            shares, np.zeros((n, EMBEDDING), np.float32),
        )  # fmt: skip


def trajectory() -> Trajectory:
    times = START_NS + np.arange(0, 3_000_000_001, 100_000_000, dtype=np.int64)
    x = 100.0 + 8.0 * (times - START_NS) * 1e-9
    xyz = np.column_stack([x, np.full_like(x, 50.0), np.full_like(x, 300.0)])
    return Trajectory(times, xyz, np.tile((1.0, 0.0, 0.0, 0.0), (len(x), 1)), np.full(len(x), 0.02))


def upright(centre: np.ndarray, width_m: float, height_m: float, n: int) -> np.ndarray:
    """(n * n, 3) points of a plate that faces west."""
    u, v = np.meshgrid(np.linspace(-0.5, 0.5, n) * width_m, np.linspace(-0.5, 0.5, n) * height_m)
    return centre + np.column_stack([np.zeros(n * n), u.ravel(), v.ravel()])


def picture(view: CameraView) -> bytes:
    image = np.full((600, 960, 3), 120, dtype=np.uint8)
    for points, colour in (
        (upright(SIGN, SIGN_SIDE, SIGN_SIDE, 2), (255, 0, 0)),
        (upright(LIGHT, *LIGHT_SIZE, 2), (0, 255, 0)),
    ):
        pixels, depth = view.project(points)
        if (depth > 1).all():
            low, high = np.round(pixels.min(axis=0)).astype(int), np.round(pixels.max(axis=0)).astype(int)
            image[max(low[1], 0) : max(high[1] + 1, 0), max(low[0], 0) : max(high[0] + 1, 0)] = colour
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="PNG")
    return stream.getvalue()


def write_drive(workspace: Workspace, cameras: bool) -> None:
    path = trajectory()
    rng = np.random.default_rng(5)
    ground = np.column_stack([rng.uniform((105, 40), (150, 60), (4000, 2)), np.full(4000, GROUND_Z)])
    scene = np.concatenate([upright(SIGN, SIGN_SIDE, SIGN_SIDE, 5), ground])
    with DriveWriter(workspace, "drive") as writer:
        for k in range(30):
            time = START_NS + k * 100_000_000
            offset = np.linspace(0, 90_000_000, len(scene)).astype(np.int32)
            rotation, place = path.poses_at(time + offset.astype(np.int64))
            xyz_ego = np.einsum("nji,nj->ni", rotation, scene - place)
            writer.add_sweep(time, "lidar_top", xyz_ego, np.full(len(scene), 0.5), offset_ns=offset)
        frames = [START_NS + k * 250_000_000 + 40_000_000 for k in range(12)] if cameras else []
        views = [CameraView(path.pose_at(t) @ EGO_SE3_CAM, INTRINSICS, (), 960, 600) for t in frames]
        images = [picture(view) for view in views]
        if frames:
            images[3] = b"not a picture"
        n = len(frames)
        writer.add_rows(
            "camera",
            {
                "timestamp_ns": frames,
                "sensor": ["cam_front"] * n,
                "image": images,
                "encoding": ["png"] * n,
                "width_px": [960] * n,
                "height_px": [600] * n,
            },
        )
        names, values = (
            ("tx_m", "ty_m", "tz_m", "qw", "qx", "qy", "qz"),
            (*EGO_SE3_CAM.translation_m, *EGO_SE3_CAM.quaternion_wxyz()),
        )
        writer.add_rows(
            "calibration",
            {
                "sensor": ["cam_front"],
                **{name: [value] for name, value in zip(names, values)},
                "intrinsics": [list(INTRINSICS)],
                "distortion": [[]],
                "model": ["pinhole"],
                "width_px": [960],
                "height_px": [600],
            },
        )
        writer.finish("test", "0" * 64)
    info = TrajectoryInfo(FRAME, "test", "drive", True, "f")
    write_trajectory(path, np.full(len(path.timestamps_ns), 0.03), info, workspace.trajectory("drive"), workspace.tmp)


def detect(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    monkeypatch.setattr(signs, "read_sign_detector", lambda path: ColourDetector())
    inputs = signs.SignInputs(workspace, "drive", FRAME, Path("none"), "cpu", "print")
    signs.run(inputs, PerceptionConfig())
    table = read_table(workspace.detections("drive"), DETECTIONS)
    assert read_metadata(workspace.detections("drive"))["fingerprint"] == "print"
    lists = ("type_shares", "embedding")
    return {name: np.array(table[name].to_pylist()) for name in table.schema.names if name not in lists}


def test_a_sign_is_placed_by_lidar_and_a_light_by_parallax(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)
    write_drive(workspace, cameras=True)
    found = detect(workspace, monkeypatch)
    truth = FRAME.to_projected(np.stack([SIGN, LIGHT]))
    for row, (name, count_min) in enumerate((("traffic_sign", 9), ("traffic_light", 9))):
        mine = (found["class"] == name) & np.isfinite(found["x_m"])
        assert mine.sum() >= count_min
        xyz = np.column_stack([found[axis][mine] for axis in ("x_m", "y_m", "z_m")])
        np.testing.assert_allclose(xyz, np.tile(truth[row], (mine.sum(), 1)), atol=0.25)
        np.testing.assert_allclose(np.median(xyz, axis=0), truth[row], atol=0.1)
        turned = np.remainder(found["heading_rad"][mine].astype(float), 2 * math.pi) - math.pi
        assert np.abs(turned).max() < 0.35
        assert (found["sigma_m"][mine] >= 0.02).all()
    sign, light = found["class"] == "traffic_sign", found["class"] == "traffic_light"
    assert set(found["sign_type"][sign]) == {"stop"} and set(found["sign_type"][light]) == {None}
    assert (found["n_lidar"][sign & np.isfinite(found["x_m"])] >= 3).all() and (found["n_lidar"][light] == 0).all()
    np.testing.assert_allclose(found["height_m"][sign & np.isfinite(found["x_m"])], SIGN[2] - GROUND_Z, atol=0.15)
    assert (np.diff(found["timestamp_ns"]) >= 0).all()


def test_same_drive_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)
    write_drive(workspace, cameras=True)
    detect(workspace, monkeypatch)
    before = workspace.detections("drive").read_bytes()
    detect(workspace, monkeypatch)
    assert workspace.detections("drive").read_bytes() == before


def test_a_drive_without_cameras_has_an_empty_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)
    write_drive(workspace, cameras=False)
    assert len(detect(workspace, monkeypatch)["class"]) == 0


def test_type_shares_are_those_of_a_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lights have none; a sign's shares are of the contract's types, and sum to one."""
    workspace = Workspace(tmp_path)
    write_drive(workspace, cameras=True)
    detect(workspace, monkeypatch)
    table = read_table(workspace.detections("drive"), DETECTIONS)
    for name, shares in zip(table["class"].to_pylist(), table["type_shares"].to_pylist()):
        if name == "traffic_light":
            assert shares is None
        else:
            assert SIGN_TYPES[int(np.argmax(shares))] == "stop"
            assert sum(shares) == pytest.approx(1.0, abs=0.01)


def test_a_number_that_is_no_type_counts_as_unknown() -> None:
    shares = np.zeros(len(CLASSES), np.float32)
    shares[[CLASSES.index("speed_limit_other"), CLASSES.index("stop")]] = (0.6, 0.4)
    found = dict(zip(SIGN_TYPES, signs.type_shares(shares)))
    assert (found["unknown"], found["stop"]) == (0.6, 0.4)
