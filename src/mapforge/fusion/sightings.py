"""Detections of signs and lights near a tile, all drives in one table of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.io.parquet import read_table
from mapforge.io.workspace import Workspace
from mapforge.schemas.detections import DETECTIONS, SIGN_TYPES
from mapforge.schemas.elements import ElementClass

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Bounds = tuple[float, float, float, float]

UNKNOWN_SIGMA_M = 1.0
_SHARED = 0.4
"""Of the smaller of two boxes."""


@dataclass(frozen=True, eq=False)
class Sightings:
    """Detections of one class, sorted by drive, time, camera, place.

    xyz_map: (N, 3) centres. heading_rad: (N,) direction the face points to, NaN unknown. height_m: (N,) above ground.
    sigma_m: (N,) horizontal one-sigma. score: (N,). type_shares: (N, len(SIGN_TYPES)), rows of zeros for lights.
    embedding: (N, E) unit vectors or zeros. timestamp_ns: (N,). drive: (N,) index. picture: (N,) index, the same for
    what was found in one camera frame.
    """

    xyz_map: Float
    heading_rad: Float
    height_m: Float
    sigma_m: Float
    score: Float
    type_shares: Float
    embedding: Float
    timestamp_ns: Index
    drive: Index
    picture: Index

    def __len__(self) -> int:
        return len(self.score)

    def take(self, index: Index | NDArray[np.bool_]) -> Sightings:
        return Sightings(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def sorted(self) -> Sightings:
        """The same whatever order they came in."""
        xyz = self.xyz_map
        return self.take(np.lexsort((xyz[:, 1], xyz[:, 0], self.picture, self.timestamp_ns, self.drive)))


def read_sightings(
    workspace: Workspace,
    drives: list[str],
    frame: MapFrame,
    point_class: ElementClass,
    window: Bounds,
    min_score: float,
) -> Sightings:
    """Detections with a position inside the window; a drive without cameras has none."""
    tables, owners = [DETECTIONS.empty_table()], [np.zeros(0, dtype=np.int64)]
    for number, drive in enumerate(drives):
        path = workspace.detections(drive)
        if path.exists():
            table = _near(read_table(path, DETECTIONS), frame, window, point_class, min_score)
            tables.append(table.replace_schema_metadata(None))
            owners.append(np.full(table.num_rows, number, dtype=np.int64))
    table, drive_index = pa.concat_tables(tables), np.concatenate(owners)
    places = np.stack([table[name].to_numpy() for name in ("x_m", "y_m", "z_m")], axis=1)
    times = table["timestamp_ns"].to_numpy()
    cameras = np.unique(np.array(table["sensor"].to_pylist(), dtype=np.str_), return_inverse=True)[1]
    pictures = np.stack([drive_index, times, cameras.reshape(-1)], axis=1)
    picture = np.unique(pictures, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    boxes = np.stack([table[name].to_numpy() for name in ("x0_px", "y0_px", "x1_px", "y1_px")], axis=1)
    sightings = Sightings(
        xyz_map=frame.from_projected(places),
        heading_rad=table["heading_rad"].to_numpy(),
        height_m=np.nan_to_num(table["height_m"].to_numpy()),
        sigma_m=np.nan_to_num(table["sigma_m"].to_numpy(), nan=UNKNOWN_SIGMA_M),
        score=table["score"].to_numpy().astype(np.float64),
        type_shares=_rows(table["type_shares"], len(SIGN_TYPES)),
        embedding=_rows(table["embedding"], None),
        timestamp_ns=times,
        drive=drive_index,
        picture=picture,
    )
    return sightings.take(~doubled(boxes.astype(np.float64), picture, sightings.score)).sorted()


def doubled(boxes_px: Float, picture: Index, score: Float) -> NDArray[np.bool_]:
    """(N,) boxes that mostly cover, or are covered by, a better one of the same picture: one sign found twice.

    boxes_px: (N, 4) x0, y0, x1, y1.
    """
    order = np.lexsort((np.arange(len(score)), -score, picture))
    result = np.zeros(len(score), dtype=bool)
    area = np.maximum((boxes_px[:, 2:] - boxes_px[:, :2]).prod(axis=1), 1e-6)
    for step in range(1, len(order)):
        better, worse = order[:-step], order[step:]
        together = picture[better] == picture[worse]
        if not together.any():
            break
        low = np.maximum(boxes_px[better, :2], boxes_px[worse, :2])
        high = np.minimum(boxes_px[better, 2:], boxes_px[worse, 2:])
        shared = np.clip(high - low, 0.0, None).prod(axis=1)
        result[worse[together & (shared > _SHARED * np.minimum(area[better], area[worse]))]] = True
    return result


def _rows(column: pa.ChunkedArray, width: int | None) -> Float:
    """(N, width) of a column of lists; nulls become zeros."""
    rows = column.to_pylist()
    known = next((len(row) for row in rows if row), 1) if width is None else width
    return np.array([row or [0.0] * known for row in rows], dtype=np.float64).reshape(-1, known)


def _near(table: pa.Table, frame: MapFrame, window: Bounds, point_class: ElementClass, min_score: float) -> pa.Table:
    x0, y0 = frame.origin_m
    wanted = [
        pc.equal(table["class"], str(point_class)),
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
