"""New weights against old ones, and into their place when they may."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from safetensors import SafetensorError, safe_open

from mapforge.config import Settings
from mapforge.errors import MissingInputError, ModelError
from mapforge.evaluation.gate import Change, compare
from mapforge.evaluation.stage import EvaluationInputs, EvaluationResult, Progress, run, with_weights
from mapforge.io.atomic import atomic_file
from mapforge.models.bev_segmenter import ARCHITECTURE as BEV
from mapforge.models.shipped import BEV_SEGMENTER, SIGN_DETECTOR
from mapforge.models.sign_detector import ARCHITECTURE as SIGNS


class Role(StrEnum):
    """What weights are for."""

    bev = "bev"
    signs = "signs"


SHIPPED_NAMES = {Role.bev: BEV_SEGMENTER, Role.signs: SIGN_DETECTOR}


@dataclass(frozen=True)
class Comparison:
    """new, old: on the same worlds. changes: of every figure."""

    new: EvaluationResult
    old: EvaluationResult
    changes: list[Change]

    @property
    def falls(self) -> list[Change]:
        return [change for change in self.changes if change.fell]

    @property
    def passes(self) -> bool:
        """No class fell by more than noise, and every world was mapped with both."""
        return bool(self.changes) and not self.falls and not self.new.failed and not self.old.failed


def role_of(weights: Path) -> Role:
    """Which model weights are of, by their header. Raises MissingInputError or ModelError."""
    if not weights.is_file():
        raise MissingInputError(f"model weights {weights} are missing; train them with `mapforge train`")
    try:
        with safe_open(weights, framework="pt") as stream:
            architecture = json.loads((stream.metadata() or {}).get("model", "{}")).get("architecture")
    except (SafetensorError, ValueError) as error:
        raise ModelError(f"{weights} is no safetensors file: {error}") from error
    roles = {BEV: Role.bev, SIGNS: Role.signs}
    if architecture not in roles:
        raise ModelError(f"{weights} holds weights of '{architecture}': {' or '.join(roles)} can be evaluated")
    return roles[architecture]


def with_role(settings: Settings, role: Role, weights: Path) -> Settings:
    """The settings with weights in their place. Signs are scored on the worlds with cameras alone: others show none."""
    other = with_weights(settings, **{str(role): weights})
    config = other.evaluation
    if role is Role.signs:
        config.worlds = config.worlds[: config.camera_worlds] or config.worlds[:1]
        config.camera_worlds, config.single_drive = len(config.worlds), False
    return other


def compare_weights(
    role: Role, new: Path, old: Path, folder: Path, settings: Settings, progress: Progress
) -> Comparison:
    """Evaluates both on the worlds of the settings."""
    results = [run(EvaluationInputs(folder, with_role(settings, role, path)), progress) for path in (old, new)]
    changes = compare(results[1].worlds, results[0].worlds, settings.evaluation)
    return Comparison(results[1], results[0], changes)


def replace_weights(new: Path, old: Path, tmp: Path) -> None:
    """Puts weights and card into the place of others; the card last, each atomically."""
    for source, target in ((new, old), (new.with_suffix(".json"), old.with_suffix(".json"))):
        with atomic_file(target, tmp) as unfinished:
            shutil.copyfile(source, unfinished)
