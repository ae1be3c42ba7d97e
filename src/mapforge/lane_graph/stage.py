"""Map elements of a tile and its neighbours become the lanes of the tile."""

from __future__ import annotations

from dataclasses import dataclass

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TILE_SIZE_M, TileId
from mapforge.io.elements import read_elements, write_elements
from mapforge.io.trajectories import read_trajectory
from mapforge.io.workspace import Workspace
from mapforge.lane_graph.config import DrivingSide, LaneGraphConfig
from mapforge.lane_graph.graph import lane_graph
from mapforge.lane_graph.pieces import lane_elements
from mapforge.lane_graph.regulation import rulings
from mapforge.lane_graph.traffic import read_traffic
from mapforge.schemas.elements import MapElement


@dataclass(frozen=True)
class LaneGraphInputs:
    """drives: all that touch the tile or a neighbour; their order does not matter. fingerprint: for the footer."""

    workspace: Workspace
    tile: TileId
    frame: MapFrame
    drives: list[str]
    fingerprint: str


def run(inputs: LaneGraphInputs, config: LaneGraphConfig) -> int:
    """Writes the tile's lanes; returns how many pieces of lanes they are."""
    elements = _around(inputs)
    paths = [
        read_trajectory(inputs.workspace.trajectory(drive), inputs.frame).translation_m
        for drive in sorted(set(inputs.drives))
    ]
    window = inputs.tile.bounds_map(inputs.frame, TILE_SIZE_M)
    seen = [read_traffic(inputs.workspace, drive, inputs.frame, window) for drive in sorted(set(inputs.drives))]
    lanes = lane_graph(elements, paths, config, seen)
    rules = rulings(lanes, elements, config.rule_reach_m, config.driving_side is DrivingSide.RIGHT)
    made = lane_elements(lanes, rules, elements, inputs.tile.bounds_map(inputs.frame), inputs.frame)
    write_elements(
        made,
        inputs.frame,
        inputs.workspace.lane_graph(inputs.tile),
        inputs.workspace.tmp,
        {"fingerprint": inputs.fingerprint, "tile": str(inputs.tile)},
    )
    return len(made)


def _around(inputs: LaneGraphInputs) -> list[MapElement]:
    """Map elements of the tile and its neighbours, as far as they are there, in the order of the tiles."""
    files = [inputs.workspace.map_elements(tile) for tile in sorted({inputs.tile, *inputs.tile.neighbours()})]
    return [element for path in files if path.exists() for element in read_elements(path, inputs.frame)[0]]
