"""A made-up drive over a painted, kerbed road, all the way to rasters."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

from mapforge.errors import ConfigurationError, DriveRefusedError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_writer import DriveWriter
from mapforge.io.rasters import read_raster
from mapforge.io.trajectories import TrajectoryInfo, write_trajectory
from mapforge.io.workspace import Workspace
from mapforge.rasterization.config import RasterizationConfig
from mapforge.rasterization.stage import RasterizationInputs, run
from mapforge.schemas.rasters import CAMERA_CHANNELS, LIDAR_CHANNELS

FRAME = MapFrame(32632, (500_000.0, 5_000_000.0))
START_NS = 1_700_000_000_000_000_000
STEP_NS = 100_000_000
SWEEPS = 12
CURB_Y, STRIPE_Y, PATH_Y = 56.0, 53.0, 50.0
CAR_X = 105.0
CAMERA_AXES = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """East along y = 50 through x = 95, the border of two tiles, at 5 m/s; the ego origin 0.3 m above ground."""
    workspace = Workspace(tmp_path_factory.mktemp("a workspace, with = signs"))
    trajectory = _trajectory()
    rng = np.random.default_rng(4)
    with DriveWriter(workspace, "drive") as writer:
        for k in range(SWEEPS):
            _write_sweep(writer, trajectory, START_NS + k * STEP_NS, k, rng)
        writer.add_rows("camera", _frames())
        writer.add_rows("calibration", _calibration())
        writer.finish(source_format="test", source_sha256="0" * 64)
    info = TrajectoryInfo(FRAME, "test", "drive", True, "t")
    sigma = np.full(len(trajectory.timestamps_ns), 0.1)
    write_trajectory(trajectory, sigma, info, workspace.trajectory("drive"), workspace.tmp)
    return workspace


def _trajectory() -> Trajectory:
    times = START_NS + np.arange(-2, SWEEPS + 2, dtype=np.int64) * STEP_NS
    x = 95.0 + 5.0 * (times - START_NS) * 1e-9
    translation = np.column_stack([x, np.full(len(x), PATH_Y), np.full(len(x), 100.3)])
    return Trajectory(times, translation, np.tile([1.0, 0, 0, 0], (len(x), 1)), np.full(len(x), 0.1))


def _write_sweep(writer: DriveWriter, trajectory: Trajectory, now: int, k: int, rng: np.random.Generator) -> None:
    """Ground with a kerb and a bright stripe, a wall, and a car that is there in sweep 3 only; with motion skew."""
    ground = rng.uniform((65, 30, 100), (140, 62, 100), (60_000, 3))
    ground[:, 2] += np.where(ground[:, 1] > CURB_Y, 0.15, 0.0)
    wall = rng.uniform((65, 61.9, 100.15), (140, 62, 104), (5000, 3))
    car = rng.uniform((CAR_X, 45.5, 100.3), (CAR_X + 4, 47.5, 101.5), (4000 if k == 3 else 0, 3))
    points = np.concatenate([ground, wall, car])
    intensity = np.where(np.abs(points[:, 1] - STRIPE_Y) < 0.1, 0.6, 0.2)
    offset = rng.integers(0, STEP_NS, len(points)).astype(np.int32)
    _, translation = trajectory.poses_at(now + offset.astype(np.int64))
    xyz = points - translation
    near = np.hypot(xyz[:, 0], xyz[:, 1]) < 30
    ring = rng.integers(0, 32, len(points)).astype(np.int16)
    writer.add_sweep(now, "lidar", xyz[near], intensity[near], ring=ring[near], offset_ns=offset[near])


def _frames() -> dict[str, object]:
    picture = io.BytesIO()
    Image.fromarray(np.full((60, 80, 3), (200, 100, 50), np.uint8)).save(picture, "PNG")
    times = START_NS + np.arange(0, SWEEPS, 5, dtype=np.int64) * STEP_NS
    count = len(times)
    columns = {"timestamp_ns": times, "sensor": ["cam"] * count, "image": [picture.getvalue()] * count}
    return {**columns, "encoding": ["png"] * count, "width_px": [80] * count, "height_px": [60] * count}


def _calibration() -> dict[str, object]:
    x, y, z, w = Rotation.from_matrix(CAMERA_AXES).as_quat()
    pose = {"tx_m": [0.0], "ty_m": [0.0], "tz_m": [1.2], "qw": [w], "qx": [x], "qy": [y], "qz": [z]}
    optics = {"intrinsics": [[60.0, 60.0, 40.0, 30.0]], "distortion": [[]], "model": ["pinhole"]}
    return {"sensor": ["cam"], **pose, **optics, "width_px": [80], "height_px": [60]}


def _run(workspace: Workspace, tiles: list[TileId] | None = None, config: RasterizationConfig | None = None) -> list:
    inputs = RasterizationInputs(workspace, "drive", FRAME, tiles, "fp", device="cpu")
    return run(inputs, config or RasterizationConfig())


@pytest.fixture(scope="module")
def tiles(workspace: Workspace) -> list[TileId]:
    return _run(workspace)


def _rows(y_m: float) -> int:
    return int(y_m / 0.1)


def test_all_channels_of_both_tiles(workspace: Workspace, tiles: list[TileId]) -> None:
    assert tiles == [TileId(32632, 5000, 50000), TileId(32632, 5001, 50000)]
    for tile in tiles:
        raster = read_raster(workspace.raster(tile, "drive"))
        assert set(raster.channels) == {*LIDAR_CHANNELS, *CAMERA_CHANNELS}
        assert raster.metadata == {"fingerprint": "fp", "drive_id": "drive"}
        assert raster.channels["sweeps"].max() <= SWEEPS


def test_paint_is_three_times_the_road(workspace: Workspace, tiles: list[TileId]) -> None:
    channels = read_raster(workspace.raster(tiles[1], "drive")).channels
    near = channels["surface_hits"][:, :120] > 2
    intensity = channels["intensity_mean"][:, :120].astype(float)
    road = intensity[_rows(47) : _rows(49)][near[_rows(47) : _rows(49)]]
    paint = intensity[_rows(STRIPE_Y)][near[_rows(STRIPE_Y)]]
    beside = intensity[_rows(STRIPE_Y) + 3][near[_rows(STRIPE_Y) + 3]]
    assert np.median(road) == pytest.approx(1.0, abs=0.1)
    assert np.median(paint) == pytest.approx(3.0, abs=0.3)
    assert np.median(beside) == pytest.approx(1.0, abs=0.1)


def test_curb_is_a_step_on_firm_ground(workspace: Workspace, tiles: list[TileId]) -> None:
    channels = read_raster(workspace.raster(tiles[1], "drive")).channels
    hit = channels["surface_hits"][:, :100] > 0
    height = np.where(hit, channels["height_mean_m"][:, :100], np.nan)
    below, above = height[_rows(CURB_Y) - 3], height[_rows(CURB_Y) + 2]
    assert np.nanmedian(above) - np.nanmedian(below) == pytest.approx(0.15, abs=0.03)
    ground = channels["ground_z_m"][_rows(45) : _rows(49), :100]
    assert np.abs(ground - 100.0).max() < 0.02


def test_walls_stand_and_what_passed_does_not(workspace: Workspace, tiles: list[TileId]) -> None:
    channels = read_raster(workspace.raster(tiles[1], "drive")).channels
    ratio = channels["obstacle_ratio"][:, :100]
    assert np.median(ratio[_rows(61.95)]) > 0.6
    passed = ratio[_rows(46) : _rows(47), 60:85]
    seen = channels["sweeps"][_rows(46) : _rows(47), 60:85] > 4
    assert np.median(passed[seen]) < 0.35
    assert channels["height_max_m"][_rows(46) : _rows(47), 60:85].max() <= 0.3


def test_ground_takes_the_colour_of_the_frames(workspace: Workspace, tiles: list[TileId]) -> None:
    channels = read_raster(workspace.raster(tiles[1], "drive")).channels
    seen = channels["camera_hits"] > 0
    assert seen.sum() > 1000
    assert {name: int(np.median(channels[name][seen])) for name in ("red", "green", "blue")} == {
        "red": 200,
        "green": 100,
        "blue": 50,
    }
    assert not channels["red"][~seen].any()


def test_same_bytes_again_and_for_one_tile_alone_and_with_spilling(workspace: Workspace, tiles: list[TileId]) -> None:
    first = [workspace.raster(tile, "drive").read_bytes() for tile in tiles]
    assert _run(workspace, tiles[:1]) == tiles[:1]
    assert workspace.raster(tiles[0], "drive").read_bytes() == first[0]
    _run(workspace, config=RasterizationConfig(max_open_tiles=1))
    assert [workspace.raster(tile, "drive").read_bytes() for tile in tiles] == first
    assert not list(Path(workspace.tmp).iterdir())


def test_refusals(workspace: Workspace, tmp_path: Path) -> None:
    other = Workspace(tmp_path)
    (tmp_path / "drives").symlink_to(workspace.root / "drives")
    late = _trajectory()
    moved = Trajectory(late.timestamps_ns + 3600 * 10**9, late.translation_m, late.quaternion_wxyz, late.sigma_xy_m)
    info = TrajectoryInfo(FRAME, "test", "drive", True, "t")
    write_trajectory(moved, np.zeros(len(moved.sigma_xy_m)), info, other.trajectory("drive"), other.tmp)
    with pytest.raises(DriveRefusedError, match="covers none"):
        _run(other)
    with pytest.raises(ConfigurationError, match="reach_m"):
        RasterizationConfig(reach_m=1.0)
    with pytest.raises(ConfigurationError, match="resolution_m"):
        RasterizationConfig(resolution_m=0.3)
