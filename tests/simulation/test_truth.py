from pathlib import Path

import numpy as np

from mapforge.io.elements import read_elements
from mapforge.io.parquet import read_metadata, read_table
from mapforge.schemas.drive import TRAJECTORY
from mapforge.simulation.truth import write_truth_map, write_truth_trajectory
from mapforge.simulation.world import DrivePlan, World


def test_truth_round_trips(tmp_path: Path, flat_world: World) -> None:
    write_truth_map(flat_world, tmp_path / "map.parquet", tmp_path / "tmp", "f1")
    elements, frame = read_elements(tmp_path / "map.parquet")
    assert frame == flat_world.frame and len(elements) == len(flat_world.truth)
    assert read_metadata(tmp_path / "map.parquet")["fingerprint"] == "f1"


def test_trajectories_are_absolute(tmp_path: Path, flat_world: World) -> None:
    n = 20
    plan = DrivePlan(
        "a-00",
        1,
        np.arange(n, dtype=np.int64) * 10_000_000,
        np.column_stack([np.linspace(400, 402, n), np.full(n, 300.0), np.zeros(n)]),
        np.tile([1.0, 0, 0, 0], (n, 1)),
    )
    write_truth_trajectory(flat_world, plan, tmp_path / "t.parquet", tmp_path / "tmp", "f2")
    table = read_table(tmp_path / "t.parquet", TRAJECTORY)
    assert table["tx_m"][0].as_py() == 400.0 + flat_world.frame.origin_m[0]
    metadata = read_metadata(tmp_path / "t.parquet")
    assert (metadata["drive_id"], metadata["source"], metadata["fingerprint"]) == ("a-00", "truth", "f2")
