"""What drives, and the vehicles they saw, say about strips: whether they are driven in, and which way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.lane_graph.sections import NONE, Nearby
from mapforge.lane_graph.strips import Strips, windowed_sum
from mapforge.lane_graph.traffic import Traffic

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

_DRIVEN = 0.2


@dataclass(frozen=True, eq=False)
class Votes:
    """paths, traffic: (N,) of drives and of what they saw, + along the strip. half_m: half length over which they are
    gathered along it."""

    paths: Float
    traffic: Float
    half_m: float

    def where(self, mask: Mask) -> Votes:
        """Those of the samples that are wanted."""
        return Votes(self.paths[mask], self.traffic[mask], self.half_m)

    def is_driven(self, strips: Strips) -> Mask:
        """(N,) whether somebody drives there, either way."""
        number = windowed_sum(np.ones(len(strips)), strips, self.half_m)
        driven = ((self.paths != 0.0) | (self.traffic != 0.0)).astype(np.float64)
        return np.asarray(windowed_sum(driven, strips, self.half_m) > _DRIVEN * number)


def path_votes(strips: Strips, nearby: Nearby, paths: list[Float]) -> Float:
    """(N,) how much is driven along (+) or against (-) the strip at each sample; one vote a drive and sample.

    paths: (M, 3) positions of whole drives, map frame, at most a few metres apart.
    """
    return traffic_votes(strips, nearby, [Traffic(*_steps(path)) for path in paths])


def traffic_votes(strips: Strips, nearby: Nearby, seen: Sequence[Traffic]) -> Float:
    """(N,) which way others drove, + along the strip; one vote a drive that saw them and sample."""
    votes = np.zeros(len(strips))
    along = strips.along
    for traffic in seen:
        heading = traffic.heading
        at = nearby.inside(traffic.xy_m, heading)
        own = at[at != NONE]
        sense = np.sign((along[own] * heading[at != NONE]).sum(axis=1))
        here = np.zeros(len(strips))
        np.add.at(here, own, sense)
        votes += np.sign(here)
    return votes


def _steps(path: Float) -> tuple[Float, Float]:
    """Positions and directions of travel, about a metre apart, where the car moves."""
    steps = np.linalg.norm(np.diff(path[:, :2], axis=0), axis=1)
    station = np.concatenate([[0.0], np.cumsum(steps)])
    kept = np.unique(np.searchsorted(station, np.arange(0.0, station[-1], 1.0)))
    xy = path[kept, :2]
    if len(xy) < 3:
        return np.zeros((0, 2)), np.zeros((0, 2))
    heading = np.gradient(xy, axis=0)
    return xy, heading / np.maximum(np.linalg.norm(heading, axis=1, keepdims=True), 1e-9)
