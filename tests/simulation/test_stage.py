import json
from pathlib import Path

import pytest

from mapforge.io.elements import read_elements
from mapforge.simulation import stage
from mapforge.simulation.config import SensorConfig, SimulationConfig, TownConfig
from mapforge.simulation.stage import SimulationInputs, run
from mapforge.simulation.world import DrivePlan, World


def small(**changes: object) -> SimulationConfig:
    config = SimulationConfig(drives=2, duration_s=1.0, seed=3, town=TownConfig(blocks_north=1, moving_vehicles=2))
    config.sensors.camera.enabled = False
    config.sensors.lidar.beams, config.sensors.lidar.columns = 8, 128
    for name, value in changes.items():
        setattr(config, name, value)
    return config


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replaces the sensors: a drive's log is its id."""
    calls: list[str] = []

    def record(world: World, plan: DrivePlan, sensors: SensorConfig, target: Path, tmp: Path) -> None:
        calls.append(plan.drive_id)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(plan.drive_id)

    monkeypatch.setattr(stage, "record_drive", record)
    return calls


def test_a_finished_drive_is_not_recorded_again(tmp_path: Path, recorded: list[str]) -> None:
    seen: list[tuple[int, int, str]] = []
    first = run(SimulationInputs(tmp_path, workers=1), small(), lambda *step: seen.append(step))
    assert recorded == ["town-3-00", "town-3-01"] == list(first.recorded)
    assert seen == [(1, 2, "town-3-00"), (2, 2, "town-3-01")]
    assert run(SimulationInputs(tmp_path, workers=1), small()).recorded == ()
    first.logs[1].write_text("torn")
    assert run(SimulationInputs(tmp_path, workers=1), small()).recorded == ("town-3-01",)
    assert len(run(SimulationInputs(tmp_path, workers=1), small(seed=4)).recorded) == 2


def test_truth_and_description_lie_beside_the_logs(tmp_path: Path, recorded: list[str]) -> None:
    result = run(SimulationInputs(tmp_path, workers=1), small())
    elements, _ = read_elements(result.truth_map)
    assert len(elements) > 20 and all(path.exists() for path in result.trajectories)
    description = json.loads((tmp_path / "world.json").read_text())
    assert description["drives"] == ["town-3-00", "town-3-01"] and (tmp_path / "world.png").exists()
    assert not list((tmp_path / "tmp").iterdir())


def test_the_number_of_workers_changes_no_byte(tmp_path: Path) -> None:
    one = run(SimulationInputs(tmp_path / "one", workers=1), small())
    two = run(SimulationInputs(tmp_path / "two, with = signs", workers=2), small())
    for name in ("world.json", "world.png", "truth/map.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two, with = signs" / name).read_bytes()
    for a, b in zip(one.logs + one.trajectories, two.logs + two.trajectories):
        assert a.read_bytes() == b.read_bytes(), a.name
