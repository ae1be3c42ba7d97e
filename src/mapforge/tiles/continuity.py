"""An element that is still the same keeps the name it had in the previous release.

The same: of its class, and most of it where the old one was; one to one, what fits best first, so that the largest part
of what was split or merged keeps the name. Shares are taken piece by piece and added up over all tiles, so that the
whole element decides and one tile at a time is in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements
from mapforge.io.parquet import read_metadata
from mapforge.io.workspace import Workspace
from mapforge.metrics.correspondence import Shares, pair_up, shares, sizes
from mapforge.schemas.elements import ElementClass, MapElement

Float = NDArray[np.float64]
Index = NDArray[np.int64]

WITHIN_M = 0.5


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

    def is_of(self, tile: TileId, fingerprint: str) -> bool:
        """True when the released tile was cut from the map elements with this fingerprint: it has the same rows."""
        build = self.builds.get(tile)
        return build is not None and read_metadata(self.workspace.tile(tile, build)).get("fingerprint") == fingerprint

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


def ancestry_of(pieces: list[MapElement], tile: TileId, fingerprint: str, previous: PreviousRelease) -> Ancestry:
    """What the pieces of a tile were before. fingerprint: of the map elements they come from."""
    size = sizes([piece.geometry for piece in pieces])
    own = previous.pieces(tile)
    old_size = _added_up(own)
    if previous.is_of(tile, fingerprint) and len(own) == len(pieces):
        every = np.arange(len(pieces))
        return Ancestry(size, every, [piece.element_id for piece in own], size, size, old_size)
    old = own + previous.beside(tile)
    found = [_shares_of_class(pieces, old, element_class, previous.within_m) for element_class in ElementClass]
    columns = [np.concatenate([getattr(part, name) for part in found]) for name in ("new", "old", "shared", "weight")]
    old_id = [old[row].element_id for row in columns[1].tolist()]
    return Ancestry(size, columns[0], old_id, columns[2], columns[3], old_size)


def kept_names(ancestries: Sequence[Ancestry], element: Index) -> dict[int, str]:
    """Element -> the name it keeps; those that are new are left out.

    ancestries: tile after tile. element: (N,) which element each piece belongs to, over all tiles, from 0.
    """
    names = sorted({name for ancestry in ancestries for name in (*ancestry.old_size, *ancestry.old_id)})
    row_of = {name: row for row, name in enumerate(names)}
    old_size = np.zeros(len(names))
    for ancestry in ancestries:
        for name, part in ancestry.old_size.items():
            old_size[row_of[name]] += part
    first = np.cumsum([0, *(len(ancestry.size) for ancestry in ancestries)])
    new = np.concatenate([element[ancestry.piece + start] for ancestry, start in zip(ancestries, first)])
    old = np.array([row_of[name] for ancestry in ancestries for name in ancestry.old_id], dtype=np.int64)
    pair, row = np.unique(np.column_stack([new, old]), axis=0, return_inverse=True)
    shared = _sums(row.reshape(-1), [ancestry.shared for ancestry in ancestries])
    weight = _sums(row.reshape(-1), [ancestry.weight for ancestry in ancestries])
    size = _sums(element, [ancestry.size for ancestry in ancestries])
    pairs = pair_up(Shares(pair[:, 0], pair[:, 1], shared, weight), size, old_size)
    return {number: names[row] for number, row in pairs.items()}


def _shares_of_class(
    pieces: list[MapElement], old: list[OldPiece], element_class: ElementClass, within_m: float
) -> Shares:
    new_rows = np.array([k for k, piece in enumerate(pieces) if piece.element_class is element_class], dtype=np.int64)
    old_rows = np.array([k for k, piece in enumerate(old) if piece.element_class is element_class], dtype=np.int64)
    found = shares([pieces[k].geometry for k in new_rows], [old[k].geometry for k in old_rows], within_m)
    return Shares(new_rows[found.new], old_rows[found.old], found.shared, found.weight)


def _sums(group: Index, values: list[Float]) -> Float:
    """Sum of the values of each group, from 0."""
    return np.bincount(group, weights=np.concatenate(values)).astype(np.float64)


def _added_up(pieces: list[OldPiece]) -> dict[str, float]:
    total: dict[str, float] = {}
    for piece, size in zip(pieces, sizes([piece.geometry for piece in pieces]).tolist()):
        total[piece.element_id] = total.get(piece.element_id, 0.0) + size
    return total
