"""Tasks of the plan as jobs. Stages are imported here only when a job of theirs runs, so that a plan costs no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mapforge.geometry.tiles import TileId
from mapforge.ingest.discovery import find_logs
from mapforge.pipeline import stages
from mapforge.pipeline.frame_privacy import frame_filter
from mapforge.pipeline.jobs import WORKER_DIED, Job
from mapforge.pipeline.plan import Task
from mapforge.pipeline.region_facts import DriveFacts, RegionFacts
from mapforge.pipeline.stamps import Recipe
from mapforge.releases.manifest import builds_of

ON_THE_DEVICE = ("rasterization", "perception", "detection")
"""Stages whose tensors live on the device of the settings."""
LIGHT = ("fusion", "lane_graph", "tiles")
"""Stages that load no network and work on one tile in a second or so."""


def ingest_job(task: Task, facts: RegionFacts) -> Job:
    from mapforge.ingest.stage import IngestInputs

    (log,) = find_logs(Path(task.item))
    blur = frame_filter(facts.settings)
    inputs = IngestInputs(log, facts.workspace, facts.settings.region.city, facts.origin, blur)
    return Job("ingest", task.item, stages.ingest, inputs, facts.settings.ingest, task.recipe, facts.workspace, False)


def localization_job(task: Task, facts: RegionFacts) -> Job:
    from mapforge.localization.stage import LocalizationInputs

    inputs = LocalizationInputs(
        facts.workspace, task.item, facts.frame, facts.origin, _fingerprint(task), aligned_later=True
    )
    return _job(task, facts, stages.localize, inputs, facts.settings.localization)


def alignment_job(moving: Sequence[DriveFacts], settled: Sequence[DriveFacts], facts: RegionFacts) -> Job:
    """One job for all drives that are not settled yet; settled ones stay where they are and hold them in place."""
    from mapforge.localization.settling import AlignmentInputs

    unaligned = {own.drive_id: own.localization.recipe.fingerprint for own in moving}
    frozen = sorted(own.drive_id for own in settled if own.refusal is None)
    recipe = Recipe({f"drive {drive}": value for drive, value in unaligned.items()})
    inputs = AlignmentInputs(
        facts.workspace, tuple(sorted(unaligned)), tuple(frozen), facts.frame, unaligned, recipe.fingerprint
    )
    config = facts.settings.localization.alignment
    return Job("alignment", "map", stages.align, inputs, config, recipe, facts.workspace, stamps=False)


def rasterization_job(task: Task, facts: RegionFacts) -> Job:
    from mapforge.rasterization.stage import RasterizationInputs

    inputs = RasterizationInputs(
        facts.workspace, task.item, facts.frame, None, _fingerprint(task), facts.recipes.device
    )
    return _job(task, facts, stages.rasterize, inputs, facts.settings.rasterization)


def perception_job(task: Task, facts: RegionFacts) -> Job:
    from mapforge.perception.stage import PerceptionInputs

    assert task.tile is not None and task.drive is not None
    inputs = PerceptionInputs(
        facts.workspace,
        task.tile,
        task.drive,
        facts.frame,
        facts.recipes.bev_weights,
        facts.recipes.device,
        _fingerprint(task),
    )
    return _job(task, facts, stages.perceive, inputs, facts.settings.perception, stamps=False)


def detection_job(task: Task, facts: RegionFacts) -> Job:
    from mapforge.perception.signs import SignInputs

    inputs = SignInputs(
        facts.workspace,
        task.item,
        facts.frame,
        facts.recipes.sign_weights,
        facts.recipes.device,
        _fingerprint(task),
    )
    return _job(task, facts, stages.detect, inputs, facts.settings.perception)


def vectorization_job(task: Task, facts: RegionFacts) -> Job:
    from mapforge.vectorization.stage import VectorizationInputs

    own = facts.drives[task.item]
    tiles = sorted(set(own.tiles or ()) - own.missing)
    inputs = VectorizationInputs(facts.workspace, task.item, facts.frame, tiles, _fingerprint(task))
    return _job(task, facts, stages.vectorize, inputs, facts.settings.vectorization)


def fusion_job(task: Task, drives: Sequence[str], facts: RegionFacts) -> Job:
    from mapforge.fusion.stage import FusionInputs

    assert task.tile is not None
    inputs = FusionInputs(facts.workspace, task.tile, facts.frame, list(drives), _fingerprint(task))
    return _job(task, facts, stages.fuse, inputs, facts.settings.fusion)


def lanes_job(task: Task, drives: Sequence[str], facts: RegionFacts) -> Job:
    from mapforge.lane_graph.stage import LaneGraphInputs

    assert task.tile is not None
    inputs = LaneGraphInputs(facts.workspace, task.tile, facts.frame, list(drives), _fingerprint(task))
    return _job(task, facts, stages.link_lanes, inputs, facts.settings.lane_graph)


def cutting_job(pieces: dict[TileId, str], removed: Sequence[TileId], facts: RegionFacts) -> Job:
    """pieces: tiles whose map elements are new -> their fingerprint. removed: tiles that are no more."""
    from mapforge.tiles.stage import TilesInputs

    previous = builds_of(facts.workspace, facts.settings.tiles.previous_release)
    inputs = TilesInputs(
        facts.workspace, sorted(pieces), facts.frame, facts.recipes.metadata, pieces, previous, list(removed)
    )
    recipe = Recipe({str(tile): value for tile, value in pieces.items()})
    config = facts.settings.tiles
    return Job(
        "tiles",
        "map",
        stages.cut,
        inputs,
        config,
        recipe,
        facts.workspace,
        False,
        is_light=_is_light("tiles", "map", facts),
    )


def _job(
    task: Task, facts: RegionFacts, run: Callable[[Any, Any], list[Path]], inputs: Any, config: Any, stamps: bool = True
) -> Job:
    uses_device, is_light = task.stage in ON_THE_DEVICE, _is_light(task.stage, task.item, facts)
    return Job(task.stage, task.item, run, inputs, config, task.recipe, facts.workspace, stamps, uses_device, is_light)


def _is_light(stage: str, item: str, facts: RegionFacts) -> bool:
    """What took its process along when it was tried last goes to a worker, however little it needs."""
    if stage not in LIGHT:
        return False
    tried = facts.catalog.attempts(item=item, stage=stage, limit=1)
    return not tried or not (tried[0].error or "").startswith(WORKER_DIED)


def _fingerprint(task: Task) -> str:
    assert task.recipe is not None
    return task.recipe.fingerprint
