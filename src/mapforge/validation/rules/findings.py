"""What a rule sees of a map, and how it says where something is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.schemas.elements import MapElement
from mapforge.schemas.issues import Issue, Severity

NO_PLACE = (float("nan"), float("nan"))


@dataclass(frozen=True, eq=False)
class Piece:
    """An element as one tile holds it. tile: None in a map without tiles."""

    tile: TileId | None
    element: MapElement


@dataclass(frozen=True)
class Finding:
    """What is wrong with a piece. x_m, y_m: where, map frame; NaN = the middle of the piece."""

    severity: Severity
    piece: Piece
    message: str
    x_m: float = float("nan")
    y_m: float = float("nan")


def error(piece: Piece, message: str, at: tuple[float, float] = NO_PLACE) -> Finding:
    return Finding(Severity.ERROR, piece, message, *at)


def warning(piece: Piece, message: str, at: tuple[float, float] = NO_PLACE) -> Finding:
    return Finding(Severity.WARNING, piece, message, *at)


def to_issues(rule: str, findings: list[Finding], frame: MapFrame) -> list[Issue]:
    """Findings with their place on earth."""
    if not findings:
        return []
    places = np.array([_place(finding) for finding in findings])
    lon_lat = frame.to_wgs84(np.column_stack([places, np.zeros(len(places))]))
    return [
        Issue(
            f.severity,
            rule,
            f.piece.element.element_id,
            str(f.piece.tile or ""),
            f.message,
            round(float(xy[0]), 3),
            round(float(xy[1]), 3),
            round(float(ll[0]), 8),
            round(float(ll[1]), 8),
        )
        for f, xy, ll in zip(findings, places, lon_lat)
    ]


def _place(finding: Finding) -> tuple[float, float]:
    if np.isfinite(finding.x_m) and np.isfinite(finding.y_m):
        return finding.x_m, finding.y_m
    xy = shapely.get_coordinates(finding.piece.element.geometry)
    xy = xy[np.isfinite(xy).all(axis=1)]
    if len(xy):
        return float(xy[len(xy) // 2, 0]), float(xy[len(xy) // 2, 1])
    return 0.0, 0.0
