from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mapforge.errors import ConfigurationError, LeakageError, MissingInputError, ModelError
from mapforge.models.sign_detector import read_sign_detector
from mapforge.training.learner import Learner
from mapforge.training.learning_config import LearningConfig
from mapforge.training.sign_config import SignTrainingConfig
from mapforge.training.sign_frames import FrameCrops
from mapforge.training.signs import Pictures, train_signs

TINY = SignTrainingConfig(
    steps=4, batch=2, picture_px=64, workers=0, warmup_steps=2,
    reader_steps=3, reader_pictures=1,
    evaluation_pictures=3, frames_share=0.0,
    learning=LearningConfig(device="cpu", bf16=False, checkpoint_steps=2, log_steps=1, gradient_norm_max=10.0),
)  # fmt: skip


def losses(folder: Path) -> list[float]:
    lines = (folder / "detector.jsonl").read_text().splitlines()
    return [json.loads(line)["classification"] for line in lines]


def test_a_run_leaves_weights_card_and_log(tmp_path: Path) -> None:
    target = tmp_path / "signs.safetensors"
    card = train_signs(TINY, tmp_path / "run", target)
    assert len(losses(tmp_path / "run")) == 4
    assert card is not None and json.loads(target.with_suffix(".json").read_text()) == card
    assert card["training"]["seed"] == TINY.seed and card["limits"]
    found = read_sign_detector(target).detect(np.zeros((64, 64, 3), np.uint8), 0.01)
    assert found.boxes_px.shape[1] == 4


@pytest.mark.parametrize("dies_at", [3, 7])
def test_a_killed_run_goes_on_with_the_same_losses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    whole = train_signs(TINY, tmp_path / "whole", tmp_path / "whole.safetensors")
    advance, calls = Learner.advance, []

    def dies(learner: Learner, batches: Sequence[Pictures]) -> None:
        calls.append(1)
        if len(calls) == dies_at:
            raise KeyboardInterrupt
        advance(learner, batches)

    monkeypatch.setattr(Learner, "advance", dies)
    with pytest.raises(KeyboardInterrupt):
        train_signs(TINY, tmp_path / "killed", tmp_path / "killed.safetensors")
    assert not (tmp_path / "killed.safetensors").exists()
    monkeypatch.undo()
    resumed = train_signs(TINY, tmp_path / "killed", tmp_path / "killed.safetensors")
    assert resumed == whole
    assert losses(tmp_path / "killed")[-2:] == losses(tmp_path / "whole")[-2:]
    assert (tmp_path / "killed.safetensors").read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    train_signs(TINY, tmp_path / "run", tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match="other settings"):
        train_signs(replace(TINY, learning_rate=1e-4), tmp_path / "run", tmp_path / "a.safetensors")


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="picture_px"):
        SignTrainingConfig(picture_px=100)
    with pytest.raises(ConfigurationError, match="frames_share"):
        SignTrainingConfig(frames_share=1.5)
    with pytest.raises(LeakageError, match="999"):
        SignTrainingConfig(frames_first_seed=999)


def write_frame(folder: Path) -> None:
    image = np.zeros((120, 200, 3), np.uint8)
    image[40:60, 80:110] = (255, 0, 0)
    Image.fromarray(image).save(folder / "0.png")
    frames = [{"image": "0.png", "boxes_px": [[80.0, 40.0, 110.0, 60.0]], "labels": [3]}]
    (folder / "frames.json").write_text(json.dumps(frames))


def test_crops_keep_boxes_on_what_they_show(tmp_path: Path) -> None:
    write_frame(tmp_path)
    crops = FrameCrops(tmp_path)
    shown = 0
    for index in range(20):
        scene = crops.crop(1, index, 96)
        assert scene.image.shape == (96, 96, 3)
        for x0, y0, x1, y1 in scene.boxes_px.round().astype(int):
            redness = scene.image[..., 0].astype(float) - scene.image[..., 1]
            assert redness[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2].mean() > np.median(redness) + 10
            shown += 1
    assert shown > 10
    np.testing.assert_array_equal(crops.crop(1, 7, 96).image, crops.crop(1, 7, 96).image)


def test_frames_are_trained_on(tmp_path: Path) -> None:
    write_frame(tmp_path)
    card = train_signs(replace(TINY, frames_share=0.5), tmp_path / "run", tmp_path / "a.safetensors", frames=tmp_path)
    assert card is not None and "simulated camera frames" in card["data"]
    with pytest.raises(MissingInputError, match=r"frames\.json"):
        FrameCrops(tmp_path / "run")
