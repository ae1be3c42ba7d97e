"""Where drives saw others drive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.io.parquet import read_table
from mapforge.io.workspace import Workspace
from mapforge.schemas.traffic import TRAFFIC

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Traffic:
    """Where one drive saw others drive: xy_m (M, 2), map frame, and heading (M, 2), unit."""

    xy_m: Float
    heading: Float


def read_traffic(
    workspace: Workspace, drive: str, frame: MapFrame, window_m: tuple[float, float, float, float]
) -> Traffic:
    """What a drive saw within a window of the map frame; nothing where no traffic was looked for.

    Raises ContractError when the file is damaged.
    """
    path = workspace.traffic(drive)
    if not path.exists():
        return Traffic(np.zeros((0, 2)), np.zeros((0, 2)))
    table = read_table(path, TRAFFIC)
    xyz = frame.from_projected(np.column_stack([table[name].to_numpy() for name in ("x_m", "y_m", "z_m")]))
    heading_rad = table["heading_rad"].to_numpy()
    x, y = xyz[:, 0], xyz[:, 1]
    near = (x >= window_m[0]) & (x < window_m[2]) & (y >= window_m[1]) & (y < window_m[3]) & np.isfinite(heading_rad)
    return Traffic(xyz[near, :2], np.column_stack([np.cos(heading_rad[near]), np.sin(heading_rad[near])]))
