"""Observations rendered from known lines: what a good network would say, with its kinds of error."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.grid import BevGrid
from mapforge.geometry.polylines import resample, tangents
from mapforge.geometry.tiles import TileId
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.rasters import write_raster
from mapforge.io.trajectories import TrajectoryInfo, write_trajectory
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import COLOURS, MARKING_TYPES
from mapforge.schemas.rasters import OBSERVED_AREA_CLASSES, OBSERVED_LINE_CLASSES, OFFSET_STEP_M, BevRaster

FRAME = MapFrame(32617, (586000.0, 4475000.0))
TILE = TileId(32617, 5860, 44750)


@dataclass
class Scene:
    """Known content. lines: (class, (N, 2) vertices, marking type, colour, p_curb)."""

    lines: list[tuple[str, np.ndarray, str, str, float]] = field(default_factory=list)
    crossings: list[shapely.Polygon] = field(default_factory=list)
    drivable: shapely.Polygon | None = None
    gaps: list[shapely.Polygon] = field(default_factory=list)

    def line(
        self, kind: str, xy: list | np.ndarray, marking: str = "solid", colour: str = "white", p_curb: float = 1.0
    ) -> Scene:
        self.lines.append((kind, np.asarray(xy, dtype=np.float64), marking, colour, p_curb))
        return self


def ground_height(xy: np.ndarray) -> np.ndarray:
    return 200.0 + 0.02 * xy[:, 0] - 0.01 * xy[:, 1]


def render(scene: Scene, grid: BevGrid, noise: float, seed: int) -> BevRaster:
    """noise: 0 none; 1 about 4 cm of correlated offset error, 5 degrees, and patchy probabilities."""
    rng = np.random.default_rng(seed)

    def wobble(scale: float) -> np.ndarray:
        field_ = gaussian_filter(rng.standard_normal(grid.shape), 1.2)
        return noise * scale * field_ / field_.std() if noise else np.zeros(grid.shape)

    rows, columns = np.indices(grid.shape).reshape(2, -1)
    centres = grid.centres_of(rows, columns)
    channels: dict[str, np.ndarray] = {
        "marking_type": np.zeros(grid.shape, np.uint8),
        "colour": np.zeros(grid.shape, np.uint8),
        "p_curb": np.zeros(grid.shape, np.uint8),
        "seen": np.full(grid.shape, 1, np.uint8),
        "hit": np.full(grid.shape, 1, np.uint8),
        "ground_z_m": ground_height(centres).reshape(grid.shape).astype(np.float32),
    }
    hidden = np.zeros(grid.shape, dtype=bool)
    for gap in scene.gaps:
        hidden |= shapely.contains_xy(gap, centres).reshape(grid.shape)
    for kind in OBSERVED_LINE_CLASSES:
        lines = [line for line in scene.lines if line[0] == kind]
        distance = np.full(grid.shape, np.inf)
        offset = np.zeros((*grid.shape, 2))
        angle = np.zeros(grid.shape)
        for _, xy, marking, colour, p_curb in lines:
            dense = resample(xy, 0.05)
            heading = tangents(dense)
            index = _nearest(dense, centres)
            delta = (dense[index] - centres).reshape(*grid.shape, 2)
            d = np.linalg.norm(delta, axis=2)
            closer = d < distance
            distance[closer] = d[closer]
            offset[closer] = delta[closer]
            angle[closer] = np.arctan2(heading[index, 1], heading[index, 0]).reshape(grid.shape)[closer]
            if kind == "lane_divider":
                channels["marking_type"][closer & (d < 0.8)] = MARKING_TYPES.index(marking)
                channels["colour"][closer & (d < 0.8)] = COLOURS.index(colour)
            if kind == "road_boundary":
                channels["p_curb"][closer & (d < 0.8)] = round(255 * p_curb)
        p = 1.0 / (1.0 + np.exp(np.minimum((distance - 0.4) / 0.06 + wobble(1.0), 50.0)))
        p = np.where(hidden, 0.02, p) * (0.97 - np.abs(wobble(0.05)))
        channels[f"p_{kind}"] = np.round(255 * np.clip(p, 0, 1)).astype(np.uint8)
        for axis, name in enumerate("xy"):
            cells = np.round((offset[..., axis] + wobble(0.04)) / OFFSET_STEP_M)
            channels[f"offset_{name}_{kind}"] = np.clip(cells, -127, 127).astype(np.int8)
        angle = angle + wobble(np.radians(5.0))
        for part, values in (("cos2", np.cos(2 * angle)), ("sin2", np.sin(2 * angle))):
            channels[f"direction_{part}_{kind}"] = np.round(127 * values).astype(np.int8)
    areas = {"ped_crossing": scene.crossings, "drivable_area": [scene.drivable] if scene.drivable else []}
    for kind in OBSERVED_AREA_CLASSES:
        signed = np.full(grid.shape, -9.0)
        for polygon in areas[kind]:
            inside = shapely.contains_xy(polygon, centres)
            d = shapely.distance(shapely.points(centres), polygon.exterior)
            signed = np.maximum(signed, np.where(inside, d, -d).reshape(grid.shape))
        p = 1.0 / (1.0 + np.exp(-(signed / 0.1 + wobble(0.8))))
        channels[f"p_{kind}"] = np.round(255 * p).astype(np.uint8)
    return BevRaster(grid, channels, {"fingerprint": "test"})


def _nearest(dense: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return cKDTree(dense).query(centres)[1]


def write_scene(
    workspace: Workspace, scene: Scene, tiles: list[TileId], drive_id: str = "drive", noise: float = 0.0, seed: int = 0
) -> None:
    """Renders all tiles as one picture, so that noise goes on over borders, and cuts it."""
    columns, rows = [t.column for t in tiles], [t.row for t in tiles]
    width, height = max(columns) - min(columns) + 1, max(rows) - min(rows) + 1
    corner = BevGrid.of_tile(TileId(32617, min(columns), min(rows)), FRAME, 0.2)
    whole = render(scene, BevGrid(corner.x0_m, corner.y0_m, 0.2, 500 * height, 500 * width), noise, seed)
    for tile in tiles:
        r, c = 500 * (tile.row - min(rows)), 500 * (tile.column - min(columns))
        cut = {name: values[r : r + 500, c : c + 500] for name, values in whole.channels.items()}
        part = BevRaster(BevGrid.of_tile(tile, FRAME, 0.2), cut, {"fingerprint": "test"})
        write_raster(part, workspace.observation(tile, drive_id), workspace.tmp)
    write_path(workspace, drive_id)


def write_path(workspace: Workspace, drive_id: str, sigma_m: float = 0.03) -> None:
    xy = np.column_stack([np.linspace(0.0, 200.0, 201), np.full(201, 50.0)])
    trajectory = Trajectory(
        1_000_000_000 + np.arange(201) * 100_000_000,
        np.column_stack([xy, ground_height(xy)]),
        np.tile([1.0, 0, 0, 0], (201, 1)),
        np.full(201, sigma_m),
    )
    info = TrajectoryInfo(FRAME, "test", drive_id, True, "test")
    write_trajectory(trajectory, np.full(201, 0.05), info, workspace.trajectory(drive_id), workspace.tmp)
