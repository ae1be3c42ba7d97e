"""Do the drives confirm each other, and the map of the others? Over the whole, tile by tile, drive by drive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TILE_SIZE_M, TileId
from mapforge.metrics.agreement import Confirmation, LeftOut, agreement, confirm, left_out, left_out_scores
from mapforge.metrics.observed_shift import observed_shift
from mapforge.metrics.polygons import outline_vertices
from mapforge.metrics.stations import SegmentIndex, Stations
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.validation.class_lines import class_lines

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

AGREEING_CLASSES = (ElementClass.LANE_DIVIDER, ElementClass.ROAD_BOUNDARY, ElementClass.PED_CROSSING)
NOWHERE = np.array([np.nan, np.nan])


@dataclass(frozen=True)
class DriveOffset:
    """How one drive lies to the others.

    length_m: of its lines that others could confirm; found: the share of them that another drive, or the map of the
    others, has within 0.5 m. east_m, north_m: what would bring it onto the others where it lies furthest beside them;
    NaN where too little is common.
    """

    drive_id: str
    length_m: float
    found: float
    east_m: float
    north_m: float

    @property
    def shift_m(self) -> float:
        return float(np.hypot(self.east_m, self.north_m))


@dataclass(frozen=True, eq=False)
class DriveAgreement:
    """confirmations, left_out: class -> drive -> its samples inside the judged tiles."""

    confirmations: dict[str, dict[str, Confirmation]]
    left_out: dict[str, dict[str, LeftOut]]
    offsets: list[DriveOffset]

    def values(self) -> dict[str, dict[str, float]]:
        """Class -> scores over the whole map."""
        return {
            name: agreement(list(own.values())) | left_out_scores(list(self.left_out[name].values()))
            for name, own in self.confirmations.items()
        }

    def without(self, tiles: Iterable[TileId], frame: MapFrame) -> DriveAgreement:
        """The same as if some of the tiles had not been judged; the drives' offsets stay."""
        left_out_tiles = _inside_of(tiles, frame)

        def outside(stations: Stations) -> Bool:
            return ~left_out_tiles(stations.xyz)

        confirmed = {
            name: {drive: c.where(outside(c.stations)) for drive, c in own.items()}
            for name, own in self.confirmations.items()
        }
        left = {
            name: {drive: part.where(outside(part.saw), outside(part.mapped)) for drive, part in own.items()}
            for name, own in self.left_out.items()
        }
        return DriveAgreement(confirmed, left, self.offsets)

    def in_tile(self, tile: TileId, frame: MapFrame) -> dict[str, float]:
        """Scores of all classes together in one tile."""

        def here(stations: Stations) -> Bool:
            return _in_tile(stations.xyz, tile, frame)

        confirmed = [c.where(here(c.stations)) for own in self.confirmations.values() for c in own.values()]
        parts = [
            part.where(here(part.saw), here(part.mapped)) for own in self.left_out.values() for part in own.values()
        ]
        return agreement(confirmed) | left_out_scores(parts)


def drive_agreement(
    elements: Mapping[str, list[MapElement]],
    mapped: Sequence[MapElement],
    tiles: Iterable[TileId],
    frame: MapFrame,
    window_m: float,
) -> DriveAgreement:
    """Leaves every drive out in turn. elements: drive -> its own elements; mapped: the map, whole elements; both in

    the map frame. tiles: what is judged; samples elsewhere do not count. window_m: stretch over which one offset of a
    drive is estimated.
    """
    seen = {drive: _looked_at(own) for drive, own in elements.items()}
    judged = _inside_of(tiles, frame)
    confirmations, without, lines_of = {}, {}, {}
    for element_class in AGREEING_CLASSES:
        lines = {drive: class_lines(own, element_class).vertices for drive, own in elements.items()}
        if not any(lines.values()):
            continue
        confirmed = {drive: c.where(judged(c.stations.xyz)) for drive, c in confirm(lines, seen).items()}
        vertices, sigma, sources = _supported(mapped, element_class)
        name = str(element_class)
        parts = left_out(confirmed, lines, seen, vertices, sigma, sources)
        without[name] = {
            drive: part.where(np.ones(len(part.saw), dtype=bool), judged(part.mapped.xyz))
            for drive, part in parts.items()
        }
        confirmations[name], lines_of[name] = confirmed, lines
    offsets = [_offset(drive, confirmations, without, lines_of, window_m) for drive in sorted(elements)]
    return DriveAgreement(confirmations, without, offsets)


