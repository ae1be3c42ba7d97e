"""Which tiles must be fused, linked into a lane graph and cut anew, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mapforge.geometry.tiles import TileId
from mapforge.pipeline.plan import Action, Task
from mapforge.pipeline.region_facts import RegionFacts, grown
from mapforge.pipeline.standing import standing, verified


@dataclass(frozen=True)
class TilePlan:
    """Fusion, lanes and cutting of the wanted tiles.

    needed: drives whose elements fusion will read. unjudged: tiles that no run has come to a verdict on. removed: tiles
    that no drive touches any more, whose names are to be taken back.
    """

    fusion: list[Task]
    lanes: list[Task]
    cutting: list[Task]
    needed: frozenset[str]
    unjudged: frozenset[TileId]
    removed: tuple[TileId, ...] = ()

    @property
    def due(self) -> list[TileId]:
        """Tiles that something is to be done for, sorted."""
        tasks = [*self.fusion, *self.lanes, *self.cutting]
        return sorted({t.tile for t in tasks if t.tile is not None and t.action is Action.RUN} | self.unjudged)


def tile_plan(facts: RegionFacts, tiles: Sequence[TileId], undecided: Iterable[str] = ()) -> TilePlan:
    """undecided: drives of which something must be made before it is known what they are: their tiles depend on it."""
    near = facts.drives_by_tile()
    unknown = {drive: grown(facts.drives[drive].old_tiles | facts.drives[drive].path_tiles) for drive in undecided}
    fusion, lanes, cutting, needed = [], [], [], set()
    for tile in tiles:
        waiting = sorted(drive for drive, reach in unknown.items() if tile in reach)
        if waiting:
            reasons = tuple(f"on drive {drive}" for drive in waiting)
            fusion.append(Task("fusion", str(tile), Action.DEPENDS, reasons, tile=tile))
            continue
        drives = near.get(tile, [])
        task = fusion_task(facts, tile, drives)
        fusion.append(task)
        if task.action is Action.RUN:
            needed.update(drives)
    fused = {task.tile: task.recipe.fingerprint for task in fusion if task.tile is not None and task.recipe is not None}
    undecided_tiles = {task.tile for task in fusion if task.recipe is None}
    for tile in tiles:
        if undecided_tiles & {tile, *tile.neighbours()}:
            lanes.append(Task("lane_graph", str(tile), Action.DEPENDS, ("on fusion",), tile=tile))
            cutting.append(Task("tiles", str(tile), Action.DEPENDS, ("on its lanes",), tile=tile))
            continue
        lanes.append(lanes_task(facts, tile, near.get(tile, []), fused))
        cutting.append(cutting_task(facts, tile, fused[tile], lanes[-1]))
    unjudged = frozenset(set(tiles) - facts.judged_tiles)
    return TilePlan(fusion, lanes, cutting, frozenset(needed), unjudged, tuple(_removed(facts, tiles)))


def _removed(facts: RegionFacts, tiles: Sequence[TileId]) -> list[TileId]:
    """Tiles beside these that have names but no map elements: their only drive was withdrawn."""
    workspace = facts.workspace
    beside = sorted(grown(tiles) - set(tiles))
    named = [tile for tile in beside if workspace.holds(workspace.tile_names(tile))]
    return [tile for tile in named if not workspace.holds(workspace.map_elements(tile))]


def fusion_task(facts: RegionFacts, tile: TileId, drives: Iterable[str]) -> Task:
    products = {drive: str(facts.drives[drive].product) for drive in drives}
    now = standing(facts.ledger, "fusion", str(tile), facts.recipes.map_elements(products))
    now = verified(now, facts.ledger, facts.verify_fully)
    action = Action.RUN if now.is_due else Action.REUSE
    return Task("fusion", str(tile), action, now.reasons, tile=tile, recipe=now.recipe)


def lanes_task(facts: RegionFacts, tile: TileId, drives: Iterable[str], fused: Mapping[TileId, str]) -> Task:
    """fused: fingerprints of map elements as they are, or will be; of other tiles those of earlier runs count."""
    around, workspace = {}, facts.workspace
    for near in sorted({tile, *tile.neighbours()}):
        if near in fused:
            around[near] = fused[near]
        elif workspace.holds(workspace.map_elements(near)) and (stamp := facts.ledger.stamp("fusion", str(near))):
            around[near] = stamp.fingerprint
    ways = {drive: facts.drives[drive].ways for drive in drives}
    now = standing(facts.ledger, "lane_graph", str(tile), facts.recipes.lanes(around, ways))
    now = verified(now, facts.ledger, facts.verify_fully)
    action = Action.RUN if now.is_due else Action.REUSE
    return Task("lane_graph", str(tile), action, now.reasons, tile=tile, recipe=now.recipe)


def cutting_task(facts: RegionFacts, tile: TileId, fused: str, lanes: Task) -> Task:
    """A tile is cut anew with its elements; another one may be too, when the name of an element changes.

    fused: fingerprint of the tile's map elements.
    """
    assert lanes.recipe is not None
    recipe = facts.recipes.tile(fused, lanes.recipe.fingerprint)
    now = verified(standing(facts.ledger, "tiles", str(tile), recipe), facts.ledger, facts.verify_fully)
    action = Action.RUN if now.is_due else Action.REUSE
    return Task("tiles", str(tile), action, now.reasons, tile=tile, recipe=recipe)


def parked_tasks(facts: RegionFacts) -> list[Task]:
    return [
        Task("fusion", str(tile), Action.SKIP, (f"parked: {why}" if why else "parked",), tile=tile)
        for tile, why in sorted(facts.parked_of_region().items())
    ]
