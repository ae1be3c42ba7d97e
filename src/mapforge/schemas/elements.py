"""Map elements: the vocabulary of classes and attributes, and their Arrow table.

The same table carries drive elements, map elements, tiles and reference maps.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from mapforge.errors import ContractError
from mapforge.geometry.crs import MapFrame
from mapforge.schemas.table import check_table
from mapforge.schemas.vocabulary import (
    AREA_CLASSES,
    BOUNDARY_TYPES,
    COLOURS,
    LINE_CLASSES,
    MARKING_TYPES,
    POINT_CLASSES,
    ElementClass,
)

__all__ = [
    "AREA_CLASSES",
    "ATTRIBUTE_NAMES",
    "BOUNDARY_TYPES",
    "COLOURS",
    "ELEMENTS",
    "LINE_CLASSES",
    "MARKING_TYPES",
    "POINT_CLASSES",
    "ElementClass",
    "MapElement",
    "content_id",
    "elements_to_table",
    "table_to_elements",
]


_ATTRIBUTES: list[tuple[str, pa.DataType]] = [
    ("marking_type", pa.string()),
    ("colour", pa.string()),
    ("boundary_type", pa.string()),
    ("left_id", pa.string()),
    ("right_id", pa.string()),
    ("predecessor_ids", pa.list_(pa.string())),
    ("successor_ids", pa.list_(pa.string())),
    ("left_neighbour_id", pa.string()),
    ("right_neighbour_id", pa.string()),
    ("width_m", pa.float64()),
    ("turn", pa.string()),
    ("lane_type", pa.string()),
    ("speed_limit_mps", pa.float64()),
    ("regulatory_ids", pa.list_(pa.string())),
    ("sign_type", pa.string()),
    ("heading_rad", pa.float64()),
    ("height_m", pa.float64()),
]
LATER_ATTRIBUTES = ("regulatory_ids",)
"""Attributes that the first version did not have: a file without them is read all the same."""
ATTRIBUTE_NAMES = tuple(name for name, _ in _ATTRIBUTES)

ELEMENTS = pa.schema(
    [("element_id", pa.string()), ("class", pa.string()), ("geometry", pa.binary())]
    + _ATTRIBUTES
    + [
        ("confidence", pa.float64()),
        ("sigma_m", pa.list_(pa.float32())),
        ("n_drives", pa.int32()),
        ("first_seen_ns", pa.int64()),
        ("last_seen_ns", pa.int64()),
        ("sources", pa.list_(pa.string())),
        ("bbox", pa.struct([(name, pa.float64()) for name in ("xmin", "ymin", "xmax", "ymax")])),
    ]
)


@dataclass(frozen=True)
class MapElement:
    """One element of the map.

    geometry: shapely, 3D, map frame, metres (LineString, Polygon or Point; coverage may be a MultiPolygon).
    attributes: by the names of ATTRIBUTE_NAMES; absent = not applicable.
    confidence: 0..1, that it exists. sigma_m: one-sigma across the line, one a vertex; empty when not estimated.
    sources: ids of the drives it was made from.
    """

    element_id: str
    element_class: ElementClass
    geometry: shapely.Geometry
    attributes: dict[str, Any] = field(default_factory=dict)
    confidence: float = 1.0
    sigma_m: tuple[float, ...] = ()
    n_drives: int = 1
    first_seen_ns: int = 0
    last_seen_ns: int = 0
    sources: tuple[str, ...] = ()

    @property
    def xyz_map(self) -> NDArray[np.float64]:
        """(N, 3) vertices (exterior ring of a polygon, closed)."""
        outline = self.geometry.exterior if isinstance(self.geometry, shapely.Polygon) else self.geometry
        return np.asarray(shapely.get_coordinates(outline, include_z=True))

    def with_geometry(self, geometry: shapely.Geometry, sigma_m: tuple[float, ...] = ()) -> MapElement:
        return replace(self, geometry=geometry, sigma_m=sigma_m)


def content_id(*parts: object) -> str:
    """16 hex digits from what an element is: strings, bytes, or coordinates (rounded to 1 mm)."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            part = np.round(part * 1000.0).astype("<i8").tobytes()
        digest.update(part if isinstance(part, bytes) else str(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def elements_to_table(elements: list[MapElement], frame: MapFrame) -> pa.Table:
    """Elements in the map frame to the ELEMENTS table in absolute projected coordinates, rounded to 0.1 mm.

    Rows are in the order given. Raises ContractError on an unknown attribute.
    """
    for element in elements:
        unknown = set(element.attributes) - set(ATTRIBUTE_NAMES)
        if unknown:
            raise ContractError(f"element {element.element_id}: unknown attributes {sorted(unknown)}")
    geometries = np.array([element.geometry for element in elements], dtype=object)
    moved = shapely.transform(
        shapely.force_3d(geometries, 0.0),
        lambda xyz: np.round(frame.to_projected(np.nan_to_num(xyz)), 4),
        include_z=True,
    )
    bounds = shapely.bounds(moved) if len(moved) else np.zeros((0, 4))
    columns: dict[str, list[Any]] = {
        "element_id": [e.element_id for e in elements],
        "class": [str(e.element_class) for e in elements],
        "geometry": list(shapely.to_wkb(moved, output_dimension=3, flavor="iso", byte_order=1)),
        **{name: [e.attributes.get(name) for e in elements] for name in ATTRIBUTE_NAMES},
        "confidence": [round(float(e.confidence), 6) for e in elements],
        "sigma_m": [[round(float(s), 5) for s in e.sigma_m] for e in elements],
        "n_drives": [e.n_drives for e in elements],
        "first_seen_ns": [e.first_seen_ns for e in elements],
        "last_seen_ns": [e.last_seen_ns for e in elements],
        "sources": [list(e.sources) for e in elements],
        "bbox": [dict(zip(("xmin", "ymin", "xmax", "ymax"), row)) for row in bounds.tolist()],
    }
    return pa.Table.from_pydict(columns, schema=ELEMENTS)


def table_to_elements(table: pa.Table, frame: MapFrame, where: str = "elements") -> list[MapElement]:
    """The inverse of `elements_to_table`. Raises ContractError when columns do not fit.

    Attributes that the table was written without, by an earlier version, are absent.
    """
    table = check_columns(table, where)
    try:
        rows = table.drop_columns(["geometry", "bbox"]).to_pylist()
        geometries = shapely.from_wkb(table["geometry"].to_pylist())
    except (shapely.errors.ShapelyError, UnicodeDecodeError) as error:
        raise ContractError(f"{where}: a geometry or a text is damaged: {error}; write the file again") from error
    _require_whole(table, geometries, where)
    in_map = shapely.transform(geometries, frame.from_projected, include_z=True)
    return [
        MapElement(
            element_id=row["element_id"],
            element_class=ElementClass(row["class"]),
            geometry=geometry,
            attributes={name: row[name] for name in ATTRIBUTE_NAMES if row[name] is not None},
            confidence=row["confidence"],
            sigma_m=tuple(row["sigma_m"] or ()),
            n_drives=row["n_drives"],
            first_seen_ns=row["first_seen_ns"],
            last_seen_ns=row["last_seen_ns"],
            sources=tuple(row["sources"] or ()),
        )
        for row, geometry in zip(rows, in_map)
    ]


def check_columns(table: pa.Table, where: str) -> pa.Table:
    """The table with the attributes that earlier versions lack. Raises ContractError when columns do not fit."""
    table = _with_attributes(table)
    check_table(table.replace_schema_metadata(None), ELEMENTS, where)
    return table


def _require_whole(table: pa.Table, geometries: NDArray[Any], where: str) -> None:
    """Raises ContractError on rows without id, class or geometry, on unknown classes and on infinite coordinates."""
    for name in ("element_id", "class", "geometry", "confidence", "n_drives", "first_seen_ns", "last_seen_ns"):
        if table[name].null_count:
            raise ContractError(f"{where}: {table[name].null_count} rows without '{name}'; write the file again")
    unknown = sorted(set(table["class"].unique().to_pylist()) - set(ElementClass))
    if unknown:
        raise ContractError(f"{where}: unknown class {unknown[0][:60]!r}; known are {', '.join(ElementClass)}")
    if not np.isfinite(shapely.get_coordinates(geometries)).all():
        raise ContractError(f"{where}: a geometry has coordinates that are not finite; write the file again")


def _with_attributes(table: pa.Table) -> pa.Table:
    for name in LATER_ATTRIBUTES:
        if name not in table.column_names:
            table = table.append_column(ELEMENTS.field(name), pa.nulls(table.num_rows, ELEMENTS.field(name).type))
    return table
