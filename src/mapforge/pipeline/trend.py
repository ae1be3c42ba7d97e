"""How runs of a region went, one after the other: cost, tiles, quarantine and quality, read from their reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mapforge.io.workspace import Workspace
from mapforge.schemas.report import TrendPoint, trend_point

MOST_READ = 400
"""Reports looked at, newest first: a region that ran long ago is not searched for without end."""


def trend_of(workspace: Workspace, region: str | None, limit: int) -> list[TrendPoint]:
    """The newest `limit` runs that changed something, oldest first; unreadable reports are passed over."""
    points: list[TrendPoint] = []
    for folder in sorted((workspace.root / "reports").glob("*"), reverse=True)[:MOST_READ]:
        report = _read(folder / "report.json")
        if report is None or "unchanged_since" in report or region not in (None, report.get("region")):
            continue
        points.append(trend_point(report))
        if len(points) == limit:
            break
    return points[::-1]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    needed = ("run_id", "tiles", "drives", "throughput", "timing_s", "metrics", "judged")
    return report if isinstance(report, dict) and all(name in report for name in needed) else None
