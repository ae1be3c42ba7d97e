"""report.json: what a run came to, as plain values."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from mapforge.schemas.report import RunSummary
from mapforge.validation.gates import TileVerdict
from mapforge.validation.stage import ValidationResult

REPORT_VERSION = 1


def report_data(result: ValidationResult, summary: RunSummary) -> dict[str, Any]:
    """The content of report.json (the keys of DESIGN.md section 5, and more). NaN becomes null."""
    tiles = [_tile(tile) for tile in result.tiles] + [
        {"tile": t.tile, "state": "failed", "stage": t.stage, "issues": [], "error": t.error, "scores": {}}
        for t in summary.failed_tiles
    ]
    data = {
        "report_version": REPORT_VERSION,
        "run_id": summary.run_id,
        "region": summary.region,
        "crs": f"EPSG:{result.frame.epsg}",
        "origin_m": list(result.frame.origin_m),
        "epoch": result.frame.epoch,
        "code_version": summary.code_version,
        "models": dict(sorted(summary.models.items())),
        "tiles": sorted(tiles, key=lambda tile: str(tile["tile"])),
        "metrics": result.metrics,
        "judged": {
            "reference": result.scores is not None,
            "windows": len(result.judgement.windows),
            "windows_along": result.judgement.basis,
            "area_m2": None if result.judgement.area is None else round(result.judgement.area.area, 1),
        },
        "window_shifts": [shift.__dict__ for shift in (result.scores.shifts if result.scores else [])],
        "drives": [drive.__dict__ for drive in summary.drives],
        "timing_s": summary.timing_s,
        "throughput": summary.throughput,
        "peak_memory_mb": summary.peak_memory_mb,
        "notes": list(summary.notes),
        "catalog": None if summary.catalog is None else asdict(summary.catalog),
    }
    return dict(_plain(data))


def _tile(tile: TileVerdict) -> dict[str, Any]:
    return {
        "tile": tile.tile,
        "state": tile.state,
        "issues": [issue.as_dict() for issue in tile.issues],
        "error": None,
        "reasons": list(tile.reasons),
        "scores": tile.scores,
    }


def _plain(value: Any) -> Any:
    """JSON values only: numpy numbers become numbers, NaN and infinity null, numbers keep 6 digits after the point."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    number = float(value)
    return round(number, 6) if math.isfinite(number) else None
