"""Commands for models: train, export-model."""

from __future__ import annotations

import os
from pathlib import Path

from mapforge.cli.app import OK
from mapforge.cli.options import split_options
from mapforge.cli.output import StageProgress, print_json, say
from mapforge.config import compose_settings
from mapforge.errors import ConfigurationError


def train(words: list[str], json_output: bool) -> int:
    """A run found in its folder goes on where it stopped."""
    inputs = ("start", "drives", "calibration_drives", "held_out_drives", "frames")
    own = {"out": "", "target": "", **dict.fromkeys(inputs, "")}
    options, overrides = split_options(words, own, {"model": "training.model"})
    settings = compose_settings(overrides)
    from mapforge.training.stage import TrainingInputs
    from mapforge.training.stage import run as run_training

    model = settings.training.model.value
    folder = Path(options["out"] or f"data/training/{model}").expanduser().resolve()
    given = {name: _folder(options[name]) for name in inputs}
    target = _folder(options["target"]) or folder / f"{model}.safetensors"
    first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun starts, one talks
    with StageProgress(quiet=json_output or not first) as progress:
        card = run_training(TrainingInputs(folder, target, **given), settings.training, progress.report)
    if not first:
        return OK
    unfinished = card is None
    if json_output:
        print_json({"weights": None if unfinished else str(target), "card": card or {}, "unfinished": unfinished})
    elif unfinished:
        say(f"stopped before its last step, with a checkpoint in {folder}; the same command goes on")
    else:
        say(f"weights: {target}\ncard: {target.with_suffix('.json')}")
    return OK


def export_model(words: list[str], json_output: bool) -> int:
    """Writes a network for other runtimes, each file checked against the original."""
    own = {"model": "bev", "to": "[onnx,pt2]", "out": "data/models_exported"}
    options, overrides = split_options(words, own, {})
    settings = compose_settings(overrides)
    from mapforge.models.exchange import Exchange, export_network, load_network
    from mapforge.models.shipped import BEV_SEGMENTER, SIGN_DETECTOR, weights_path

    known = {"bev": (settings.models.bev, BEV_SEGMENTER), "signs": (settings.models.signs, SIGN_DETECTOR)}
    if options["model"] not in known:
        raise ConfigurationError(f"model={options['model']}: use {' or '.join(known)}")
    names = [name.strip() for name in options["to"].strip("[]").split(",") if name.strip()]
    wrong = sorted(set(names) - {str(form) for form in Exchange})
    if wrong or not names:
        raise ConfigurationError(f"to={options['to']}: use {', '.join(Exchange)}")
    network = load_network(options["model"], weights_path(*known[options["model"]]))
    folder = Path(options["out"]).expanduser().resolve()
    written = [
        export_network(network, folder / f"{options['model']}.{name}", folder / "tmp", Exchange(name)) for name in names
    ]
    if json_output:
        print_json({"files": [{"path": str(file.path), "difference": file.difference} for file in written]})
    else:
        say("\n".join(f"{file.path}: differs by at most {file.difference:.1e}" for file in written))
    return OK


def _folder(text: str) -> Path | None:
    return Path(text).expanduser().resolve() if text else None
