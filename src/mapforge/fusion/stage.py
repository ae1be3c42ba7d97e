"""What all drives saw becomes the map of one tile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mapforge.fusion.areas import fused_coverage, fused_crossings, fused_drivable
from mapforge.fusion.config import FusionConfig
from mapforge.fusion.drives import SeenDrive, seen_drives
from mapforge.fusion.existence import Visibility
from mapforge.fusion.findings import footer, outlier_drives
from mapforge.fusion.lines import FusedLines, SeenLines, fused_lines
from mapforge.fusion.signs import Sightings, fused_signs
from mapforge.geometry.areas import parts_of
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import write_elements
from mapforge.io.parquet import read_table
from mapforge.io.workspace import Workspace
from mapforge.schemas.detections import DETECTIONS
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
    drives = seen_drives(inputs.workspace, inputs.drives, inputs.frame, window, config.far_range_m)
    visibility = _visibility(drives, window, config)
    lines = [
        fused_lines(_seen_lines(drives, line_class), visibility, core, window, config) for line_class in LINE_CLASSES
    ]
    elements = [element for fused in lines for element in fused.elements]
    elements += _areas(drives, visibility, core, config)
    elements += _points(inputs, sorted({drive.name for drive in drives}), core, window, config)
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


def _seen_lines(drives: list[SeenDrive], line_class: ElementClass) -> SeenLines:
    return SeenLines(
        line_class,
        [drive.of_class(line_class) for drive in drives],
        [drive.name for drive in drives],
        [drive.start_ns for drive in drives],
        np.array([drive.datum_sigma_m for drive in drives]),
    )


def _areas(drives: list[SeenDrive], visibility: Visibility, core: Bounds, config: FusionConfig) -> list[MapElement]:
    log_odds = (config.prior_log_odds, config.hit_weight, config.miss_log_odds)
    names = [drive.name for drive in drives]
    crossings, drivable, coverage = (
        [drive.of_class(area_class) for drive in drives]
        for area_class in (ElementClass.PED_CROSSING, ElementClass.DRIVABLE_AREA, ElementClass.COVERAGE)
    )
    return [
        *fused_crossings(crossings, names, visibility, core, config.area_cell_m, log_odds, config.min_confidence),
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


def _points(
    inputs: FusionInputs, drives: list[str], core: Bounds, window: Bounds, config: FusionConfig
) -> list[MapElement]:
    """Signs and lights whose centre lies in the core."""
    points: list[MapElement] = []
    for point_class in POINT_CLASSES:
        found = fused_signs(
            point_class,
            _sightings(inputs, drives, point_class, window, config.min_sign_score),
            drives,
            gate_m=config.sign_gate_m,
            height_gate_m=config.sign_height_gate_m,
            turn_rad=np.radians(config.sign_turn_deg),
            min_detections=config.min_sign_detections,
        )
        points += [
            sign for sign in found if core[0] <= sign.geometry.x < core[2] and core[1] <= sign.geometry.y < core[3]
        ]
    return points


def _sightings(
    inputs: FusionInputs, drives: list[str], point_class: ElementClass, window: Bounds, min_score: float
) -> Sightings:
    """Detections with a position inside the window; a drive without cameras has none."""
    parts = []
    for number, drive in enumerate(drives):
        path = inputs.workspace.detections(drive)
        if path.exists():
            table = _near(read_table(path, DETECTIONS), inputs.frame, window, str(point_class), min_score)
            parts.append((table, np.full(table.num_rows, number, dtype=np.int64)))
    tables = [table.replace_schema_metadata(None) for table, _ in parts] or [DETECTIONS.empty_table()]
    table = pa.concat_tables(tables)
    column = {name: table[name].to_numpy() for name in DETECTIONS.names if name not in ("sensor", "class", "sign_type")}
    xyz = np.stack([column["x_m"], column["y_m"], column["z_m"]], axis=1)
    return Sightings(
        xyz_map=inputs.frame.from_projected(xyz),
        heading_rad=column["heading_rad"],
        height_m=np.nan_to_num(column["height_m"]),
        sigma_m=np.nan_to_num(column["sigma_m"], nan=1.0),
        score=column["score"].astype(np.float64),
        sign_type=np.array([name or "unknown" for name in table["sign_type"].to_pylist()], dtype=np.str_),
        timestamp_ns=column["timestamp_ns"],
        drive=np.concatenate([index for _, index in parts] or [np.zeros(0, dtype=np.int64)]),
    )


def _near(table: pa.Table, frame: MapFrame, window: Bounds, point_class: str, min_score: float) -> pa.Table:
    x0, y0 = frame.origin_m
    wanted = [
        pc.equal(table["class"], point_class),
        pc.greater_equal(table["score"], min_score),
        pc.is_finite(table["z_m"]),
        pc.greater_equal(table["x_m"], window[0] + x0),
        pc.less_equal(table["x_m"], window[2] + x0),
        pc.greater_equal(table["y_m"], window[1] + y0),
        pc.less_equal(table["y_m"], window[3] + y0),
    ]
    mask = wanted[0]
    for condition in wanted[1:]:
        mask = pc.and_(mask, condition)
    return table.filter(mask)
