"""What the report's map shows, as GeoJSON in degrees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.metrics.stations import Stations
from mapforge.schemas.elements import AREA_CLASSES, ElementClass, MapElement
from mapforge.schemas.report import RunSummary
from mapforge.validation.stage import ValidationResult

Float = NDArray[np.float64]
Layer = dict[str, Any]

MOST_POINTS = 20_000
SIMPLIFY_M = 0.01
ARROW_EVERY_M, ARROW_M = 25.0, 1.5
_GROUND = (ElementClass.COVERAGE, ElementClass.DRIVABLE_AREA)


def page_layers(result: ValidationResult, summary: RunSummary) -> dict[str, Layer]:
    """Source name -> FeatureCollection."""
    frame = result.frame
    predicted = [e for e in result.predicted if e.element_class not in _GROUND]
    truth = [e for e in _near(result.truth, result) if e.element_class not in _GROUND]
    ground = [e for e in result.predicted if e.element_class in _GROUND]
    judged: list[tuple[shapely.Geometry, dict[str, Any]]] = []
    if result.judgement.area is not None:
        judged.append((result.judgement.area, {}))
    return {
        "predicted": _layer(_elements(predicted), frame),
        "truth": _layer(_elements(truth), frame),
        "coverage": _layer(_elements([e for e in ground if e.element_class is ElementClass.COVERAGE]), frame),
        "drivable": _layer(_elements([e for e in ground if e.element_class is ElementClass.DRIVABLE_AREA]), frame),
        "judged": _layer(judged, frame),
        "paths": _layer([(_line(path), {"drive_id": d}) for d, path in result.paths.items() if len(path) > 1], frame),
        "missed": _layer(_gaps(result, missed=True), frame),
        "false": _layer(_gaps(result, missed=False), frame),
        "offsets": _layer(_offsets(result), frame),
        "tiles": _layer(_tiles(result, summary), frame),
        "issues": _layer([(shapely.Point(i.x_m, i.y_m), _issue(i.as_dict())) for i in result.issues], frame),
    }


def bounds_deg(layers: dict[str, Layer]) -> list[float]:
    """West, south, east, north of what is worth seeing first."""
    for names in (("predicted", "paths"), ("tiles",), ("truth",)):
        xy = [_positions(f["geometry"]["coordinates"]) for name in names for f in layers[name]["features"]]
        if xy:
            stacked = np.concatenate(xy)
            return [*stacked.min(axis=0).tolist(), *stacked.max(axis=0).tolist()]
    return [-180.0, -60.0, 180.0, 70.0]


def _positions(coordinates: Any) -> Float:
    while isinstance(coordinates[0], list) and isinstance(coordinates[0][0], list):
        coordinates = [position for part in coordinates for position in part]
    return np.atleast_2d(np.array(coordinates, dtype=np.float64))[:, :2]


def _near(truth: list[MapElement], result: ValidationResult) -> list[MapElement]:
    """Truth around what was judged: a reference may be a whole city."""
    area = result.judgement.area
    return truth if area is None else [e for e in truth if shapely.dwithin(e.geometry, area, 30.0)]


def _elements(elements: list[MapElement]) -> list[tuple[shapely.Geometry, dict[str, Any]]]:
    features = []
    for e in elements:
        shape = e.geometry if e.element_class in AREA_CLASSES else shapely.simplify(e.geometry, SIMPLIFY_M)
        if e.element_class is ElementClass.LANE:
            shape = with_arrows(shape)
        properties = {
            "class": str(e.element_class),
            "element_id": e.element_id,
            **{name: _short(value) for name, value in e.attributes.items()},
            "confidence": round(float(e.confidence), 3),
            "n_drives": e.n_drives,
        }
        if e.sigma_m:
            properties["sigma_m (median)"] = round(float(np.median(e.sigma_m)), 3)
        features.append((shape, properties))
    return features


def with_arrows(line: shapely.LineString) -> shapely.MultiLineString:
    """A lane with heads of arrows along it, which show its direction."""
    count = max(1, round(line.length / ARROW_EVERY_M))
    tips = (np.arange(count) + 0.5) * line.length / count
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(line, tips))
    behind = shapely.get_coordinates(shapely.line_interpolate_point(line, np.maximum(tips - ARROW_M, 0.0)))
    aside = 0.5 * (ahead - behind)[:, ::-1] * (-1.0, 1.0)
    heads = shapely.linestrings(np.stack([behind + aside, ahead, behind - aside], axis=1))
    return shapely.MultiLineString([shapely.force_2d(line), *heads.tolist()])


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _gaps(result: ValidationResult, missed: bool) -> list[tuple[shapely.Geometry, dict[str, Any]]]:
    """Stretches of truth without prediction, or of prediction without truth."""
    features = []
    for name, own in (result.scores.classes if result.scores else {}).items():
        stations, good = (own.truth, own.found) if missed else (own.predicted, own.true)
        for line, length in stretches(stations, ~good):
            features.append((line, {"class": name, "length_m": round(length, 1)}))
    return features


def stretches(stations: Stations, wanted: NDArray[np.bool_]) -> list[tuple[shapely.LineString, float]]:
    """Lines, with their lengths, through runs of wanted samples that follow each other on one line."""
    chosen = stations.where(wanted)
    if not len(chosen):
        return []
    half = 0.5 * chosen.length_m[:, None] * chosen.tangent
    start, end = chosen.xyz[:, :2] - half, chosen.xyz[:, :2] + half
    follows = (chosen.line[1:] == chosen.line[:-1]) & (np.linalg.norm(start[1:] - end[:-1], axis=1) < 0.3)
    runs = np.split(np.arange(len(chosen)), np.flatnonzero(~follows) + 1)
    return [
        (shapely.LineString(np.vstack([start[run[0]], chosen.xyz[run, :2], end[run[-1]]])), chosen.length_m[run].sum())
        for run in runs
    ]


def _offsets(result: ValidationResult) -> list[tuple[shapely.Geometry, dict[str, Any]]]:
    """Samples of matched predictions with their offset, thinned to what a page can hold."""
    classes = result.scores.classes if result.scores else {}
    total = sum(len(own.matched.offset_m) for own in classes.values())
    step = max(2, -(-total // MOST_POINTS))
    features = []
    for name, own in classes.items():
        for k in range(0, len(own.matched.offset_m), step):
            point = shapely.Point(own.predicted.xyz[own.matched.sample[k], :2])
            offset = round(float(own.matched.offset_m[k]), 3)
            features.append((point, {"class": name, "offset_m": offset, "size_m": abs(offset)}))
    return features


def _tiles(result: ValidationResult, summary: RunSummary) -> list[tuple[shapely.Geometry, dict[str, Any]]]:
    states = [(t.tile, t.state, "; ".join(t.reasons), len(t.issues)) for t in result.tiles]
    states += [(t.tile, "failed", f"{t.stage}: {t.error}", 0) for t in summary.failed_tiles]
    return [
        (
            shapely.box(*TileId.parse(tile).bounds_map(result.frame)),
            {"tile": tile, "state": state, "why": why, "issues": issues},
        )
        for tile, state, why, issues in states
    ]


def _issue(issue: dict[str, Any]) -> dict[str, Any]:
    return {name: issue[name] for name in ("severity", "rule", "message", "element_id", "tile")}


def _line(path: Float) -> shapely.LineString:
    return shapely.simplify(shapely.LineString(path[:, :2]), 0.1)


def _layer(features: Iterable[tuple[shapely.Geometry, dict[str, Any]]], frame: MapFrame) -> Layer:
    items = [(shape, properties) for shape, properties in features if not shape.is_empty]
    if not items:
        return {"type": "FeatureCollection", "features": []}

    def to_degrees(xy: Float) -> Float:
        return np.round(frame.to_wgs84(np.column_stack([xy, np.zeros(len(xy))]))[:, :2], 8)

    flat = shapely.force_2d(np.array([shape for shape, _ in items], dtype=object))
    moved = shapely.transform(flat, to_degrees)
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": properties, "geometry": _geometry(shape)}
            for shape, (_, properties) in zip(moved, items)
        ],
    }


def _geometry(shape: shapely.Geometry) -> dict[str, Any]:
    mapping = shapely.geometry.mapping(shape)
    return {"type": mapping["type"], "coordinates": _lists(mapping["coordinates"])}


def _lists(value: Any) -> Any:
    return [_lists(item) for item in value] if isinstance(value, tuple | list) else value
