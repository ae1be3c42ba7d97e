"""The truth beside simulated logs: the map that should come out, and where the cars really were."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from mapforge.io.elements import write_elements
from mapforge.io.parquet import write_table
from mapforge.schemas.drive import TRAJECTORY
from mapforge.simulation.world import DrivePlan, World


def write_truth_map(world: World, target: Path, tmp: Path, fingerprint: str) -> None:
    """All truth elements as GeoParquet in the world's projected CRS."""
    metadata = {"fingerprint": fingerprint, "world": world.name, "kind": "truth"}
    write_elements(list(world.truth), world.frame, target, tmp, metadata)


def write_truth_trajectory(world: World, plan: DrivePlan, target: Path, tmp: Path, fingerprint: str) -> None:
    """The true map_SE3_ego of a drive at 100 Hz, absolute projected metres; sigmas are 0."""
    translation = world.frame.to_projected(plan.translation_m)
    names = ("tx_m", "ty_m", "tz_m")
    columns: dict[str, object] = {"timestamp_ns": plan.timestamps_ns}
    columns |= {name: np.round(translation[:, n], 6) for n, name in enumerate(names)}
    columns |= {name: plan.quaternion_wxyz[:, n] for n, name in enumerate(("qw", "qx", "qy", "qz"))}
    columns |= {name: np.zeros(len(translation)) for name in ("sigma_xy_m", "sigma_z_m")}
    metadata = {
        "fingerprint": fingerprint,
        "frame": json.dumps(world.frame.as_dict()),
        "source": "truth",
        "drive_id": plan.drive_id,
    }
    write_table(pa.Table.from_pydict(columns, schema=TRAJECTORY), target, tmp, metadata)
