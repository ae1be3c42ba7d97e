"""Commands for models: train."""

from __future__ import annotations

import json
from pathlib import Path

from mapforge.cli.app import OK
from mapforge.cli.options import split_options
from mapforge.cli.output import StageProgress, print_json, say
from mapforge.config import compose_settings


def train(words: list[str], json_output: bool) -> int:
    """A run found in its folder goes on where it stopped."""
    own = {"out": "", "target": "", "start": "", "drives": "", "held_out_drives": "", "frames": ""}
    options, overrides = split_options(words, own, {"model": "training.model"})
    settings = compose_settings(overrides)
    from mapforge.training.stage import TrainingInputs
    from mapforge.training.stage import run as run_training

    model = settings.training.model.value
    folder = Path(options["out"] or f"data/training/{model}").expanduser().resolve()
    given = {name: _folder(options[name]) for name in ("start", "drives", "held_out_drives", "frames")}
    target = _folder(options["target"]) or folder / f"{model}.safetensors"
    with StageProgress(quiet=json_output) as progress:
        weights = run_training(TrainingInputs(folder, target, **given), settings.training, progress.report)
    card_path = weights.with_suffix(".json")
    card = json.loads(card_path.read_text(encoding="utf-8")) if card_path.is_file() else {}
    if json_output:
        print_json({"weights": str(weights), "card": card})
    else:
        say(f"weights: {weights}\ncard: {card_path}")
    return OK


def _folder(text: str) -> Path | None:
    return Path(text).expanduser().resolve() if text else None
