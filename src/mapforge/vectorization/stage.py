"""Observations of one drive become its lines and areas, whole over tile borders."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.elements import write_elements
from mapforge.io.trajectories import read_sigma_relative, read_trajectory, read_trajectory_info
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import LINE_CLASSES, ElementClass, MapElement, content_id
from mapforge.vectorization.areas import (
    Crossing,
    coverage_pieces,
    crossing_pieces,
    drivable_pieces,
    ground_samples,
    whole_crossings,
)
from mapforge.vectorization.config import VectorizationConfig
from mapforge.vectorization.line_nodes import LineNodes, line_nodes
from mapforge.vectorization.lines import TracedLine, traced_lines
from mapforge.vectorization.reachable import beside_ground, reachable_ground
from mapforge.vectorization.window import ObservationWindows


@dataclass(frozen=True)
class VectorizationInputs:
    """tiles: those with an observation of this drive. fingerprint: goes into the footer of the result."""

    workspace: Workspace
    drive_id: str
    frame: MapFrame
    tiles: list[TileId]
    fingerprint: str


@dataclass(frozen=True, eq=False)
class _Seen:
    """What all tiles together hold, before it is put together. Nodes and outlines only: rasters stay in their tile."""

    nodes: dict[ElementClass, LineNodes]
    crossings: list[Crossing]
    grounds: list[tuple[ElementClass, shapely.Polygon]]
    heights: NDArray[np.float64]


def run(inputs: VectorizationInputs, config: VectorizationConfig) -> int:
    """Writes the drive's elements; returns their number.

    Memory: one tile's rasters, and a few hundred bytes a metre of line.
    """
    trajectory = read_trajectory(inputs.workspace.trajectory(inputs.drive_id), inputs.frame)
    seen = _look_at_tiles(inputs, config)
    ground = _reachable(seen.grounds, trajectory, config)
    drivable = [area for element_class, area in ground if element_class is ElementClass.DRIVABLE_AREA]
    crossings = whole_crossings(seen.crossings, config.min_crossing_m2)
    traced = _trace(seen.nodes, shapely.union_all([crossing.area for crossing in crossings]), config)
    lines = beside_ground(traced, drivable, config.road_reach_m, config.min_stop_line_m)
    areas = [(ElementClass.PED_CROSSING, crossing.area, crossing.confidence) for crossing in crossings]
    areas += [(element_class, area, 1.0) for element_class, area in ground]
    surface = seen.heights if len(seen.heights) else trajectory.translation_m
    pose_sigma_m = read_sigma_relative(inputs.workspace.trajectory(inputs.drive_id))
    elements = _line_elements(lines, inputs.drive_id, trajectory, pose_sigma_m)
    elements += _area_elements(areas, surface, inputs.drive_id, trajectory)
    write_elements(
        elements,
        inputs.frame,
        inputs.workspace.drive_elements(inputs.drive_id),
        inputs.workspace.tmp,
        _footer(inputs, trajectory),
    )
    return len(elements)


def _reachable(
    grounds: list[tuple[ElementClass, shapely.Polygon]], trajectory: Trajectory, config: VectorizationConfig
) -> list[tuple[ElementClass, shapely.Polygon]]:
    """Ground without the drivable patches that no road leads to."""
    drivable = [area for kind, area in grounds if kind is ElementClass.DRIVABLE_AREA]
    road = reachable_ground(drivable, trajectory.translation_m[:, :2], config.min_unreached_area_m2)
    others = [
        (element_class, area) for element_class, area in grounds if element_class is not ElementClass.DRIVABLE_AREA
    ]
    return [(ElementClass.DRIVABLE_AREA, area) for area in road] + others


def _footer(inputs: VectorizationInputs, trajectory: Trajectory) -> dict[str, str]:
    """Beside the elements: when the drive began, and the error of place that it shares with the drives it is aligned
    to, which the elements' sigma_m leaves out."""
    datum = read_trajectory_info(inputs.workspace.trajectory(inputs.drive_id)).datum_sigma_m
    return {
        "fingerprint": inputs.fingerprint,
        "drive_id": inputs.drive_id,
        "start_ns": str(trajectory.start_ns),
        "datum_sigma_m": f"{datum or 0.0:.4f}",
    }


