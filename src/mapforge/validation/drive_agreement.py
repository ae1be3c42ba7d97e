"""Do the drives confirm each other? Over the map, and tile by tile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TILE_SIZE_M, TileId
from mapforge.metrics.agreement import Confirmation, agreement, confirm
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.validation.class_lines import class_lines

AGREEING_CLASSES = (ElementClass.LANE_DIVIDER, ElementClass.ROAD_BOUNDARY, ElementClass.PED_CROSSING)


@dataclass(frozen=True, eq=False)
class DriveAgreement:
    """confirmations: class -> those of each drive, in order of the drives."""

    confirmations: dict[str, list[Confirmation]]

    def values(self) -> dict[str, dict[str, float]]:
        """Class -> agreement over the whole map."""
        return {name: agreement(own) for name, own in self.confirmations.items()}

    def in_tile(self, tile: TileId, frame: MapFrame) -> dict[str, float]:
        """Agreement of all classes together in one tile."""
        here = [_cut(c, tile, frame) for own in self.confirmations.values() for c in own]
        return agreement(here)


def drive_agreement(elements: Mapping[str, list[MapElement]]) -> DriveAgreement:
    """Leave one drive out, over the elements of each drive alone. elements: drive -> its elements, map frame."""
    seen = {drive: _looked_at(own) for drive, own in elements.items()}
    confirmations = {}
    for element_class in AGREEING_CLASSES:
        lines = {drive: class_lines(own, element_class).vertices for drive, own in elements.items()}
        if any(lines.values()):
            confirmations[str(element_class)] = list(confirm(lines, seen).values())
    return DriveAgreement(confirmations)


def _looked_at(elements: list[MapElement]) -> shapely.Geometry | None:
    areas = [e.geometry for e in elements if e.element_class is ElementClass.COVERAGE]
    if not areas:
        return None
    return shapely.union_all(shapely.make_valid(shapely.force_2d(np.array(areas, dtype=object))))


def _cut(confirmation: Confirmation, tile: TileId, frame: MapFrame) -> Confirmation:
    xmin, ymin, _, _ = tile.bounds_map(frame)
    offset: NDArray[np.float64] = confirmation.stations.xyz[:, :2] - (xmin, ymin)
    here = np.asarray(((offset >= 0.0) & (offset < TILE_SIZE_M)).all(axis=1))
    return Confirmation(confirmation.stations.where(here), confirmation.distance_m[here])
