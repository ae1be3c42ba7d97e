"""Commands for models: train."""

from __future__ import annotations

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
        card = run_training(TrainingInputs(folder, target, **given), settings.training, progress.report)
    unfinished = card is None
    if json_output:
        print_json({"weights": None if unfinished else str(target), "card": card or {}, "unfinished": unfinished})
    elif unfinished:
        say(f"stopped before its last step, with a checkpoint in {folder}; the same command goes on")
    else:
        say(f"weights: {target}\ncard: {target.with_suffix('.json')}")
    return OK


def _folder(text: str) -> Path | None:
    return Path(text).expanduser().resolve() if text else None
