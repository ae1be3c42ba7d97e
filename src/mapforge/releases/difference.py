"""The difference between two releases. Only tiles whose build differs are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements
from mapforge.io.workspace import Workspace
from mapforge.releases.changes import Change, ChangeKind, Whole, changes_between, gathered, partners
from mapforge.releases.manifest import ReleaseManifest, read_release
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.schemas.whole import whole_elements

GROUND = (ElementClass.COVERAGE, ElementClass.DRIVABLE_AREA)
"""Areas nobody asks of as elements: what was gained and lost of them is reported."""
LEAST_AREA_M2 = 1.0


@dataclass(frozen=True)
class ReleaseDifference:
    """old, new: names. tiles_changed: in both, with different builds. changes: by class and id.

    unchanged: elements of the new release, in the tiles that were read, that did not change. ids_kept: of the elements
    that are in both, how many have the same id; ids_paired: how many are in both.
    """

    old: str
    new: str
    frame: MapFrame
    moved_m: float
    tiles_added: tuple[TileId, ...]
    tiles_removed: tuple[TileId, ...]
    tiles_changed: tuple[TileId, ...]
    changes: tuple[Change, ...]
    unchanged: tuple[Whole, ...]
    ids_kept: int
    ids_paired: int

    @property
    def tiles(self) -> list[TileId]:
        """All that were read."""
        return sorted((*self.tiles_added, *self.tiles_removed, *self.tiles_changed))

    def counts(self) -> dict[str, dict[str, dict[str, float]]]:
        """Class -> kind -> count, length_m, area_m2, and the largest distance_m of what moved."""
        table: dict[str, dict[str, dict[str, float]]] = {}
        for change in self.changes:
            cell = table.setdefault(str(change.element_class), {}).setdefault(str(change.kind), {"count": 0})
            cell["count"] += 1
            for name, value in (("length_m", change.length_m), ("area_m2", change.area_m2)):
                if value:
                    cell[name] = round(cell.get(name, 0.0) + value, 3)
            if change.distance_m is not None:
                cell["distance_m"] = max(cell.get("distance_m", 0.0), change.distance_m)
        return table

    def as_dict(self) -> dict[str, Any]:
        """Plain values, without geometry."""
        return {
            "old": self.old,
            "new": self.new,
            "moved_m": self.moved_m,
            "tiles": {
                "added": list(map(str, self.tiles_added)),
                "removed": list(map(str, self.tiles_removed)),
                "changed": list(map(str, self.tiles_changed)),
            },
            "ids_kept": self.ids_kept,
            "ids_paired": self.ids_paired,
            "changes": self.counts(),
        }


def difference(
    workspace: Workspace, old: str | ReleaseManifest, new: str | ReleaseManifest, moved_m: float = 0.1
) -> ReleaseDifference:
    """old, new: releases, by name (or `current`) or as they are. moved_m: what lies nearer than this has not moved.

    Raises UnknownReleaseError, CrsMismatchError when they are in different CRSs, MissingInputError when a tile of one
    is gone.
    """
    before, after = (read_release(workspace, r) if isinstance(r, str) else r for r in (old, new))
    after.frame.require_same_crs(before.epsg, f"release {before.name}")
    files = before.files(workspace), after.files(workspace)
    changed = [tile for tile in sorted(set(files[0]) & set(files[1])) if files[0][tile] != files[1][tile]]
    added, removed = sorted(set(files[1]) - set(files[0])), sorted(set(files[0]) - set(files[1]))
    old_pieces = {tile: _read(files[0][tile], after.frame) for tile in (*changed, *removed)}
    new_pieces = {tile: _read(files[1][tile], after.frame) for tile in (*changed, *added)}
    old_whole, new_whole = _whole(old_pieces.values()), _whole(new_pieces.values())
    pairs = partners(old_whole, new_whole)
    changes = changes_between(old_whole, new_whole, pairs, moved_m)
    changes += [change for tile in (*changed, *removed, *added) for change in _ground(old_pieces, new_pieces, tile)]
    touched = {(change.element_class, change.element_id) for change in changes if change.kind is not ChangeKind.REMOVED}
    return ReleaseDifference(
        before.name,
        after.name,
        after.frame,
        moved_m,
        tuple(added),
        tuple(removed),
        tuple(changed),
        tuple(changes),
        tuple(whole for whole in new_whole if (whole.element_class, whole.element_id) not in touched),
        sum(new_whole[i].element_id == old_whole[j].element_id for i, j in pairs.items()),
        len(pairs),
    )


def _read(path: Path, frame: MapFrame) -> list[MapElement]:
    return read_elements(path, frame)[0]


def _whole(tiles: Iterable[list[MapElement]]) -> list[Whole]:
    return gathered(whole_elements([piece for tile in tiles for piece in tile if piece.element_class not in GROUND]))


def _ground(
    old: Mapping[TileId, Sequence[MapElement]], new: Mapping[TileId, Sequence[MapElement]], tile: TileId
) -> list[Change]:
    """Area of the ground classes that a tile gained and lost."""
    found = []
    for element_class in GROUND:
        areas = [_united(side.get(tile, ()), element_class) for side in (old, new)]
        for kind, area in (
            (ChangeKind.REMOVED, shapely.difference(areas[0], areas[1])),
            (ChangeKind.ADDED, shapely.difference(areas[1], areas[0])),
        ):
            parts = [p for p in shapely.get_parts(area) if p.area >= LEAST_AREA_M2]
            if parts:
                found.append(Change(kind, element_class, str(tile), shapely.MultiPolygon(parts)))
    return found


def _united(elements: Sequence[MapElement], element_class: ElementClass) -> shapely.Geometry:
    shapes = [element.geometry for element in elements if element.element_class is element_class]
    return shapely.union_all(shapely.make_valid(shapely.force_2d(np.array(shapes, dtype=object))))
