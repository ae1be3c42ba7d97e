"""Which tiles each window touches, known beforehand from the path, so that a tile is written as soon as it is done."""

from __future__ import annotations

from dataclasses import dataclass

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId, tiles_near
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import SweepIndex


@dataclass(frozen=True)
class Schedule:
    """touched: sorted tiles of each window. finished: tiles that no later window touches, by the last that does."""

    touched: tuple[tuple[TileId, ...], ...]
    finished: tuple[tuple[TileId, ...], ...]

    @classmethod
    def of(
        cls,
        windows: list[list[int]],
        index: SweepIndex,
        trajectory: Trajectory,
        frame: MapFrame,
        reach_m: float,
        wanted: list[TileId] | None,
    ) -> Schedule:
        """windows: sweeps of each. wanted: tiles to keep, None = all."""
        keep = None if wanted is None else set(wanted)
        touched = []
        for sweeps in windows:
            _, translation = trajectory.poses_at(index.timestamps_ns[sweeps])
            near = tiles_near(translation, frame, reach_m)
            touched.append(tuple(tile for tile in near if keep is None or tile in keep))
        last = {tile: k for k, tiles in enumerate(touched) for tile in tiles}
        finished = tuple(tuple(t for t in tiles if last[t] == k) for k, tiles in enumerate(touched))
        return cls(tuple(touched), finished)

    def forgettable(self, k: int) -> list[TileId]:
        """Tiles finished by window k or before it none of whose neighbours is still to be written."""
        done = {tile for tiles in self.finished[: k + 1] for tile in tiles}
        pending = {tile for tiles in self.finished[k + 1 :] for tile in tiles}
        return sorted(tile for tile in done if not pending & {tile, *tile.neighbours()})
