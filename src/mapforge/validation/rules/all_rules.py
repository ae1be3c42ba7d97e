"""Runs every rule over a map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.schemas.issues import Issue
from mapforge.validation.config import ValidationConfig
from mapforge.validation.rules.absurd_values import absurd_geometry, absurd_lanes
from mapforge.validation.rules.boundary_crossings import steep_crossings
from mapforge.validation.rules.crossings_on_road import crossings_off_road
from mapforge.validation.rules.duplicate_lines import duplicate_lines
from mapforge.validation.rules.findings import Piece, to_issues
from mapforge.validation.rules.floating_elements import floating_elements
from mapforge.validation.rules.lane_connections import (
    Lanes,
    broken_links,
    crossing_lanes,
    dead_ends,
    swapped_borders,
)
from mapforge.validation.rules.seams import open_seams
from mapforge.validation.rules.self_intersection import self_intersections
from mapforge.validation.rules.stated_uncertainty import implausible_uncertainty
from mapforge.validation.rules.vocabulary import unknown_words


def check_rules(
    pieces: list[Piece], frame: MapFrame, paths: list[NDArray[np.float64]], config: ValidationConfig
) -> list[Issue]:
    """Issues of all rules, rule by rule. Pieces without usable geometry are reported once and seen by no other rule."""
    absurd = absurd_geometry(pieces, frame, config.max_line_length_m)
    whole = [p for p in pieces if not p.element.geometry.is_empty and np.isfinite(p.element.xyz_map[:, :2]).all()]
    lanes = Lanes(whole)
    found = {
        "absurd_geometry": absurd,
        "absurd_lane": absurd_lanes(
            whole, config.min_lane_width_m, config.max_lane_width_m, config.max_speed_limit_mps
        ),
        "lane_dead_end": dead_ends(lanes),
        "lane_link": broken_links(lanes, config.lane_gap_m),
        "lanes_cross": crossing_lanes(lanes),
        "lane_borders_swapped": swapped_borders(lanes),
        "self_intersection": self_intersections(whole),
        "duplicate_line": duplicate_lines(whole),
        "floating_element": floating_elements(whole, paths, config.max_height_above_ground_m),
        "crossing_off_road": crossings_off_road(whole),
        "boundary_crosses_divider": steep_crossings(whole),
        "open_seam": open_seams(whole, frame, config.seam_m),
        "unknown_word": unknown_words(pieces),
        "implausible_uncertainty": implausible_uncertainty(whole, config.max_sigma_m),
    }
    return [issue for rule, findings in found.items() for issue in to_issues(rule, findings, frame)]
