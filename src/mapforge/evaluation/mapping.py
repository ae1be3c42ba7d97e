"""Drives of a world to a judged map: the pipeline with true poses, with all drives or with one alone."""

from __future__ import annotations

import os
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from mapforge.catalog import Catalog
from mapforge.config import Settings
from mapforge.errors import NoUsableDriveError
from mapforge.evaluation.worlds import WorldFiles
from mapforge.geometry.tiles import TileId
from mapforge.io.workspace import Workspace
from mapforge.localization.config import PoseSource
from mapforge.pipeline.execution import Execution, NoProgress
from mapforge.pipeline.recipes import Recipes
from mapforge.pipeline.region import build_region
from mapforge.pipeline.region_facts import RegionFacts
from mapforge.pipeline.run import new_run_id, open_run
from mapforge.pipeline.runners import Runner
from mapforge.validation.stage import ValidationResult, workspace_inputs
from mapforge.validation.stage import run as validate


@dataclass(frozen=True, eq=False)
class JudgedMap:
    """result: the map against the truth. rasters: tile -> what each drive saw of it. drives: that it was made of."""

    workspace: Workspace
    result: ValidationResult
    rasters: dict[TileId, list[Path]]
    drives: list[str]


def map_world(
    files: WorldFiles, workspace: Workspace, logs: list[str], settings: Settings, runner: Runner
) -> JudgedMap:
    """Builds the world's map in a workspace, re-using what is valid there, and judges it.

    logs: to take in first; none = the drives of the workspace. Raises NoUsableDriveError when a drive is refused or a
    tile fails: a world that is mapped in part has no score.
    """
    own = settings_for(files, workspace, logs, settings)
    with closing(Catalog.of(own.workspace, None)) as catalog:
        execution = Execution(new_run_id(), runner, catalog, NoProgress())
        with open_run(own, execution):
            region = build_region(RegionFacts(own, catalog, Recipes.of(own)), execution)
    troubles = {**region.refused, **{str(tile): f"{stage}: {error}" for tile, (stage, error) in region.failed.items()}}
    if troubles:
        raise NoUsableDriveError(f"{own.region.name}: " + "; ".join(f"{k}: {v}" for k, v in sorted(troubles.items())))
    drives = sorted(region.drives)
    inputs = workspace_inputs(workspace, region.builds, drives, files.truth_map)
    return JudgedMap(workspace, validate(inputs, own.validation), region.rasters, drives)


def settings_for(files: WorldFiles, workspace: Workspace, logs: list[str], settings: Settings) -> Settings:
    """The user's settings, with the world's logs, truth and true poses."""
    own = deepcopy(settings)
    own.workspace, own.catalog_url = str(workspace.root), None
    own.region.name, own.region.logs, own.region.reference = files.folder.name, logs, str(files.truth_map)
    own.localization.source = PoseSource.given
    own.localization.given_folder = str(files.trajectories)
    own.localization.alignment.enabled = False
    own.telemetry.log = own.telemetry.metrics = False
    return own


def alone(files: WorldFiles, drive: str) -> Workspace:
    """A workspace with what is known of one drive of the world, up to its elements, as links to the same files."""
    source, target = files.workspace.root, files.folder / "alone"
    for path in sorted(source.rglob(f"{drive}*")) + [source / "map.json"]:
        if path.is_file() and "tmp" not in path.parts:
            _link(path, target / path.relative_to(source))
    for path in sorted((source / "drives" / drive).rglob("*")):
        if path.is_file():
            _link(path, target / path.relative_to(source))
    return Workspace(target)


def _link(path: Path, target: Path) -> None:
    """Files are replaced, never changed, so that links are as good as copies."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    os.link(path, target)