def _supported(
    mapped: Sequence[MapElement], element_class: ElementClass
) -> tuple[list[Float], list[Float], list[tuple[str, ...]]]:
    """Lines of a class of the map, not joined, so that each keeps its own sources. Unseen dividers are left out."""
    chosen = [e for e in mapped if e.element_class is element_class and e.attributes.get("marking_type") != "none"]
    vertices, owner = outline_vertices([e.geometry for e in chosen])
    sigma = [np.array(chosen[i].sigma_m, dtype=np.float64) for i in owner]
    return vertices, sigma, [chosen[i].sources for i in owner]


def _offset(
    drive: str,
    confirmations: dict[str, dict[str, Confirmation]],
    without: dict[str, dict[str, LeftOut]],
    lines: dict[str, dict[str, list[Float]]],
    window_m: float,
) -> DriveOffset:
    """The shift of each stretch of a drive against the lines of all other drives; the largest counts."""
    own = {name: by_drive[drive].stations for name, by_drive in confirmations.items()}
    others = {
        name: SegmentIndex([line for other in sorted(by_drive) if other != drive for line in by_drive[other]])
        for name, by_drive in lines.items()
    }
    cells = {name: np.floor(stations.xyz[:, :2] / window_m) for name, stations in own.items()}
    places = np.unique(np.concatenate([np.zeros((0, 2)), *cells.values()]), axis=0)
    shifts = [
        observed_shift({name: own[name].where((cells[name] == place).all(axis=1)) for name in own}, others)
        for place in places
    ]
    east, north = max((shift for shift in shifts if shift is not None), key=np.linalg.norm, default=NOWHERE)
    parts = [by_drive[drive] for by_drive in without.values()]
    known = sum(float(p.saw.length_m[p.confirmed | np.isfinite(p.offset_m)].sum()) for p in parts)
    length = float(sum(stations.length_m.sum() for stations in own.values()))
    return DriveOffset(drive, length, known / length if length else float("nan"), float(east), float(north))


def _looked_at(elements: list[MapElement]) -> shapely.Geometry | None:
    areas = [e.geometry for e in elements if e.element_class is ElementClass.COVERAGE]
    if not areas:
        return None
    return shapely.union_all(shapely.make_valid(shapely.force_2d(np.array(areas, dtype=object))))


def _inside_of(tiles: Iterable[TileId], frame: MapFrame) -> Callable[[Float], Bool]:
    """Whether points (N, >=2) lie in any of the tiles."""
    cells = {(tile.column, tile.row) for tile in tiles}

    def judged(xyz: Float) -> Bool:
        index = np.floor((xyz[:, :2] + np.array(frame.origin_m)) / TILE_SIZE_M).astype(np.int64)
        distinct, which = np.unique(index, axis=0, return_inverse=True)
        wanted = np.array([tuple(cell) in cells for cell in distinct.tolist()], dtype=bool)
        return np.asarray(wanted[which.ravel()]) if len(distinct) else np.zeros(0, dtype=bool)

    return judged


def _in_tile(xyz: Float, tile: TileId, frame: MapFrame) -> Bool:
    xmin, ymin, _, _ = tile.bounds_map(frame)
    offset = xyz[:, :2] - (xmin, ymin)
    return np.asarray(((offset >= 0.0) & (offset < TILE_SIZE_M)).all(axis=1))
