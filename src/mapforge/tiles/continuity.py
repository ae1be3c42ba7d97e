"""An element that is still the same keeps the name it had in the previous release.

The same: of its class, and most of it where the old one was; one to one, what fits best first, so that the largest part
of what was split or merged keeps the name. Shares are taken piece by piece and added up over all tiles, so that the
whole element decides and one tile at a time is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements
from mapforge.io.workspace import Workspace
from mapforge.metrics.correspondence import Shares, pair_up, shares, sizes
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.tiles.naming import PieceKey, first_pieces
from mapforge.tiles.renaming import Affected

Float = NDArray[np.float64]
Index = NDArray[np.int64]
_Piece = tuple[TileId, int]

WITHIN_M = 0.5
SAME_M = 1e-3
"""Vertices this close are the same, written twice."""


@dataclass(frozen=True)
class OldPiece:
    """A piece of a tile of the previous release."""

    element_id: str
    element_class: ElementClass
    geometry: shapely.Geometry


@dataclass(frozen=True, eq=False)
class Ancestry:
    """What the pieces of one tile have in common with old elements.

    size: (N,) of each piece. piece, old_id, shared, weight: (P,) a pair each, as in `Shares`. old_size: old element ->
    how much of it lay in this tile.
    """

    size: Float
    piece: Index
    old_id: list[str]
    shared: Float
    weight: Float
    old_size: dict[str, float]


@dataclass
class PreviousRelease:
    """The tiles of a release, read one at a time; of each, only what lies along its border stays in memory.

    builds: tile -> build.
    """

    workspace: Workspace
    frame: MapFrame
    builds: Mapping[TileId, str]
    within_m: float = WITHIN_M
    _borders: dict[TileId, list[OldPiece]] = field(default_factory=dict)

    def pieces(self, tile: TileId) -> list[OldPiece]:
        """In the order of the file; none when the release has no such tile."""
        build = self.builds.get(tile)
        if build is None:
            return []
        elements, _ = read_elements(self.workspace.tile(tile, build), self.frame)
        return [OldPiece(e.element_id, e.element_class, e.geometry) for e in elements]

    def beside(self, tile: TileId) -> list[OldPiece]:
        """What other tiles hold within reach of this one's border."""
        reach = shapely.box(*tile.bounds_map(self.frame, self.within_m))
        return [
            piece for other in tile.neighbours() for piece in self._border(other) if piece.geometry.intersects(reach)
        ]

    def _border(self, tile: TileId) -> list[OldPiece]:
        if tile not in self._borders:
            inner = shapely.box(*tile.bounds_map(self.frame, -self.within_m))
            self._borders[tile] = [
                OldPiece(piece.element_id, piece.element_class, part)
                for piece in self.pieces(tile)
                if shapely.get_dimensions(piece.geometry) < 2
                for part in shapely.get_parts(shapely.difference(piece.geometry, inner))
                if not part.is_empty
            ]
        return self._borders[tile]


def ancestry_of(pieces: list[MapElement], tile: TileId, previous: PreviousRelease) -> Ancestry:
    """What the pieces of a tile were before; where the tile has not changed, row by row the same."""
    size = sizes([piece.geometry for piece in pieces])
    own = previous.pieces(tile)
    old_size = _added_up(own)
    if _same_rows(pieces, own):
        every = np.arange(len(pieces))
        return Ancestry(size, every, [piece.element_id for piece in own], size, size, old_size)
    old = own + previous.beside(tile)
    found = [_shares_of_class(pieces, old, element_class, previous.within_m) for element_class in ElementClass]
    columns = [np.concatenate([getattr(part, name) for part in found]) for name in ("new", "old", "shared", "weight")]
    old_id = [old[row].element_id for row in columns[1].tolist()]
    return Ancestry(size, columns[0], old_id, columns[2], columns[3], old_size)


@dataclass(frozen=True)
class KeptNames:
    """names: of elements that are still the same. taken: all others that no element may get."""

    names: Mapping[PieceKey, str] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()


