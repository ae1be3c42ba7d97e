"""One world, from its drives to its scores."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from mapforge.config import Settings
from mapforge.evaluation.counts import shares, total
from mapforge.evaluation.line_counts import line_counts
from mapforge.evaluation.mapping import JudgedMap, alone, map_world
from mapforge.evaluation.reliability import cell_bins, instance_bins
from mapforge.evaluation.sign_counts import sign_counts
from mapforge.evaluation.world_scores import ALONE, FUSED, MapFigures, WorldScores, defined
from mapforge.evaluation.worlds import HeldOutWorld, WorldFiles, keep_as_ready, simulate
from mapforge.geometry.tiles import TileId
from mapforge.io.atomic import atomic_file
from mapforge.pipeline.runners import Runner
from mapforge.validation.map_scores import SCORED_CLASSES
from mapforge.validation.pictures import tile_picture

logger = logging.getLogger(__name__)

PICTURES_A_WORLD = 2
PICTURE_MARGIN_M = 2.0
LEAST_TRUTH_M = 30.0
"""Tiles with less truth are not shown: nothing much can be wrong there."""


def score_world(
    world: HeldOutWorld, files: WorldFiles, settings: Settings, runner: Runner, workers: int, pictures: Path
) -> WorldScores:
    """Simulates, maps and scores a world; what is there already is used again.

    pictures: folder for the worst tiles. Raises NoUsableDriveError when the world cannot be mapped as a whole.
    """
    started = time.perf_counter()
    logs = simulate(files, workers, lambda done, drives, drive: logger.info("%s: %d of %d drives", drive, done, drives))
    seconds = {"simulation": time.perf_counter() - started}
    fused = map_world(files, files.workspace, logs, settings, runner)
    if logs:
        keep_as_ready(files, settings.evaluation.keep_logs)
    seconds[FUSED] = time.perf_counter() - started - sum(seconds.values())
    maps = {FUSED: _figures(fused, world, files, settings)}
    if settings.evaluation.single_drive and len(fused.drives) > 1:
        single = map_world(files, alone(files, fused.drives[0]), [], settings, runner)
        maps[ALONE] = _figures(single, world, files, settings)
        seconds[ALONE] = time.perf_counter() - started - sum(seconds.values())
    observations = _observations(fused, settings.evaluation.calibration_tiles, world.seed)
    scores = WorldScores(
        world.name, world.family_name, world.condition, world.seed, world.place, world.cameras, maps,
        cell_bins(observations, fused.result.truth), instance_bins(fused.result),
        _worst(fused, maps[FUSED], world, pictures),
    )  # fmt: skip
    seconds["scoring"] = time.perf_counter() - started - sum(seconds.values())
    scores.seconds.update({name: round(value, 2) for name, value in seconds.items()})
    return scores


def _figures(mapped: JudgedMap, world: HeldOutWorld, files: WorldFiles, settings: Settings) -> MapFigures:
    result = mapped.result
    assert result.scores is not None
    counts = line_counts(result)
    if world.cameras:
        for tile, own in sign_counts(files, mapped, settings.evaluation.sign_range_m).items():
            counts.setdefault(tile, {}).update(own)
    return MapFigures(defined(result.scores.values), dict(sorted(counts.items())))


def _observations(mapped: JudgedMap, most: int, seed: int) -> list[Path]:
    """Some of the observations of single drives, the same ones every time."""
    folder = mapped.workspace.root / "observations"
    paths = sorted(path for drive in mapped.drives for path in folder.glob(f"*/*/*/{drive}.parquet"))
    order = np.random.default_rng(seed).permutation(len(paths))[:most]
    return [paths[i] for i in sorted(order)]


def _judged_bounds(mapped: JudgedMap, tile: TileId) -> tuple[float, float, float, float]:
    """The part of a tile that is judged, with a margin: the rest of it nobody looked at."""
    xmin, ymin, xmax, ymax = tile.bounds_map(mapped.result.frame)
    area = mapped.result.judgement.area
    judged = (xmin, ymin, xmax, ymax) if area is None else area.intersection(shapely.box(xmin, ymin, xmax, ymax)).bounds
    low = np.maximum(np.array(judged[:2]) - PICTURE_MARGIN_M, (xmin, ymin))
    high = np.minimum(np.array(judged[2:]) + PICTURE_MARGIN_M, (xmax, ymax))
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _worst(mapped: JudgedMap, figures: MapFigures, world: HeldOutWorld, folder: Path) -> dict[str, dict[str, Any]]:
    """Pictures of the tiles with the lowest F score over the line and area classes together."""
    ranked = []
    for tile, own in figures.counts.items():
        together = total(own[str(name)] for name in SCORED_CLASSES if str(name) in own)
        if together.get("truth_m", 0.0) >= LEAST_TRUTH_M:
            ranked.append((float(shares(together)["f1"]), tile))
    shown = {}
    for score, tile in sorted(ranked)[:PICTURES_A_WORLD]:
        file = f"{world.name}-{tile.replace('/', '-')}.png"
        bounds = _judged_bounds(mapped, TileId.parse(tile))
        rasters = mapped.rasters.get(TileId.parse(tile), [])
        with atomic_file(folder / file, folder / "tmp") as unfinished:
            unfinished.write_bytes(tile_picture(rasters, bounds, mapped.result.predicted, mapped.result.truth, 8.0))
        shown[file] = {"tile": tile, "f1": round(score, 4), "world": world.name}
    return shown
