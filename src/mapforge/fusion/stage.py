"""What all drives saw becomes the map of one tile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from mapforge.fusion.areas import fused_coverage, fused_crossings, fused_drivable
from mapforge.fusion.config import FusionConfig
from mapforge.fusion.existence import Visibility
from mapforge.fusion.lines import fused_lines
from mapforge.fusion.signs import Sightings, fused_signs
from mapforge.geometry.areas import parts_of
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements_near, write_elements
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
    drives = sorted(set(inputs.drives))
    core = inputs.tile.bounds_map(inputs.frame)
    window = inputs.tile.bounds_map(inputs.frame, config.halo_m)
    seen = [read_elements_near(inputs.workspace.drive_elements(drive), inputs.frame, window) for drive in drives]
    visibility = Visibility.of(_coverage(seen), window)
    elements = [
        element
        for line_class in LINE_CLASSES
        for element in fused_lines(line_class, _of_class(seen, line_class), drives, visibility, core, window, config)
    ]
    elements += _areas(seen, drives, visibility, core, config)
    elements += _points(inputs, drives, core, window, config)
    write_elements(
        elements,
        inputs.frame,
        inputs.workspace.map_elements(inputs.tile),
        inputs.workspace.tmp,
        {"fingerprint": inputs.fingerprint, "tile": str(inputs.tile)},
    )
    return len(elements)


def _of_class(seen: list[list[MapElement]], element_class: ElementClass) -> list[list[MapElement]]:
    return [[element for element in own if element.element_class is element_class] for own in seen]


def _coverage(seen: list[list[MapElement]]) -> list[list[shapely.Polygon]]:
    return [[part for e in own for part in parts_of(e.geometry)] for own in _of_class(seen, ElementClass.COVERAGE)]


def _areas(
    seen: list[list[MapElement]], drives: list[str], visibility: Visibility, core: Bounds, config: FusionConfig
) -> list[MapElement]:
    log_odds = (config.prior_log_odds, config.hit_weight, config.miss_log_odds)
    crossings = _of_class(seen, ElementClass.PED_CROSSING)
    drivable = _of_class(seen, ElementClass.DRIVABLE_AREA)
    return [
        *fused_crossings(crossings, drives, visibility, core, config.area_cell_m, log_odds, config.min_confidence),
        *fused_drivable(drivable, drives, visibility, core, config.ground_cell_m),
        *fused_coverage(_of_class(seen, ElementClass.COVERAGE), drives, core),
    ]


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
