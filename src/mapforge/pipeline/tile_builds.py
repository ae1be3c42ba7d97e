"""Builds of tiles: what decides them, and how they are entered in catalog and ledger once they are cut."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from mapforge.catalog import TileUpdate
from mapforge.catalog.tables import TileState
from mapforge.geometry.tiles import TileId
from mapforge.io.fingerprint import fingerprint_of, sha256_of_file
from mapforge.pipeline.plan import Task
from mapforge.pipeline.region_facts import RegionFacts
from mapforge.pipeline.stamps import StoredOutput


@dataclass(frozen=True)
class TileBuilds:
    """fused: tiles of this run -> fingerprint of their map elements. lanes: the task of their lanes."""

    facts: RegionFacts
    fused: Mapping[TileId, str]
    lanes: Mapping[TileId, Task]

    def content(self, tile: TileId) -> str:
        """Hash of all that is cut into a tile."""
        return fingerprint_of(map_elements=self._fused(tile), lanes=self._linked(tile))

    def record(
        self,
        files: Mapping[TileId, Path],
        claimed: Collection[TileId],
        run_id: str,
        delivered: Mapping[str, StoredOutput],
    ) -> None:
        """files: tile -> its new build. claimed: tiles that the run holds. delivered: what the store has already.

        A tile of another region gets a new build too, when the name of an element that crosses into it changed.
        """
        catalog, recipes = self.facts.catalog, self.facts.recipes
        catalog.record_builds(
            [(str(tile), path.stem, self._fused(tile)) for tile, path in files.items()],
            run_id,
            {str(tile): sha256_of_file(path) for tile, path in files.items()},
        )
        for tile, path in files.items():
            if tile not in claimed:
                catalog.replace_build(str(tile), path.stem)
        updates = [
            TileUpdate(str(tile), TileState.BUILT, None, None, path.stem, recipes.build, self._fused(tile))
            for tile, path in files.items()
            if tile in claimed
        ]
        catalog.set_tiles(updates)
        # claimed tiles last: a run that is killed here cuts them again, and with them the others
        for tile in sorted(files, key=lambda tile: tile in claimed):
            outputs = [files[tile], self.facts.workspace.tile_names(tile)]
            recipe = recipes.tile(self._fused(tile), self._linked(tile))
            self.facts.ledger.write("tiles", str(tile), recipe, outputs, known=delivered)

    def _fused(self, tile: TileId) -> str:
        """Fingerprint of a tile's map elements, of this run or an earlier one."""
        if tile in self.fused:
            return self.fused[tile]
        stamp = self.facts.ledger.stamp("fusion", str(tile))
        return stamp.fingerprint if stamp is not None else ""

    def _linked(self, tile: TileId) -> str:
        """Fingerprint of a tile's lanes, of this run or an earlier one."""
        task, stamp = self.lanes.get(tile), self.facts.ledger.stamp("lane_graph", str(tile))
        if task is not None and task.recipe is not None:
            return task.recipe.fingerprint
        return stamp.fingerprint if stamp is not None else ""