def kept_names(
    around: Iterable[Affected],
    ancestry: Callable[[TileId], Ancestry],
    names_now: Callable[[TileId], Sequence[str] | None],
) -> KeptNames:
    """Names of elements that a change reaches and that are still the same.

    around: of all changed tiles, in any groups. names_now: of the pieces of a tile, where it was cut: what no change
    reaches stays called as it is.
    """
    element_of: dict[_Piece, PieceKey] = {}
    beside: dict[_Piece, str] = {}
    for near in around:
        first = first_pieces(near.traces, near.element)
        now = {tile: names_now(tile) for tile in near.tiles}
        for trace, number, is_reached in zip(near.traces, near.element.tolist(), near.reached.tolist()):
            called = now[trace.tile]
            if is_reached:
                element_of[trace.tile, trace.row] = first[number]
            elif called is not None:
                beside[trace.tile, trace.row] = called[trace.row]
    held = {name for piece, name in beside.items() if piece not in element_of}
    ancestries = {tile: ancestry(tile) for tile in sorted({tile for tile, _ in element_of})}
    names, old = _paired(element_of, ancestries, held)
    return KeptNames(names, frozenset(held | old))


def _paired(
    element_of: Mapping[_Piece, PieceKey], ancestries: Mapping[TileId, Ancestry], held: set[str]
) -> tuple[dict[PieceKey, str], set[str]]:
    """Element -> old name, and all old names; those that are `held` nobody gets."""
    keys = sorted(set(element_of.values()))
    names = sorted({name for own in ancestries.values() for name in (*own.old_size, *own.old_id)})
    row_of_key, row_of_name = ({item: row for row, item in enumerate(items)} for items in (keys, names))
    new_size, old_size = np.zeros(len(keys)), np.zeros(len(names))
    total: dict[tuple[int, int], Float] = {}
    for (tile, row), key in element_of.items():
        new_size[row_of_key[key]] += ancestries[tile].size[row]
    for tile, own in ancestries.items():
        for name, part in own.old_size.items():
            old_size[row_of_name[name]] += part
        for piece, name, *amount in zip(own.piece.tolist(), own.old_id, own.shared, own.weight):
            if (tile, piece) in element_of and name not in held:
                pair = row_of_key[element_of[tile, piece]], row_of_name[name]
                total[pair] = total.get(pair, np.zeros(2)) + amount
    ordered = sorted(total)
    rows = np.array(ordered, dtype=np.int64).reshape(-1, 2)
    amounts = np.array([total[pair] for pair in ordered], dtype=np.float64).reshape(-1, 2)
    pairs = pair_up(Shares(rows[:, 0], rows[:, 1], amounts[:, 0], amounts[:, 1]), new_size, old_size)
    return {keys[new]: names[old] for new, old in pairs.items()}, set(names)


def _same_rows(pieces: list[MapElement], old: list[OldPiece]) -> bool:
    if [piece.element_class for piece in pieces] != [piece.element_class for piece in old]:
        return False
    shapes = ([piece.geometry for piece in side] for side in (pieces, old))
    return bool(shapely.equals_exact(*(np.array(side, dtype=object) for side in shapes), SAME_M).all())


def _shares_of_class(
    pieces: list[MapElement], old: list[OldPiece], element_class: ElementClass, within_m: float
) -> Shares:
    new_rows = np.array([k for k, piece in enumerate(pieces) if piece.element_class is element_class], dtype=np.int64)
    old_rows = np.array([k for k, piece in enumerate(old) if piece.element_class is element_class], dtype=np.int64)
    found = shares([pieces[k].geometry for k in new_rows], [old[k].geometry for k in old_rows], within_m)
    return Shares(new_rows[found.new], old_rows[found.old], found.shared, found.weight)


def _added_up(pieces: list[OldPiece]) -> dict[str, float]:
    total: dict[str, float] = {}
    for piece, size in zip(pieces, sizes([piece.geometry for piece in pieces]).tolist()):
        total[piece.element_id] = total.get(piece.element_id, 0.0) + size
    return total
