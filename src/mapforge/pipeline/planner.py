"""Plans a region before anything runs: for every stage and item, run or reuse, and why."""

from __future__ import annotations

from pathlib import Path

from mapforge.catalog import Catalog
from mapforge.config import Settings
from mapforge.geometry.tiles import TileId
from mapforge.io.fingerprint import fingerprint_of, sha256_of_file
from mapforge.pipeline import drive_tasks, tile_tasks
from mapforge.pipeline.plan import Action, Plan, Task
from mapforge.pipeline.recipes import Recipes
from mapforge.pipeline.region_facts import RegionFacts
from mapforge.pipeline.standing import Standing, standing, verified
from mapforge.pipeline.tile_tasks import TilePlan


def plan_region(settings: Settings, catalog: Catalog, only: set[TileId] | None = None) -> Plan:
    """What `run_region` would do with the same arguments; reads stamps and sizes, writes and runs nothing.

    Raises like `run_region` where logs or weights are missing.
    """
    return plan_with_facts(RegionFacts(settings, catalog, Recipes.of(settings), only))


def plan_with_facts(facts: RegionFacts) -> Plan:
    """The same; `facts` then hold where every drive stands."""
    plan = Plan()
    facts.read_manifests()
    ingest = drive_tasks.ingest_tasks(facts)
    plan.add([*ingest, *drive_tasks.left_out_tasks(facts)])
    facts.choose_region_drives(task.drive for task in ingest if task.drive is not None)
    waiting = [task for task in ingest if task.action is Action.RUN]
    plan.add(_depends("localization", [task.drive or task.item for task in waiting], "on its ingest"))
    if not facts.workspace.has_frame():
        plan.add(_depends("localization", sorted(facts.manifests), "on the map's frame"))
        return plan
    facts.look_at_drives()
    changing = {task.drive for task in waiting if task.drive is not None}
    plan.add(task for task in drive_tasks.localization_tasks(facts) if task.drive not in changing)
    plan.add(drive_tasks.alignment_tasks(facts))
    rasterization = drive_tasks.rasterization_tasks(facts)
    plan.add(rasterization)
    undecided = {t.drive for t in rasterization if t.action is not Action.REUSE and t.drive} | (
        changing & set(facts.drives)
    )
    plan.add(_later_stages(undecided))
    tiles = tile_tasks.tile_plan(facts, _tiles(facts, undecided), undecided)
    plan.add(drive_tasks.element_tasks(facts, tiles.needed - undecided))
    plan.add([*tiles.fusion, *tile_tasks.parked_tasks(facts), *tiles.lanes, *tiles.cutting])
    plan.add(Task("tiles", str(tile), Action.RUN, ("no drive touches it any more",)) for tile in tiles.removed)
    plan.add([_validation_task(facts, tiles, plan.has_work)])
    return plan


def _validation_task(facts: RegionFacts, tiles: TilePlan, has_work: bool) -> Task:
    """The verdict on all tiles of the region together."""
    name = facts.settings.region.name
    if has_work:
        return Task("validation", name, Action.DEPENDS, ("on the tiles",))
    if tiles.unjudged:
        return Task(
            "validation", name, Action.RUN, tuple(f"tile {tile} is not judged" for tile in sorted(tiles.unjudged))
        )
    now = verdict_standing(facts, {t: build for t in facts.wanted_tiles() if (build := facts.build_of(t))})
    return Task("validation", name, Action.RUN if now.is_due else Action.REUSE, now.reasons, recipe=now.recipe)


def verdict_standing(facts: RegionFacts, builds: dict[TileId, str]) -> Standing:
    """Whether the newest report on the region still holds for these builds."""
    recipe = facts.recipes.verdict(builds, facts.basis(), _content_of(facts.settings.region.reference))
    now = standing(facts.ledger, "validation", verdict_item(facts), recipe)
    return verified(now, facts.ledger, facts.verify_fully)


def verdict_item(facts: RegionFacts) -> str:
    """A report on some tiles only is another than that on the region."""
    some = "" if facts.only is None else f"/{fingerprint_of(tiles=sorted(map(str, facts.only)))[:16]}"
    return f"{facts.settings.region.name}{some}"


def _tiles(facts: RegionFacts, undecided: set[str]) -> list[TileId]:
    """Those wanted, and those that undecided drives of the region touched before."""
    before = {tile for drive in undecided & facts.region_drives for tile in facts.drives[drive].old_tiles}
    if facts.only is not None:
        before &= facts.only
    return sorted({*facts.wanted_tiles(), *before} - set(facts.parked_tiles))


def _later_stages(drives: set[str]) -> list[Task]:
    stages = ("perception", "detection", "vectorization")
    return [Task(stage, d, Action.DEPENDS, ("on its rasters",), d) for stage in stages for d in sorted(drives)]


def _depends(stage: str, items: list[str], on: str) -> list[Task]:
    return [Task(stage, item, Action.DEPENDS, (on,)) for item in items]


def _content_of(reference: str | None) -> str:
    if reference is None:
        return ""
    path = Path(reference).expanduser()
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return fingerprint_of(files=[sha256_of_file(file) for file in files if file.is_file()])
