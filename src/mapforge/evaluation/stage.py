"""Evaluation: weights on held-out worlds, one world after the other, and the report on all of them."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mapforge.config import Settings
from mapforge.errors import ContractError, MapForgeError
from mapforge.evaluation.card import evaluation_of
from mapforge.evaluation.leakage import require_unseen
from mapforge.evaluation.page import write_page
from mapforge.evaluation.scoring import score_world
from mapforge.evaluation.spread import Summary, summarise
from mapforge.evaluation.world_scores import WorldScores
from mapforge.evaluation.worlds import HeldOutWorld, held_out_worlds, world_files
from mapforge.io.atomic import write_text
from mapforge.io.fingerprint import code_version, fingerprint_of
from mapforge.io.json_text import read_object
from mapforge.pipeline.recipes import Recipes
from mapforge.pipeline.run import make_runner

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]

CODE = ("mapforge.evaluation", "mapforge.metrics", "mapforge.validation")


@dataclass(frozen=True)
class EvaluationInputs:
    """folder: of worlds, scores and report; a run found there goes on. settings: of everything, weights among them."""

    folder: Path
    settings: Settings


@dataclass(frozen=True)
class EvaluationResult:
    """worlds: that were scored. failed: world -> why it was not. report: the page; its JSON lies beside it."""

    worlds: list[WorldScores]
    failed: dict[str, str]
    summary: Summary
    models: dict[str, str]
    report: Path
    entry: dict[str, Any] = field(repr=False)


def run(inputs: EvaluationInputs, progress: Progress) -> EvaluationResult:
    """Scores the weights of the settings on every world and writes the report.

    progress: called with the world, worlds done, and worlds in all. Raises LeakageError when the weights were trained
    on one of the worlds, and what the first world raises when all of them fail.
    """
    settings, folder = inputs.settings, inputs.folder
    config, recipes = settings.evaluation, Recipes.of(settings)
    worlds = held_out_worlds(config)
    for weights in (recipes.bev_weights, recipes.sign_weights):
        require_unseen(weights, worlds)
    scored, failed = _scored(worlds, folder, settings, recipes, progress)
    summary = summarise(scored, config.bootstrap_rounds, config.interval)
    entry = evaluation_of(scored, summary, code_version(*CODE))
    name = "-".join(recipes.model_ids[role] for role in sorted(recipes.model_ids))
    report = write_page(folder / "reports" / name, folder, scored, failed, summary, entry, recipes.model_ids, config)
    return EvaluationResult(scored, failed, summary, recipes.model_ids, report, entry)


def with_weights(settings: Settings, bev: Path | None = None, signs: Path | None = None) -> Settings:
    """The settings with other weights."""
    other = deepcopy(settings)
    other.models.bev = str(bev) if bev is not None else other.models.bev
    other.models.signs = str(signs) if signs is not None else other.models.signs
    return other


def _scored(
    worlds: list[HeldOutWorld], folder: Path, settings: Settings, recipes: Recipes, progress: Progress
) -> tuple[list[WorldScores], dict[str, str]]:
    scored: list[WorldScores] = []
    failed: dict[str, str] = {}
    errors: list[MapForgeError] = []
    workers = settings.engine.workers or os.cpu_count() or 1
    with closing(make_runner(settings.engine)) as runner:
        for done, world in enumerate(worlds):
            progress(world.name, done, len(worlds))
            files = world_files(world, folder, settings)
            kept = folder / "scores" / f"{world.name}-{_key(files.fingerprint, settings, recipes)}.json"
            scores = _kept(kept)
            if scores is None:
                try:
                    scores = score_world(world, files, settings, runner, workers, folder / "pictures" / kept.stem)
                except MapForgeError as error:  # one world that cannot be mapped leaves the others
                    logger.warning("%s: %s", world.name, error)
                    failed[world.name] = f"{type(error).__name__}: {error}"
                    errors.append(error)
                    continue
                write_text(kept, json.dumps(scores.as_dict(), indent=1), folder / "tmp")
            scored.append(scores)
        progress("worlds", len(worlds), len(worlds))
    if errors and not scored:
        raise errors[0]
    return scored, failed


def _key(world: str, settings: Settings, recipes: Recipes) -> str:
    """Of everything that decides the scores of a world."""
    config = settings.evaluation
    return fingerprint_of(
        world=world,
        build=recipes.build,
        validation=settings.validation,
        code=code_version(*CODE),
        scored=[config.single_drive, config.sign_range_m, config.calibration_tiles],
    )[:16]


def _kept(path: Path) -> WorldScores | None:
    """Scores of an earlier run; None when there are none, or they are torn."""
    if not path.exists():
        return None
    try:
        return WorldScores.from_dict(read_object(path, "delete it"))
    except (ContractError, KeyError, TypeError) as error:
        logger.warning("%s is measured again: %s", path.name, error)
        return None
