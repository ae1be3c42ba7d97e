"""What a run would do, and why: one entry a stage and item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mapforge.geometry.tiles import TileId
from mapforge.pipeline.stamps import Recipe

STAGES = (
    "ingest",
    "localization",
    "alignment",
    "rasterization",
    "perception",
    "detection",
    "vectorization",
    "fusion",
    "lane_graph",
    "tiles",
    "validation",
)


class Action(StrEnum):
    """`depends`: what comes before it must run first; whether it then runs, shows. `skip`: parked or withdrawn."""

    RUN = "run"
    REUSE = "reuse"
    DEPENDS = "depends"
    SKIP = "skip"


@dataclass(frozen=True)
class Task:
    """One stage over one item. drive, tile: what it is about; recipe: what decides its result, when that is known."""

    stage: str
    item: str
    action: Action
    reasons: tuple[str, ...] = ()
    drive: str | None = None
    tile: TileId | None = None
    recipe: Recipe | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"stage": self.stage, "item": self.item, "action": str(self.action), "reasons": list(self.reasons)}


@dataclass
class Plan:
    """Tasks in the order of the stages."""

    tasks: list[Task] = field(default_factory=list)

    def add(self, tasks: Iterable[Task]) -> None:
        self.tasks.extend(tasks)

    @property
    def has_work(self) -> bool:
        """Something runs, or may."""
        return any(task.action in (Action.RUN, Action.DEPENDS) for task in self.tasks)

    def of(self, stage: str, *actions: Action) -> list[Task]:
        return [task for task in self.tasks if task.stage == stage and (not actions or task.action in actions)]

    def counts(self) -> dict[str, dict[str, int]]:
        """Stage -> action -> number of items; stages without items are left out."""
        counted = Counter((task.stage, str(task.action)) for task in self.tasks)
        stages = {stage: {str(a): counted[stage, str(a)] for a in Action if counted[stage, str(a)]} for stage in STAGES}
        return {stage: actions for stage, actions in stages.items() if actions}

    def as_dict(self) -> dict[str, Any]:
        return {"counts": self.counts(), "tasks": [task.as_dict() for task in self.tasks]}
