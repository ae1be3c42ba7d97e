"""Writes what a run came to: report.json for programs, report.html for people."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from mapforge.geometry.tiles import TileId
from mapforge.io.atomic import write_text
from mapforge.schemas.report import RunSummary
from mapforge.validation.gates import TileVerdict
from mapforge.validation.pictures import tile_picture
from mapforge.validation.report_data import report_data
from mapforge.validation.report_page import report_page
from mapforge.validation.stage import ValidationResult


def write_report(
    result: ValidationResult,
    summary: RunSummary,
    folder: Path,
    tmp: Path,
    rasters: Mapping[TileId, Sequence[Path]] | None = None,
    worst_tiles: int = 4,
) -> tuple[Path, Path]:
    """Writes report.json and report.html into `folder`, each atomically; returns their paths.

    rasters: the raster files of tiles, as backgrounds of the pictures of the worst; without them they are dark.
    """
    data = report_data(result, summary)
    pictures = worst_pictures(result, rasters or {}, worst_tiles)
    json_path, html_path = folder / "report.json", folder / "report.html"
    write_text(json_path, json.dumps(data, indent=1, allow_nan=False) + "\n", tmp)
    write_text(html_path, report_page(result, summary, data, pictures), tmp)
    return json_path, html_path


def worst_pictures(result: ValidationResult, rasters: Mapping[TileId, Sequence[Path]], count: int) -> dict[str, bytes]:
    """Caption -> PNG of the tiles that score worst among those with something in them."""
    ranked = sorted((tile for tile in result.tiles if _has_content(tile)), key=lambda tile: (_quality(tile), tile.tile))
    pictures = {}
    for verdict in ranked[:count]:
        tile = TileId.parse(verdict.tile)
        bounds = tile.bounds_map(result.frame)
        caption = f"{verdict.tile}: {verdict.state}. {_caption(verdict)}"
        pictures[caption] = tile_picture(list(rasters.get(tile, ())), bounds, result.predicted, result.truth)
    return pictures


def _has_content(tile: TileVerdict) -> bool:
    scores = tile.scores
    return scores.get("truth_length_m", 0.0) + scores.get("predicted_length_m", 0.0) > 20.0 or (
        "truth_length_m" not in scores and scores.get("agreement_length_m", 0.0) > 20.0
    )


def _quality(tile: TileVerdict) -> float:
    """Mean of the shares that are known; 1 when none is."""
    names = ("completeness_0.5m", "correctness_0.5m", "agreement_0.5m")
    known = [tile.scores[n] for n in names if math.isfinite(tile.scores.get(n, math.nan))]
    return sum(known) / len(known) if known else 1.0


def _caption(tile: TileVerdict) -> str:
    names = (("completeness_0.5m", "complete"), ("correctness_0.5m", "correct"), ("agreement_0.5m", "agreement"))
    return ", ".join(
        f"{label} {tile.scores[n]:.2f}" for n, label in names if math.isfinite(tile.scores.get(n, math.nan))
    )
