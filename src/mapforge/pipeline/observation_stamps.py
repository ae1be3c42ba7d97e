"""Observations are made a tile and stamped a drive."""

from __future__ import annotations

from collections.abc import Sequence

from mapforge.pipeline.execution import StageResult
from mapforge.pipeline.plan import Action, Task
from mapforge.pipeline.region_facts import RegionFacts
from mapforge.pipeline.stamps import Recipe, StoredOutput

STAGE = "perception"


def stamp_observations(tasks: Sequence[Task], done: StageResult, facts: RegionFacts) -> None:
    """One stamp a drive for all its observations that are there; what is missing is known to `facts` afterwards."""
    by_drive: dict[str, list[Task]] = {}
    for task in tasks:
        by_drive.setdefault(str(task.drive), []).append(task)
    for drive, own in by_drive.items():
        bad = {task.tile for task in own if task.item in done.errors or task.action is Action.SKIP}
        good = [task.tile for task in own if task.tile is not None and task.tile not in bad]
        if any(task.action is Action.RUN for task in own):
            paths = [facts.workspace.observation(tile, drive) for tile in good]
            recipe = facts.observations_recipe(facts.drives[drive])
            known = {**_stamped_before(drive, recipe, facts), **done.delivered}
            facts.ledger.write(STAGE, drive, recipe, paths, known=known)
        facts.look_at_elements(facts.drives[drive], {tile for tile in bad if tile is not None})


def _stamped_before(drive: str, recipe: Recipe, facts: RegionFacts) -> dict[str, StoredOutput]:
    """Outputs of a remote workspace that an earlier run stamped: they need not lie here."""
    stamp = facts.ledger.stamp(STAGE, drive) if facts.workspace.store is not None else None
    if stamp is None or dict(stamp.parts) != dict(recipe.parts):
        return {}
    return {output.name: output for output in stamp.outputs}
