"""Command for weights on held-out worlds: evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapforge.cli.ending import INCOMPLETE, OK
from mapforge.cli.options import split_options
from mapforge.cli.output import StageProgress, print_json, print_table, say
from mapforge.config import Settings, compose_settings
from mapforge.errors import ConfigurationError

if TYPE_CHECKING:
    from mapforge.evaluation.stage import EvaluationResult
    from mapforge.evaluation.weights import Comparison

OPTIONS = {"out": "data/evaluation", "weights": "", "against": "", "replace": "false", "card": "false"}
COLUMNS = {
    "mAP_easy": "mAP easy", "mAP_hard": "mAP hard", "lateral_median_m": "lateral m", "lateral_p95_m": "p95 m",
    "marking_type_accuracy": "type", "colour_accuracy": "colour", "recall": "recall", "precision": "precision",
    "type_accuracy": "sign type",
}  # fmt: skip


def evaluate(words: list[str], json_output: bool) -> int:
    """One evaluation, or two and what changed between them."""
    options, overrides = split_options(words, OPTIONS)
    settings = compose_settings(overrides)
    for name in ("replace", "card"):
        if options[name] not in ("true", "false"):
            raise ConfigurationError(f"{name}={options[name]}: write {name}=true or {name}=false")
    if options["replace"] == "true" and not options["weights"]:
        raise ConfigurationError("replace=true needs weights=FILE.safetensors, the new weights")
    folder = Path(options["out"]).expanduser().resolve()
    if options["against"] or options["replace"] == "true":
        return _compare(options, folder, settings, json_output)
    return _evaluate(options, folder, settings, json_output)


def _evaluate(options: dict[str, str], folder: Path, settings: Settings, json_output: bool) -> int:
    from mapforge.evaluation.card import merge_into_card
    from mapforge.evaluation.stage import EvaluationInputs, run
    from mapforge.evaluation.weights import role_of, with_role
    from mapforge.pipeline.recipes import Recipes

    if options["weights"]:
        weights = Path(options["weights"]).expanduser().resolve()
        settings = with_role(settings, role_of(weights), weights)
    with StageProgress(quiet=json_output) as progress:
        result = run(EvaluationInputs(folder, settings), progress.report)
    cards = []
    if options["card"] == "true":
        recipes = Recipes.of(settings)
        for weights, of_points in ((recipes.bev_weights, False), (recipes.sign_weights, True)):
            cards.append(merge_into_card(weights, result.entry, of_points, folder / "tmp"))
    code = INCOMPLETE if result.failed else OK
    if json_output:
        print_json({**_document(result), "cards": [str(card) for card in cards], "exit_code": code})
        return code
    _print_result(result)
    for card in cards:
        say(f"card: {card}")
    return code


def _compare(options: dict[str, str], folder: Path, settings: Settings, json_output: bool) -> int:
    from mapforge.evaluation.weights import SHIPPED_NAMES, compare_weights, replace_weights, role_of
    from mapforge.models.shipped import weights_path

    if not options["weights"]:
        raise ConfigurationError("against= needs weights=FILE.safetensors, the new weights")
    new = Path(options["weights"]).expanduser().resolve()
    role = role_of(new)
    old = weights_path(options["against"] or None, SHIPPED_NAMES[role])
    if role_of(old) is not role:
        raise ConfigurationError(f"{old} are weights of another model than {new}")
    with StageProgress(quiet=json_output) as progress:
        comparison = compare_weights(role, new, old, folder, settings, progress.report)
    replaced = options["replace"] == "true" and comparison.passes
    if replaced:
        replace_weights(new, old, folder / "tmp")
    code = OK if comparison.passes else INCOMPLETE
    if json_output:
        print_json({**_comparison(comparison), "replaced": replaced, "exit_code": code})
        return code
    _print_comparison(comparison)
    if replaced:
        say(f"replaced: {old}")
    return code


def _document(result: EvaluationResult) -> dict[str, Any]:
    return {"models": result.models, "report": str(result.report), "failed": result.failed, **result.entry}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "passes": comparison.passes,
        "falls": [change.text for change in comparison.falls],
        "changes": [change.__dict__ for change in comparison.changes],
        "new": _document(comparison.new),
        "old": _document(comparison.old),
    }


def _print_result(result: EvaluationResult) -> None:
    from mapforge.evaluation.spread import EVERYTHING

    for kind, classes in result.summary[EVERYTHING].items():
        shown = [key for key in COLUMNS if any(key in own for own in classes.values())]
        rows = [
            [name, *(f"{own[key].mean:.3f}" if key in own else "" for key in shown)]
            for name, own in classes.items()
            if any(key in own for key in shown)
        ]
        if rows:
            print_table(f"{len(result.worlds)} worlds, {kind}", ["class", *(COLUMNS[key] for key in shown)], rows)
    for name, why in sorted(result.failed.items()):
        say(f"{name} has no score: {why}")
    say(f"report: {result.report}")


def _print_comparison(comparison: Comparison) -> None:
    rows = [
        [f"{c.element_class} {c.figure}", c.kind, f"{c.old:.3f}", f"{c.new:.3f}", f"{c.low:+.3f} to {c.high:+.3f}",
         "fell" if c.fell else ""]
        for c in comparison.changes
    ]  # fmt: skip
    print_table("New weights against old ones", ["figure", "map", "old", "new", "change", ""], rows)
    for result in (comparison.old, comparison.new):
        for name, why in sorted(result.failed.items()):
            say(f"{name} has no score: {why}")
    if comparison.passes:
        say("no class falls by more than noise")
    elif not comparison.changes:
        say("refused: too few worlds and tiles to tell a fall from noise; evaluate more")
    for change in comparison.falls:
        say(f"refused: {change.text}")
    say(f"report: {comparison.new.report}")
