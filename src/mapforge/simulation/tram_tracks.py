"""Tram rails that lie in the road, along lanes and on through junctions."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.simulation.lanes import Lane
from mapforge.simulation.world import FeatureKind, RoadFeature

Float = NDArray[np.float64]

GAUGE_M = 1.435
RAIL_M = 0.07
GROOVE_M = 0.05
BED_M = 2.5


def lay_tracks(lanes: list[Lane], rng: np.random.Generator) -> list[RoadFeature]:
    """Rails with their grooves, in a bed of another asphalt or concrete where the seed has one."""
    features: list[RoadFeature] = []
    bed = [FeatureKind.LIGHT_BED, FeatureKind.DARK_BED, None][int(rng.integers(3))]
    for lane in lanes:
        if not lane.tracks or lane.turn not in ("", "straight"):
            continue
        axis = shapely.LineString(lane.centreline)
        if bed is not None:
            features += _features(axis.buffer(BED_M / 2, cap_style="flat"), bed)
        for side in (-1.0, 1.0):
            rail = axis.offset_curve(side * (GAUGE_M / 2 + RAIL_M / 2))
            groove = axis.offset_curve(side * (GAUGE_M / 2 - GROOVE_M / 2))
            features += _features(groove.buffer(GROOVE_M / 2, cap_style="flat"), FeatureKind.GROOVE)
            features += _features(rail.buffer(RAIL_M / 2, cap_style="flat"), FeatureKind.RAIL)
    return features


def _features(area: shapely.Geometry, kind: FeatureKind) -> list[RoadFeature]:
    parts = [part for part in shapely.get_parts(area) if isinstance(part, shapely.Polygon) and not part.is_empty]
    return [RoadFeature(part, kind) for part in parts]
