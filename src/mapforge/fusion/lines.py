"""Lines of all drives become the lines of the map, one class at a time."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.fusion.config import FusionConfig
from mapforge.fusion.consensus import Consensus, agree, crossings, pair_gates, side_gates
from mapforge.fusion.existence import Visibility, confidence
from mapforge.fusion.pieces import Piece, clipped, joined, piece_of, thinned, unlooped
from mapforge.fusion.samples import LineSamples, label_parts, sampled
from mapforge.fusion.survivors import covered, runs, smoothed, voted_labels
from mapforge.geometry.polylines import arc_length, length
from mapforge.schemas.elements import ElementClass, MapElement, content_id

Float = NDArray[np.float64]
Bounds = tuple[float, float, float, float]

_JOIN_M = 1.6
_BRANCH_M = 1.5
_LOOP_M = 6.0
_SIGMA, _CONFIDENCE, _FIRST, _LAST, _HITS = 0, 1, 2, 3, 4
_LEAST_SHARE = 0.2


def fused_lines(
    element_class: ElementClass,
    lines: list[list[MapElement]],
    drives: list[str],
    visibility: Visibility,
    core_m: Bounds,
    window_m: Bounds,
    config: FusionConfig,
) -> list[MapElement]:
    """Fused lines of one class inside the tile's core.

    lines[d]: whole lines of drive d that touch the window (core with halo).
    """
    samples = sampled(lines, window_m, config.station_m)
    if len(samples) == 0:
        return []
    consensus = _consensus(samples, len(drives), config)
    exists = confidence(
        consensus.hit_confidence,
        visibility.at(consensus.xyz_map[:, :2]),
        config.prior_log_odds,
        config.hit_weight,
        config.miss_log_odds,
    )
    exists = smoothed(samples, exists, config.smoothing_m, config.station_m)
    likely = exists >= config.min_confidence
    turn = np.radians(config.max_turn_deg)
    hidden = covered(samples, consensus.xyz_map, likely, config.station_m, turn, config.min_spacing_m)
    label = voted_labels(samples, consensus.votes, config.vote_reach_m, config.station_m)
    values = _carried(consensus, exists)
    pieces = [
        piece_of(
            consensus.xyz_map[run],
            values[run],
            samples.station[run],
            int(label[run[-1]]),
            int(samples.priority[samples.line[run[0]]]),
        )
        for run in runs(samples, likely & ~hidden, label)
        if len(run) > 1
    ]
    pieces = [piece for piece in pieces if length(piece.xyz_map) >= config.min_length_m or _touches(piece, pieces)]
    whole = [unlooped(thinned(piece), _LOOP_M) for piece in joined(pieces, _JOIN_M, _BRANCH_M)]
    return [_element(element_class, part, drives) for piece in whole for part in clipped(piece, core_m)]


def _consensus(samples: LineSamples, n_drives: int, config: FusionConfig) -> Consensus:
    found = crossings(samples, 2 * config.gate_m, config.station_m, np.radians(config.max_turn_deg))
    left, right = side_gates(samples, found, config.gate_m, config.min_spacing_m)
    return agree(
        samples,
        found,
        pair_gates(samples, found, left, right, config.gate_m),
        n_drives,
        rounds=config.rounds,
        outlier_m=config.outlier_m,
        taper_m=config.taper_m,
        smoothing_m=config.smoothing_m,
        sigma_floor_m=config.sigma_floor_m,
    )


def _carried(consensus: Consensus, exists: Float) -> Float:
    """(N, 4 + drives) what goes along with each vertex; times in microseconds, which float64 holds exactly."""
    times = consensus.seen_ns // 1000
    return np.column_stack([consensus.sigma_m, exists, times.astype(np.float64), consensus.hits.astype(np.float64)])


def _touches(piece: Piece, pieces: list[Piece]) -> bool:
    """Whether a short piece is part of a longer line: one of its ends is an end of another piece."""
    ends = {tuple(p.xyz_map[k, :2]) for p in pieces if p is not piece for k in (0, -1)}
    return any(tuple(piece.xyz_map[k, :2]) in ends for k in (0, -1))


def _element(element_class: ElementClass, piece: Piece, drives: list[str]) -> MapElement:
    values = piece.values
    weight = np.gradient(arc_length(piece.xyz_map))
    share = np.average(values[:, _HITS:], axis=0, weights=weight)
    seen_by = np.flatnonzero(share >= min(_LEAST_SHARE, share.max()))
    return MapElement(
        element_id=content_id(element_class, piece.xyz_map),
        element_class=element_class,
        geometry=shapely.LineString(piece.xyz_map),
        attributes=_attributes(element_class, piece.label),
        confidence=float(np.average(values[:, _CONFIDENCE], weights=weight)),
        sigma_m=tuple(values[:, _SIGMA].tolist()),
        n_drives=len(seen_by),
        first_seen_ns=int(values[:, _FIRST].min()) * 1000,
        last_seen_ns=int(values[:, _LAST].max()) * 1000,
        sources=tuple(drives[d] for d in seen_by),
    )


def _attributes(element_class: ElementClass, label: int) -> dict[str, str]:
    marking, colour, boundary = label_parts(label)
    if element_class is ElementClass.LANE_DIVIDER:
        return {"marking_type": marking, "colour": colour}
    return {"boundary_type": boundary} if element_class is ElementClass.ROAD_BOUNDARY else {}
