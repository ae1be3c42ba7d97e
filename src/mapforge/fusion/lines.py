"""Lines of all drives become the lines of the map, one class at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.fusion.association import Gates, side_gates
from mapforge.fusion.config import FusionConfig
from mapforge.fusion.consensus import Observed, Placed, observed, placed
from mapforge.fusion.existence import Visibility
from mapforge.fusion.findings import Change, changes_of
from mapforge.fusion.guides import guides_of
from mapforge.fusion.history import History, history_of
from mapforge.fusion.labels import Labels, labels_of
from mapforge.fusion.pieces import Piece, clipped, joined, piece_of, thinned, unlooped
from mapforge.fusion.samples import LineSamples, label_parts, sampled
from mapforge.fusion.survivors import bridged, covered, runs
from mapforge.fusion.symbols import without_symbols
from mapforge.fusion.uncertainty import FAR_M, common_sigma, datum_variance, relative_sigma
from mapforge.geometry.polylines import arc_length, length
from mapforge.schemas.elements import ElementClass, MapElement, content_id

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
Bounds = tuple[float, float, float, float]

_JOIN_M = 1.6
_TOUCHING_M = 0.05
_BRANCH_M = 1.5
_LOOP_M = 6.0
_SIGMA, _CONFIDENCE, _FIRST, _LAST, _HITS = 0, 1, 2, 3, 4
_LEAST_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class SeenLines:
    """What all drives saw of one class. lines[d]: whole lines of drive d near the tile, drives in the order of time.

    names, starts_ns: of the drives. datum_sigma_m: (drives,) of the error each shares with the drives it is aligned to.
    """

    element_class: ElementClass
    lines: list[list[MapElement]]
    names: list[str]
    starts_ns: list[int]
    datum_sigma_m: Float


@dataclass(frozen=True, eq=False)
class FusedLines:
    """elements, and what the drives said of the guides, inside the core; changes: what came, went, moved. pieces: the
    lines of the whole window."""

    elements: list[MapElement]
    pieces: list[Piece]
    history: History | None
    changes: list[Change]


def fused_lines(
    seen: SeenLines,
    visibility: Visibility,
    core_m: Bounds,
    window_m: Bounds,
    config: FusionConfig,
    boundaries: list[Piece] | None = None,
) -> FusedLines:
    """Fused lines of one class inside the tile's core. window_m: core with halo. boundaries: of the road, by which
    dividers are told from symbols in a lane."""
    samples = sampled(seen.lines, window_m, config.station_m)
    if len(samples) == 0:
        return FusedLines([], [], None, [])
    gates = _gates(config)
    guides, views = _guides_and_views(samples, gates, len(seen.names), config)
    history = history_of(guides, views, visibility, config)
    place = placed(guides, views, history.counts, config.outlier_m, config.smoothing_m)
    labels = labels_of(guides, views, history.counts, config)
    path_m = visibility.to_nearest_path_m(guides.xyz_map, FAR_M)
    values = _carried(seen, guides, views, place, history, labels, path_m, config)
    stop_lines = seen.element_class is ElementClass.STOP_LINE
    least = config.min_stop_line_confidence if stop_lines else config.min_confidence
    pieces = _pieces(guides, place, values, history, labels, least, config)
    whole = [unlooped(thinned(piece), _LOOP_M) for piece in joined(pieces, _JOIN_M, _BRANCH_M)]
    whole = _without_scraps(whole, config.min_length_m, _TOUCHING_M)
    if seen.element_class is ElementClass.LANE_DIVIDER:
        whole = without_symbols(
            whole,
            boundaries or [],
            config.min_divider_m,
            config.longest_symbol_m,
            config.narrowest_lanes_m,
            config.level_gate_m,
        )
    elements = [_element(seen, part) for piece in whole for part in clipped(piece, core_m)]
    inside = history.inside(core_m)
    here = history.take(inside)
    found = changes_of(seen.element_class, here, labels.since[inside], seen.starts_ns, config.station_m)
    return FusedLines(elements, whole, here, found)


def _gates(config: FusionConfig) -> Gates:
    turn = float(np.radians(config.max_turn_deg))
    return Gates(config.gate_m, config.min_spacing_m, config.level_gate_m, config.station_m, turn)


def _guides_and_views(
    samples: LineSamples, gates: Gates, n_drives: int, config: FusionConfig
) -> tuple[LineSamples, Observed]:
    sides = side_gates(samples, gates)
    chosen = guides_of(samples, sides, gates, config.vote_reach_m)
    guides = samples.take(chosen)
    views = observed(
        guides,
        samples,
        sides,
        (sides[0][chosen], sides[1][chosen]),
        gates,
        n_drives,
        rounds=config.rounds,
        outlier_m=config.outlier_m,
        taper_m=config.taper_m,
        sigma_floor_m=config.sigma_floor_m,
    )
    return guides, views


def _carried(
    seen: SeenLines,
    guides: LineSamples,
    views: Observed,
    place: Placed,
    history: History,
    labels: Labels,
    path_m: Float,
    config: FusionConfig,
) -> Float:
    """(N, 4 + drives) what goes along with each vertex; times in microseconds, which float64 holds exactly."""
    own = relative_sigma(guides, views, place, config.pooling_m, config.station_m, config.stated_sigma_scale)
    shared = common_sigma(seen.element_class, labels, history.exists, path_m, guides.end_m, config)
    sigma = np.sqrt(own**2 + shared**2 + datum_variance(place, seen.datum_sigma_m))
    hits = history.counts & views.there
    newest = hits & labels.counts
    first_ns = np.where(newest, views.first_ns, views.last_ns.max(axis=1, keepdims=True)).min(axis=1)
    last_ns = np.where(hits, views.last_ns, 0).max(axis=1)
    times = np.stack([first_ns, last_ns], axis=1) // 1000
    return np.column_stack([sigma, history.exists, times.astype(np.float64), hits.astype(np.float64)])


def _pieces(
    guides: LineSamples,
    place: Placed,
    values: Float,
    history: History,
    labels: Labels,
    least: float,
    config: FusionConfig,
) -> list[Piece]:
    """Runs of guides that stay, one for every line and label. least: confidence of those that exist."""
    sure, likely = (history.exists >= level for level in (least, config.bridge_confidence))
    stays = bridged(guides, sure, likely, round(config.bridge_m / config.station_m))
    turn = float(np.radians(config.max_turn_deg))
    stays &= ~covered(guides, place.xyz_map, stays, config.station_m, turn, config.min_spacing_m, config.level_gate_m)
    pieces = [
        piece_of(
            place.xyz_map[run],
            values[run],
            guides.station[run],
            int(labels.label[run[-1]]),
            int(guides.priority[guides.line[run[0]]]),
        )
        for run in runs(guides, stays, labels.label)
        if len(run) > 1
    ]
    return _without_scraps(pieces, config.min_length_m, _JOIN_M)


def _without_scraps(pieces: list[Piece], least_m: float, reach_m: float) -> list[Piece]:
    """Pieces long enough, and short ones that close a gap: both their ends are near an end of another piece."""
    if not pieces:
        return []
    ends = np.array([piece.xyz_map[k, :2] for piece in pieces for k in (0, -1)])
    pairs = cKDTree(ends).query_pairs(reach_m, output_type="ndarray")
    meets = np.zeros(len(ends), dtype=bool)
    meets[pairs[pairs[:, 0] // 2 != pairs[:, 1] // 2].ravel()] = True
    bridges = meets[0::2] & meets[1::2]
    return [piece for piece, bridge in zip(pieces, bridges) if bridge or length(piece.xyz_map) >= least_m]


def _element(seen: SeenLines, piece: Piece) -> MapElement:
    values = piece.values
    weight = np.gradient(arc_length(piece.xyz_map))
    share = np.average(values[:, _HITS:], axis=0, weights=weight)
    seen_by = np.flatnonzero(share >= min(_LEAST_SHARE, share.max()))
    return MapElement(
        element_id=content_id(seen.element_class, piece.xyz_map),
        element_class=seen.element_class,
        geometry=shapely.LineString(piece.xyz_map),
        attributes=_attributes(seen.element_class, piece.label),
        confidence=float(np.average(values[:, _CONFIDENCE], weights=weight)),
        sigma_m=tuple(values[:, _SIGMA].tolist()),
        n_drives=len(seen_by),
        first_seen_ns=int(values[:, _FIRST].min()) * 1000,
        last_seen_ns=int(values[:, _LAST].max()) * 1000,
        sources=tuple(sorted(seen.names[d] for d in seen_by)),
    )


def _attributes(element_class: ElementClass, label: int) -> dict[str, str]:
    marking, colour, boundary = label_parts(label)
    if element_class is ElementClass.LANE_DIVIDER:
        return {"marking_type": marking, "colour": colour}
    return {"boundary_type": boundary} if element_class is ElementClass.ROAD_BOUNDARY else {}
