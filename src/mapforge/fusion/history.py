"""What the drives, one after the other, say of each guide: is it there now, where, and which drives err."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.fusion.along_line import means_along
from mapforge.fusion.changes import moved_since, presence
from mapforge.fusion.config import FusionConfig
from mapforge.fusion.consensus import Observed, weighted_median
from mapforge.fusion.existence import Visibility, confidence
from mapforge.fusion.samples import LineSamples

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Bool = NDArray[np.bool_]

_OUTLIER_SIGMAS = 4.0
_MOSTLY = 0.6


@dataclass(frozen=True, eq=False)
class History:
    """counts: (N, drives) drives whose view of the guide counts. exists: (N,) probability that it is there now.

    outlying: (N, drives) saw it far from where the others did. moved: (N,) first drive that saw it at its present
    place, 0 = it did not move. gone, came: (N,) probability that it went, or came, while the drives went by.
    xy_map: (N, 2) where the guides were before they were fused.
    """

    xy_map: Float
    counts: Bool
    exists: Float
    there: Bool
    outlying: Bool
    moved: Index
    gone: Float
    came: Float

    def inside(self, bounds_m: tuple[float, float, float, float]) -> Bool:
        """(N,) which guides lie in the bounds."""
        x, y = self.xy_map.T
        return np.asarray((x >= bounds_m[0]) & (x < bounds_m[2]) & (y >= bounds_m[1]) & (y < bounds_m[3]))

    def take(self, index: Bool) -> History:
        return History(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def history_of(guides: LineSamples, seen: Observed, visibility: Visibility, config: FusionConfig) -> History:
    places = max(1, round(config.vote_reach_m / config.station_m))
    moved = _moved(guides, seen, places, config)
    current = np.arange(seen.there.shape[1])[None] >= moved[:, None]
    outlying = _outlying(guides, seen, current, places, config)
    counts = current & ~outlying
    hits = np.where(counts & seen.there, seen.confidence, 0.0)
    missed = np.where(counts & ~seen.there, visibility.at(guides.xyz_map), 0.0)
    gone, not_yet = _presence(guides, seen.there & counts, missed, places, config)
    sure = confidence(hits, missed * (1.0 - not_yet), config.prior_log_odds, config.hit_weight, config.miss_log_odds)
    smoothing = max(1, round(config.smoothing_m / config.station_m))
    return History(
        xy_map=guides.xyz_map[:, :2],
        counts=counts,
        exists=np.where(hits.any(axis=1), means_along(guides, sure * (1.0 - gone), smoothing), 0.0),
        there=seen.there,
        outlying=outlying,
        moved=moved,
        gone=gone,
        came=not_yet.max(axis=1),
    )


def _moved(guides: LineSamples, seen: Observed, places: int, config: FusionConfig) -> Index:
    """(N,) `moved_since` of offsets pooled along the line; a move holds on most of the line around."""
    there = seen.there.astype(np.float64)
    offset = means_along(guides, seen.offset_m, places, there)
    since = moved_since(offset, means_along(guides, there, places) >= 0.5, config.min_move_m, config.min_newer_drives)
    around = means_along(guides, (since > 0).astype(np.float64), places)
    newer = np.arange(there.shape[1])[None] >= since[:, None]
    return np.where((around >= _MOSTLY) & (newer & seen.there).any(axis=1), since, 0)


def _outlying(guides: LineSamples, seen: Observed, current: Bool, places: int, config: FusionConfig) -> Bool:
    """(N, drives) drives that over metres lie far from where at least two others are."""
    there = seen.there & current
    middle = weighted_median(seen.offset_m, np.where(there, seen.weight, 0.0))
    weight = there.astype(np.float64)
    aside = np.abs(means_along(guides, seen.offset_m - middle[:, None], places, weight))
    limit = np.maximum(config.outlier_drive_m, _OUTLIER_SIGMAS * means_along(guides, seen.sigma_m, places, weight))
    far = there & (aside > limit)
    agree = (there & ~far).sum(axis=1)
    return np.asarray(far & (agree >= 2)[:, None])


def _presence(guides: LineSamples, hit: Bool, missed: Float, places: int, config: FusionConfig) -> tuple[Float, Float]:
    """`presence` with sightings pooled along the line."""
    weight = np.maximum(hit, missed)
    seen = means_along(guides, hit.astype(np.float64), places)
    looked = means_along(guides, weight, places)
    return presence(np.minimum(seen, 1.0), np.clip(looked - seen, 0.0, 1.0), config.min_newer_drives)
