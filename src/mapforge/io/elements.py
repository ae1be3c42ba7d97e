"""Element files: GeoParquet 1.1 in the map's projected CRS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import shapely

from mapforge.errors import ContractError
from mapforge.geometry.crs import MapFrame, epsg_of_projjson, projjson
from mapforge.io.json_text import parse_object
from mapforge.io.parquet import read_metadata, read_table, write_table
from mapforge.schemas.elements import ELEMENTS, MapElement, check_columns, elements_to_table, table_to_elements

_REMEDY = "write the file again"


def write_elements(
    elements: list[MapElement],
    frame: MapFrame,
    target: Path,
    tmp: Path,
    metadata: dict[str, str] | None = None,
) -> None:
    """Writes elements (map frame) as GeoParquet 1.1: WKB ISO, 3D, PROJJSON, covering bbox; atomic, order kept."""
    table = elements_to_table(elements, frame)
    footer = {"geo": json.dumps(_geo(elements, frame, table)), "frame": json.dumps(frame.as_dict())}
    write_table(table, target, tmp, {**footer, **(metadata or {})})


def read_elements(path: Path, frame: MapFrame | None = None) -> tuple[list[MapElement], MapFrame]:
    """Elements in `frame` (the file's own when not given), and that frame.

    Raises CrsMismatchError when the file is in another CRS than `frame`, ContractError when it is no element file.
    """
    table = read_table(path, None)
    own = frame_of(path)
    if frame is not None:
        frame.require_same_crs(own.epsg, str(path))
    return table_to_elements(table.replace_schema_metadata(None), frame or own, str(path)), frame or own


def read_elements_near(path: Path, frame: MapFrame, bounds_m: tuple[float, float, float, float]) -> list[MapElement]:
    """Elements whose bounding box meets (xmin, ymin, xmax, ymax) of the map frame, whole, in the file's order.

    Raises like `read_elements`.
    """
    table = read_table(path, None)
    frame.require_same_crs(frame_of(path).epsg, str(path))
    corners = np.array([(bounds_m[0], bounds_m[1], 0.0), (bounds_m[2], bounds_m[3], 0.0)])
    (xmin, ymin, _), (xmax, ymax, _) = frame.to_projected(corners)
    check_columns(table, str(path))
    box = table["bbox"].combine_chunks()
    near = pc.and_(
        pc.and_(pc.less_equal(box.field("xmin"), xmax), pc.greater_equal(box.field("xmax"), xmin)),
        pc.and_(pc.less_equal(box.field("ymin"), ymax), pc.greater_equal(box.field("ymax"), ymin)),
    )
    return table_to_elements(table.filter(near).replace_schema_metadata(None), frame, str(path))


def frame_of(path: Path) -> MapFrame:
    """The frame an element file states; origin 0 when it states only a CRS."""
    metadata = read_metadata(path)
    if "frame" in metadata:
        return MapFrame.from_dict(parse_object(metadata["frame"], f"the frame of {path}", _REMEDY))
    if "geo" not in metadata:
        raise ContractError(f"{path} is no GeoParquet file: it has no 'geo' metadata")
    geo = parse_object(metadata["geo"], f"the footer of {path}", _REMEDY)
    try:
        crs = geo["columns"]["geometry"]["crs"]
    except (KeyError, TypeError) as error:
        raise ContractError(f"{path} states no CRS of its column 'geometry'; {_REMEDY}") from error
    return MapFrame(epsg_of_projjson(crs), (0.0, 0.0))


def _geo(elements: list[MapElement], frame: MapFrame, table: Any) -> dict[str, Any]:
    assert table.schema.names == ELEMENTS.names
    kinds = sorted({f"{shapely.get_type_id(e.geometry)}" for e in elements})
    names = {"0": "Point Z", "1": "LineString Z", "3": "Polygon Z", "6": "MultiPolygon Z"}
    boxes = table["bbox"].to_pylist()
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": [names[kind] for kind in kinds],
        "crs": projjson(frame.epsg),
        "epoch": frame.epoch,
        "covering": {"bbox": {corner: ["bbox", corner] for corner in ("xmin", "ymin", "xmax", "ymax")}},
    }
    if boxes:
        column["bbox"] = [
            min(b["xmin"] for b in boxes),
            min(b["ymin"] for b in boxes),
            max(b["xmax"] for b in boxes),
            max(b["ymax"] for b in boxes),
        ]
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