def _look_at_tiles(inputs: VectorizationInputs, config: VectorizationConfig) -> _Seen:
    windows = ObservationWindows(inputs.workspace, inputs.drive_id, inputs.frame, config.halo_m)
    parts: dict[ElementClass, list[LineNodes]] = {line_class: [] for line_class in LINE_CLASSES}
    crossings: list[Crossing] = []
    heights = [np.zeros((0, 3))]
    grounds: list[tuple[ElementClass, shapely.Polygon]] = []
    for tile in sorted(tile for tile in inputs.tiles if windows.has(tile)):
        observation = windows.read(tile)
        bounds = tile.bounds_map(inputs.frame)
        core = shapely.box(*bounds)
        for line_class in LINE_CLASSES:
            nodes = line_nodes(observation, str(line_class), config.p_low, config.mode_reach_m, config.node_spacing_m)
            parts[line_class].append(nodes.take(_in_core(nodes, bounds)))
        crossings += crossing_pieces(observation, core, config.p_area)
        drivable = drivable_pieces(observation, core, config.p_area, config.min_area_m2)
        coverage = coverage_pieces(observation, core, config.area_step_m, config.scan_gap_m, config.min_area_m2)
        grounds += [(ElementClass.DRIVABLE_AREA, piece) for piece in drivable]
        grounds += [(ElementClass.COVERAGE, piece) for piece in coverage]
        heights.append(ground_samples(observation, core))
    nodes_of = {name: LineNodes.concatenate(found) for name, found in parts.items()}
    return _Seen(nodes_of, crossings, grounds, np.concatenate(heights))


def _in_core(nodes: LineNodes, bounds: tuple[float, float, float, float]) -> NDArray[np.int64]:
    xmin, ymin, xmax, ymax = bounds
    x, y = nodes.xyz_map[:, 0], nodes.xyz_map[:, 1]
    return np.flatnonzero((x >= xmin) & (x < xmax) & (y >= ymin) & (y < ymax))


def _trace(
    nodes: dict[ElementClass, LineNodes], pauses: shapely.Geometry, config: VectorizationConfig
) -> list[TracedLine]:
    return [
        line
        for line_class in LINE_CLASSES
        for line in traced_lines(
            nodes[line_class],
            line_class,
            p_low=config.p_low,
            p_high=config.p_high,
            link_reach_m=config.link_reach_m,
            bridge_m=config.bridge_m,
            dash_gap_m=config.dash_gap_m,
            gap_m=config.gap_m,
            min_length_m=(config.min_stop_line_m if line_class is ElementClass.STOP_LINE else config.min_length_m),
            smoothing_m=config.smoothing_m,
            attribute_stretch_m=config.attribute_stretch_m,
            simplify_m=config.simplify_m,
            max_vertex_spacing_m=config.max_vertex_spacing_m,
            line_sigma_m=config.line_sigma_m,
            pauses=pauses,
        )
    ]


def _line_elements(
    lines: list[TracedLine], drive_id: str, trajectory: Trajectory, pose_sigma_m: NDArray[np.float64]
) -> list[MapElement]:
    """Lines with ids, times and sources; the uncertainty of the pose (N,) is added to that of the tracing."""
    path = cKDTree(trajectory.translation_m[:, :2])
    elements = []
    for line in lines:
        nearest = np.asarray(path.query(line.xyz_map[:, :2])[1], dtype=np.int64)
        sigma = np.hypot(line.sigma_m, pose_sigma_m[nearest])
        element = _element(line.element_class, shapely.LineString(line.xyz_map), drive_id, trajectory, nearest)
        elements.append(
            replace(
                element,
                attributes=line.attributes,
                confidence=line.confidence,
                sigma_m=tuple(sigma.tolist()),
            )
        )
    return elements


def _area_elements(
    areas: list[tuple[ElementClass, shapely.Polygon, float]],
    ground: NDArray[np.float64],
    drive_id: str,
    trajectory: Trajectory,
) -> list[MapElement]:
    """Areas with ids, times and sources, each vertex at the height of the known ground (N, 3) nearest to it."""
    path = cKDTree(trajectory.translation_m[:, :2])
    surface = cKDTree(ground[:, :2])

    def raised(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([xy, ground[surface.query(xy)[1], 2]])

    elements = []
    for element_class, area, confidence in areas:
        nearest = np.asarray(path.query(shapely.get_coordinates(area.exterior))[1], dtype=np.int64)
        polygon = shapely.Polygon(
            raised(shapely.get_coordinates(area.exterior)),
            [raised(shapely.get_coordinates(hole)) for hole in area.interiors],
        )
        elements.append(replace(_element(element_class, polygon, drive_id, trajectory, nearest), confidence=confidence))
    return elements


def _element(
    element_class: ElementClass,
    geometry: shapely.Geometry,
    drive_id: str,
    trajectory: Trajectory,
    nearest: NDArray[np.int64],
) -> MapElement:
    times = trajectory.timestamps_ns[nearest]
    return MapElement(
        element_id=content_id(element_class, drive_id, shapely.get_coordinates(geometry)),
        element_class=element_class,
        geometry=geometry,
        first_seen_ns=int(times.min()),
        last_seen_ns=int(times.max()),
        sources=(drive_id,),
    )
