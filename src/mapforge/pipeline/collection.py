"""Removes what nothing needs, oldest first, until the workspace fits its budget.

Rasters and observations of drives whose elements are finished, old tile builds, old reports. Never what a release
holds, and nothing at all while another run is at work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mapforge.catalog import Catalog
from mapforge.catalog.owner import is_dead
from mapforge.catalog.tables import RunState, TileState
from mapforge.config import Settings
from mapforge.geometry.tiles import TileId
from mapforge.io import mirror
from mapforge.io.drive_frames import is_frame_file, remove_frames
from mapforge.io.object_store import StoredObject
from mapforge.io.workspace import Workspace
from mapforge.pipeline.recipes import Recipes
from mapforge.pipeline.region_facts import DriveFacts, RegionFacts
from mapforge.pipeline.stage_files import tile_of
from mapforge.pipeline.standing import verified
from mapforge.releases.manifest import read_release, release_names
from mapforge.releases.retention import needed_builds

GB = 1e9
PARTS_OF_A_TILE_FILE = 5
"""Of rasters/<epsg>/<column>/<row>/<drive>.parquet."""


@dataclass(frozen=True)
class Unneeded:
    """Files that belong together. what: in words, as `rasters of drive monday`. modified_ns: of the newest file."""

    what: str
    files: tuple[Path, ...]
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True)
class Collection:
    """removed: what went, oldest first. used_bytes: of the workspace before. note: why nothing could be removed."""

    removed: tuple[Unneeded, ...]
    used_bytes: int
    budget_bytes: int
    note: str = ""

    @property
    def freed_bytes(self) -> int:
        return sum(group.size_bytes for group in self.removed)

    def as_dict(self) -> dict[str, Any]:
        return {
            "removed": [
                {"what": group.what, "files": len(group.files), "bytes": group.size_bytes} for group in self.removed
            ],
            "freed_bytes": self.freed_bytes,
            "used_bytes": self.used_bytes,
            "budget_bytes": self.budget_bytes,
            "fits": self.used_bytes - self.freed_bytes <= self.budget_bytes,
            "note": self.note,
        }


def collect(settings: Settings, catalog: Catalog, dry: bool = False, own_run: str | None = None) -> Collection:
    """Frees space down to engine.storage_budget_gb (none = everything stays).

    dry: only says what would go. own_run: the run that asks; any other living one keeps everything as it is.
    """
    workspace = Workspace.at(settings.workspace)
    used = sum(item.size_bytes for item in mirror.listing(workspace).values())
    budget = used if settings.engine.storage_budget_gb is None else round(settings.engine.storage_budget_gb * GB)
    if used <= budget:
        return Collection((), used, budget)
    if _others_are_running(catalog, own_run):
        return Collection((), used, budget, "another run is at work: nothing is removed before it ends")
    removed = []
    left = used
    for group in sorted(unneeded(settings, catalog), key=lambda group: (group.modified_ns, group.what)):
        if left <= budget:
            break
        removed.append(group)
        left -= group.size_bytes
        if not dry:
            mirror.delete(workspace, group.files)
    note = "what is left is needed" if left > budget else ""
    return Collection(tuple(removed), used, budget, note)


def remove_used_frames(
    settings: Settings, catalog: Catalog, dry: bool = False, own_run: str | None = None
) -> tuple[Unneeded, ...]:
    """Deletes camera frames of drives whose elements and signs are made; nothing is made again because of it.

    dry: only says what would go. Nothing goes while another run is at work.
    """
    facts = RegionFacts(settings, catalog, Recipes.of(settings))
    workspace = facts.workspace
    held: dict[str, dict[Path, StoredObject]] = {}
    for path, item in mirror.listing(workspace, "drives").items():
        if is_frame_file(path.name):
            held.setdefault(path.parent.name, {})[path] = item
    if not held or not workspace.has_frame() or _others_are_running(catalog, own_run):
        return ()
    facts.read_manifests()
    facts.look_at_drives()
    removed: list[Unneeded] = []
    for drive, frames in held.items():
        own = facts.drives.get(drive)
        if own is not None and _is_finished(own, facts) and _has_signs(own, facts):
            removed += _group(f"camera frames of drive {drive}", frames)
            if not dry:
                remove_frames(workspace, drive, frames)
    return tuple(removed)


def _has_signs(own: DriveFacts, facts: RegionFacts) -> bool:
    """Its detections are there and fit."""
    if own.detections is None or own.detections.stamp is None:
        return False
    return not verified(own.detections, facts.ledger, facts.verify_fully).is_due


def unneeded(settings: Settings, catalog: Catalog) -> Iterator[Unneeded]:
    """Everything that could be removed without a run having to make it again while nothing changes."""
    facts = RegionFacts(settings, catalog, Recipes.of(settings))
    workspace = facts.workspace
    facts.read_manifests()
    if workspace.has_frame():
        facts.look_at_drives()
    finished = {drive for drive, own in facts.drives.items() if _is_finished(own, facts)}
    for folder in ("rasters", "observations"):
        by_drive: dict[str, dict[Path, StoredObject]] = {}
        for path, item in mirror.listing(workspace, folder).items():
            if path.stem in finished and len(path.relative_to(workspace.root).parts) == PARTS_OF_A_TILE_FILE:
                by_drive.setdefault(path.stem, {})[path] = item
        for drive, files in sorted(by_drive.items()):
            yield from _group(f"{folder} of drive {drive}", files)
    current = catalog.current_builds()
    kept = needed_builds(workspace) | {workspace.tile(TileId.parse(t), build) for t, build in current.items()}
    for path, item in mirror.listing(workspace, "tiles").items():
        if path.suffix == ".parquet" and path not in kept:
            yield from _group(f"build {path.stem} of tile {tile_of(path)}", {path: item})
    reports: dict[str, dict[Path, StoredObject]] = {}
    for path, item in mirror.listing(workspace, "reports").items():
        reports.setdefault(path.relative_to(workspace.reports).parts[0], {})[path] = item
    reported = {run for run, own in reports.items() if workspace.reports / run / "report.json" in own}
    needed = _needed_reports(facts, reported)
    for run, own in reports.items():
        if run not in needed:
            yield from _group(f"report of run {run}", own)


def _is_finished(own: DriveFacts, facts: RegionFacts) -> bool:
    """Its elements are there, made of all it saw: what they were made of is needed no more."""
    if own.elements is None or own.elements.stamp is None or own.missing:
        return False
    return not verified(own.elements, facts.ledger, facts.verify_fully).is_due


def _needed_reports(facts: RegionFacts, reported: set[str]) -> set[str]:
    """Runs whose report is the newest of its region, of a release, or of tiles in trouble. reported: all there are."""
    catalog, workspace = facts.catalog, facts.workspace
    newest: dict[str, str] = {}
    for run in catalog.runs():
        if run.run_id in reported:
            newest.setdefault(run.region, run.run_id)
    trouble = (TileState.FAILED, TileState.REJECTED, TileState.PARKED)
    needed = {tile.run_id for state in trouble for tile in catalog.tiles(state=state) if tile.run_id is not None}
    needed |= {read_release(workspace, name).run_id for name in release_names(workspace)}
    stamps = (workspace.root / "stamps" / "validation").rglob("*.json")
    items = [path.relative_to(workspace.root / "stamps" / "validation").with_suffix("").as_posix() for path in stamps]
    held = (facts.ledger.stamp("validation", item) for item in items)
    return needed | set(newest.values()) | {str(stamp.notes["run_id"]) for stamp in held if stamp is not None}


def _group(what: str, files: Mapping[Path, StoredObject]) -> Iterator[Unneeded]:
    """One group, or none when it has no files."""
    if files:
        size = sum(item.size_bytes for item in files.values())
        yield Unneeded(what, tuple(sorted(files)), size, max(item.modified_ns for item in files.values()))


def _others_are_running(catalog: Catalog, own_run: str | None) -> bool:
    return any(run.run_id != own_run and not is_dead(run.owner) for run in catalog.runs(state=RunState.RUNNING))
