"""A drive that meets an oncoming vehicle beside a parked one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mapforge.errors import ConfigurationError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_writer import DriveWriter
from mapforge.io.parquet import read_metadata, read_table
from mapforge.io.trajectories import TrajectoryInfo, write_trajectory
from mapforge.io.workspace import Workspace
from mapforge.lane_graph.traffic import read_traffic
from mapforge.perception import traffic
from mapforge.perception.config import PerceptionConfig
from mapforge.perception.traffic_config import TrafficConfig
from mapforge.schemas.traffic import TRAFFIC

FRAME = MapFrame(32617, (586000.0, 4475000.0))
START_NS = 1_700_000_000_000_000_000
ROAD_Z, ONCOMING_Y = 300.0, 53.5
EVERYWHERE = (-1e4, -1e4, 1e4, 1e4)


def box(x: float, y: float) -> np.ndarray:
    """Returns of the sides of a car."""
    u, v = np.meshgrid(np.linspace(-2.2, 2.2, 30), np.linspace(0.6, 1.4, 4))
    sides = [np.column_stack([x + u.ravel(), np.full(u.size, y + side), ROAD_Z + v.ravel()]) for side in (-0.9, 0.9)]
    return np.concatenate(sides)


@pytest.fixture(scope="module", params=[6.0, 30.0], ids=["one window", "several windows"])
def workspace(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Workspace:
    """A car at 8 m/s towards the east; another comes every 6 s at 10 m/s in the lane to the left."""
    seconds = request.param
    own = Workspace(tmp_path_factory.mktemp("traffic"))
    times = START_NS + np.arange(0, round(seconds * 1e9) + 1, 100_000_000, dtype=np.int64)
    x = 100.0 + 8.0 * (times - START_NS) * 1e-9
    xyz = np.column_stack([x, np.full_like(x, 50.0), np.full_like(x, ROAD_Z)])
    path = Trajectory(times, xyz, np.tile((1.0, 0.0, 0.0, 0.0), (len(x), 1)), np.full(len(x), 0.02))
    ahead, aside = np.meshgrid(np.arange(-29.6, 29.6, 0.4), np.arange(-8.0, 8.0, 0.4))
    with DriveWriter(own, "drive") as writer:
        for k, time in enumerate(times.tolist()):
            ground = np.column_stack([x[k] + ahead.ravel(), 50.0 + aside.ravel(), np.full(ahead.size, ROAD_Z)])
            parked = [box(place, 46.5) for place in np.arange(90.0, x[-1] + 40.0, 17.0)]
            met_s = 3.0 + 6.0 * np.arange(int(seconds // 6))
            oncoming = [box(100.0 + 8.0 * met - 10.0 * (0.1 * k - met), ONCOMING_Y) for met in met_s]
            scene = np.concatenate([ground, *parked, *oncoming])
            near = (np.abs(scene[:, 0] - x[k]) < 35.0) & ~_hidden(scene, parked + oncoming)
            writer.add_sweep(time, "lidar_top", scene[near] - xyz[k], np.full(near.sum(), 0.5))
        writer.finish("test", "0" * 64)
    info = TrajectoryInfo(FRAME, "test", "drive", True, "f")
    write_trajectory(path, np.full(len(times), 0.03), info, own.trajectory("drive"), own.tmp)
    return own


def _hidden(scene: np.ndarray, cars: list[np.ndarray]) -> np.ndarray:
    """Road below a car returns nothing."""
    on_road = scene[:, 2] == ROAD_Z
    under = np.zeros(len(scene), dtype=bool)
    for car in cars:
        low, high = car[:, :2].min(axis=0), car[:, :2].max(axis=0)
        under |= ((scene[:, :2] > low) & (scene[:, :2] < high)).all(axis=1)
    return on_road & under


def run(workspace: Workspace, config: TrafficConfig | None = None) -> None:
    inputs = traffic.TrafficInputs(workspace, "drive", FRAME, "print")
    traffic.run(inputs, PerceptionConfig(traffic=config or TrafficConfig()))


def test_an_oncoming_vehicle_is_seen_and_parked_ones_are_not(workspace: Workspace) -> None:
    run(workspace)
    assert read_metadata(workspace.traffic("drive"))["fingerprint"] == "print"
    table = read_table(workspace.traffic("drive"), TRAFFIC)
    seen = read_traffic(workspace, "drive", FRAME, EVERYWHERE)
    assert len(seen.xy_m) == table.num_rows > 20
    assert np.abs(seen.xy_m[:, 1] - ONCOMING_Y).max() < 2.0
    assert (seen.heading[:, 0] < -0.8).mean() > 0.95
    assert np.median(table["speed_mps"].to_numpy()) == pytest.approx(10.0, rel=0.2)
    np.testing.assert_allclose(table["z_m"].to_numpy(), ROAD_Z, atol=1e-3)


def test_windows_do_not_count_a_passage_twice(workspace: Workspace) -> None:
    run(workspace, TrafficConfig(window_s=100.0))
    whole = read_table(workspace.traffic("drive"), TRAFFIC)
    run(workspace)
    table = read_table(workspace.traffic("drive"), TRAFFIC)
    rows = set(zip(table["timestamp_ns"].to_pylist(), table["x_m"].to_pylist(), table["y_m"].to_pylist()))
    assert len(rows) == table.num_rows
    assert table.num_rows == pytest.approx(whole.num_rows, rel=0.15)


def test_same_drive_same_bytes(workspace: Workspace) -> None:
    run(workspace)
    before = workspace.traffic("drive").read_bytes()
    run(workspace)
    assert workspace.traffic("drive").read_bytes() == before


def test_switched_off_there_is_an_empty_table(workspace: Workspace) -> None:
    run(workspace, TrafficConfig(enabled=False))
    assert read_table(workspace.traffic("drive"), TRAFFIC).num_rows == 0
    assert len(read_traffic(workspace, "drive", FRAME, EVERYWHERE).xy_m) == 0


def test_a_drive_that_was_not_looked_at_says_nothing(tmp_path: Path) -> None:
    assert len(read_traffic(Workspace(tmp_path), "drive", FRAME, EVERYWHERE).xy_m) == 0


@pytest.mark.parametrize("wrong", [{"overlap_s": 20.0}, {"cell_m": 0.0}, {"reach_m": 1.0}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="traffic"):
        TrafficConfig(**wrong)
