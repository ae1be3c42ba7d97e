"""What each drive brings to a tile, drives in the order of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.io.elements import read_elements_near
from mapforge.io.parquet import read_metadata
from mapforge.io.trajectories import read_trajectory
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import ElementClass, MapElement

Float = NDArray[np.float64]
Bounds = tuple[float, float, float, float]

_PATH_STEP_M = 1.0


@dataclass(frozen=True, eq=False)
class SeenDrive:
    """elements: whole, those near the tile. start_ns: of the drive. datum_sigma_m: one-sigma error, along one axis,
    that it shares with the drives it was aligned to. path_map: (K, 3) where it passed near the tile, None = unknown."""

    name: str
    elements: list[MapElement]
    start_ns: int
    datum_sigma_m: float
    path_map: Float | None

    def of_class(self, element_class: ElementClass) -> list[MapElement]:
        return [element for element in self.elements if element.element_class is element_class]


def seen_drives(
    workspace: Workspace, names: list[str], frame: MapFrame, window_m: Bounds, sight_m: float
) -> list[SeenDrive]:
    """The drives by their start, then name. sight_m: how far outside the window a path still matters."""
    drives = [_seen_drive(workspace, name, frame, window_m, sight_m) for name in sorted(set(names))]
    return sorted(drives, key=lambda drive: (drive.start_ns, drive.name))


def _seen_drive(workspace: Workspace, name: str, frame: MapFrame, window_m: Bounds, sight_m: float) -> SeenDrive:
    path = workspace.drive_elements(name)
    elements = read_elements_near(path, frame, window_m)
    stated = read_metadata(path)
    return SeenDrive(
        name=name,
        elements=elements,
        start_ns=int(stated["start_ns"]) if "start_ns" in stated else 0,
        datum_sigma_m=float(stated.get("datum_sigma_m", "0")),
        path_map=_path_near(workspace, name, frame, window_m, sight_m),
    )


def _path_near(workspace: Workspace, name: str, frame: MapFrame, window_m: Bounds, sight_m: float) -> Float | None:
    source = workspace.trajectory(name)
    if not source.exists():
        return None
    xyz = read_trajectory(source, frame).translation_m
    step = np.linalg.norm(np.diff(xyz[:, :2], axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(step)])
    kept = np.flatnonzero(np.diff(np.floor(along / _PATH_STEP_M), prepend=-1.0) > 0)
    xyz = xyz[kept]
    x, y = xyz[:, 0], xyz[:, 1]
    near = (x >= window_m[0] - sight_m) & (x <= window_m[2] + sight_m)
    near &= (y >= window_m[1] - sight_m) & (y <= window_m[3] + sight_m)
    return np.asarray(xyz[near])
