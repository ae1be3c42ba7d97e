"""What all drives saw becomes the map of one tile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapforge.fusion.areas import fused_coverage, fused_drivable
from mapforge.fusion.config import FusionConfig
from mapforge.fusion.drives import SeenDrive, seen_drives
from mapforge.fusion.existence import Visibility
from mapforge.fusion.findings import footer, outlier_drives
from mapforge.fusion.lines import FusedLines, SeenLines, fused_lines
from mapforge.fusion.ped_crossings import fused_crossings
from mapforge.fusion.sightings import read_sightings
from mapforge.fusion.sign_tracks import SignGates
from mapforge.fusion.signs import fused_signs
from mapforge.fusion.uncertainty import FAR_M
from mapforge.geometry.areas import parts_of
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import write_elements
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import LINE_CLASSES, POINT_CLASSES, ElementClass, MapElement

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class FusionInputs:
    """drives: all that touch the tile or its halo; their order does not matter. fingerprint: for the footer."""

    workspace: Workspace
    tile: TileId
    frame: MapFrame
    drives: list[str]
    fingerprint: str


def run(inputs: FusionInputs, config: FusionConfig) -> int:
    """Writes the tile's map elements; returns their number."""
    core = inputs.tile.bounds_map(inputs.frame)
    window = inputs.tile.bounds_map(inputs.frame, config.halo_m)
    drives = seen_drives(inputs.workspace, inputs.drives, inputs.frame, window, max(config.far_range_m, FAR_M))
    visibility = _visibility(drives, window, config)
    lines = _lines(drives, visibility, core, window, config)
    elements = [element for fused in lines for element in fused.elements]
    elements += _areas(drives, visibility, core, config)
    elements += _points(inputs, drives, core, config)
    write_elements(
        elements,
        inputs.frame,
        inputs.workspace.map_elements(inputs.tile),
        inputs.workspace.tmp,
        {"fingerprint": inputs.fingerprint, "tile": str(inputs.tile), **_findings(lines, drives, inputs.frame, config)},
    )
    return len(elements)


def _visibility(drives: list[SeenDrive], window: Bounds, config: FusionConfig) -> Visibility:
    coverage = [
        [part for e in drive.of_class(ElementClass.COVERAGE) for part in parts_of(e.geometry)] for drive in drives
    ]
    paths = [drive.path_map for drive in drives]
    return Visibility.of(coverage, window, paths, config.clear_range_m, config.far_range_m, config.far_share)


def _lines(
    drives: list[SeenDrive], visibility: Visibility, core: Bounds, window: Bounds, config: FusionConfig
) -> list[FusedLines]:
    """In the order of LINE_CLASSES; road boundaries come first, because they tell dividers from symbols."""
    fused: dict[ElementClass, FusedLines] = {}
    for line_class in sorted(LINE_CLASSES, key=lambda own: own is not ElementClass.ROAD_BOUNDARY):
        seen = _seen_lines(drives, line_class)
        boundaries = fused[ElementClass.ROAD_BOUNDARY].pieces if fused else []
        fused[line_class] = fused_lines(seen, visibility, core, window, config, boundaries)
    return [fused[line_class] for line_class in LINE_CLASSES]


def _seen_lines(drives: list[SeenDrive], line_class: ElementClass) -> SeenLines:
    return SeenLines(
        line_class,
        [drive.of_class(line_class) for drive in drives],
        [drive.name for drive in drives],
        [drive.start_ns for drive in drives],
        np.array([drive.datum_sigma_m for drive in drives]),
    )


def _areas(drives: list[SeenDrive], visibility: Visibility, core: Bounds, config: FusionConfig) -> list[MapElement]:
    names = [drive.name for drive in drives]
    drivable, coverage = (
        [drive.of_class(area_class) for drive in drives]
        for area_class in (ElementClass.DRIVABLE_AREA, ElementClass.COVERAGE)
    )
    return [
        *fused_crossings(drives, visibility, core, config),
        *fused_drivable(drivable, names, visibility, core, config.ground_cell_m),
        *fused_coverage(coverage, names, core),
    ]


def _findings(
    lines: list[FusedLines], drives: list[SeenDrive], frame: MapFrame, config: FusionConfig
) -> dict[str, str]:
    """For the footer; the datum's sigma is that of all drives together."""
    histories = [fused.history for fused in lines if fused.history is not None]
    outliers = outlier_drives(histories, [drive.name for drive in drives], config.station_m)
    datum = float(np.sqrt(np.mean([drive.datum_sigma_m**2 for drive in drives]))) if drives else 0.0
    return footer(outliers, [change for fused in lines for change in fused.changes], datum, frame)


def _points(inputs: FusionInputs, drives: list[SeenDrive], core: Bounds, config: FusionConfig) -> list[MapElement]:
    """Signs and lights whose centre lies in the core."""
    window = inputs.tile.bounds_map(inputs.frame, config.halo_m)
    names, paths = [drive.name for drive in drives], [drive.path_map for drive in drives]
    gates = SignGates(config.sign_gate_m, config.sign_height_gate_m, np.radians(config.sign_turn_deg))
    points: list[MapElement] = []
    for point_class in POINT_CLASSES:
        sightings = read_sightings(inputs.workspace, names, inputs.frame, point_class, window, config.min_sign_score)
        found = fused_signs(point_class, sightings, names, paths, gates, config.min_sign_confidence)
        points += [
            sign for sign in found if core[0] <= sign.geometry.x < core[2] and core[1] <= sign.geometry.y < core[3]
        ]
    return points
