"""Names over tile borders, kept right when some tiles change.

A change of one tile can rename only elements that now reach into it or that used to: those have a piece in it or one
that ends on its border. From these pieces on, elements are followed over borders as far as they go, and no farther.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.tiles.naming import PieceTrace, elements_of

Index = NDArray[np.int64]

_ON_BORDER_M = 2e-3

TracesOf = Callable[[TileId], list[PieceTrace]]


@dataclass(frozen=True)
class Naming:
    """How pieces of different tiles become one element."""

    frame: MapFrame
    meet_m: float
    max_turn_rad: float


@dataclass(frozen=True, eq=False)
class Affected:
    """Changed tiles and what hangs together with them.

    traces: of every tile looked at, tile after tile in order. element: (N,) which element each piece belongs to.
    reached: (N,) pieces whose name may have changed; the others keep theirs.
    """

    traces: list[PieceTrace]
    element: Index
    reached: NDArray[np.bool_]

    @property
    def tiles(self) -> list[TileId]:
        return sorted({trace.tile for trace in self.traces})


def affected_by(changed: Iterable[TileId], traces_of: TracesOf, naming: Naming) -> Affected:
    """All pieces of the changed tiles and of the elements whose name a change of them decides.

    traces_of: of any tile as it is now; empty where there is none.
    """
    own = set(changed)
    loaded: dict[TileId, list[PieceTrace]] = {}
    reach_in: dict[TileId, list[set[TileId]]] = {}
    beyond = {*own, *(near for tile in own for near in tile.neighbours())}
    affected = Affected([], np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool))
    while beyond:
        loaded.update({tile: traces_of(tile) for tile in beyond})
        reach_in.update({tile: [_reach(trace, naming) for trace in loaded[tile]] for tile in beyond})
        traces = [trace for tile in sorted(loaded) for trace in loaded[tile]]
        reaches = [reach for tile in sorted(loaded) for reach in reach_in[tile]]
        element = elements_of(traces, naming.meet_m, naming.max_turn_rad)
        seeds = [trace.tile in own or not own.isdisjoint(reach) for trace, reach in zip(traces, reaches)]
        reached = np.isin(element, np.unique(element[np.array(seeds, dtype=bool)]))
        affected = Affected(traces, element, reached)
        beyond = {tile for k in np.flatnonzero(reached) for tile in reaches[k]} - set(loaded)
    return affected


def _reach(trace: PieceTrace, naming: Naming) -> set[TileId]:
    """Other tiles in which this piece may go on."""
    if not len(trace.ends) and not len(trace.sides):
        return set()
    around = naming.meet_m + _ON_BORDER_M
    along = trace.sides[:, 2:].mean(axis=1)
    across_x, across_y = np.column_stack([trace.sides[:, 1], along]), np.column_stack([along, trace.sides[:, 1]])
    points = np.concatenate([trace.ends[:, :2], np.where(trace.sides[:, :1] == 0, across_x, across_y)])
    offsets = np.array([(dx, dy) for dx in (-around, around) for dy in (-around, around)])
    corners = (points[:, None] + offsets).reshape(-1, 2)
    return {TileId.at(naming.frame, x, y) for x, y in corners.tolist()} - {trace.tile}
