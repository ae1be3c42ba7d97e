"""Drawn people and cars: labels where the drawing is, targets where the labels are; a run goes on after a kill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mapforge.errors import ConfigurationError
from mapforge.models.privacy_detector import STRIDE_PX, PrivacyDetector, read_privacy_detector
from mapforge.training.config import TrainedModel, TrainingConfig
from mapforge.training.learning_config import LearningConfig
from mapforge.training.privacy import PrivacyObjective, privacy_batch, train_privacy
from mapforge.training.privacy_config import PrivacyTrainingConfig
from mapforge.training.privacy_faces import skin_tone
from mapforge.training.privacy_scenes import FACE, PLATE, render_privacy_scene
from mapforge.training.privacy_scores import coverage
from mapforge.training.stage import TrainingInputs
from mapforge.training.stage import run as run_training

TINY = PrivacyTrainingConfig(
    steps=4, batch=2, pictures=5, picture_px=64, workers=0, warmup_steps=2, evaluation_pictures=3,
    learning=LearningConfig(device="cpu", bf16=False, checkpoint_steps=2, log_steps=1, tensorboard=False),
)  # fmt: skip


def test_the_same_numbers_give_the_same_picture_and_others_another() -> None:
    first, again, other = (render_privacy_scene(5, i, 96) for i in (3, 3, 4))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.boxes_px, again.boxes_px)
    assert (first.image != other.image).any()


def test_boxes_lie_in_the_picture_and_both_classes_come_at_all_sizes() -> None:
    scenes = [render_privacy_scene(6, i, 160) for i in range(80)]
    boxes = np.concatenate([scene.boxes_px for scene in scenes])
    labels = np.concatenate([scene.labels for scene in scenes])
    assert (boxes >= 0).all() and (boxes <= 160).all() and (boxes[:, 2:] > boxes[:, :2]).all()
    for label, near_px in ((FACE, 30), (PLATE, 40)):
        edges = (boxes[labels == label, 2:] - boxes[labels == label, :2]).max(axis=1)
        assert edges.min() < 15 and edges.max() > near_px


def test_skin_tones_span_the_whole_range() -> None:
    rng = np.random.default_rng(0)
    brightness = np.array([np.mean(skin_tone(rng)) for _ in range(500)])
    assert brightness.min() < 50 and brightness.max() > 210
    assert np.histogram(brightness, bins=5, range=(30, 225))[0].min() > 50


def test_mirroring_moves_the_boxes_with_the_picture() -> None:
    scene = next(s for s in (render_privacy_scene(7, i, 96) for i in range(20)) if len(s.boxes_px))
    twice = scene.mirrored().mirrored()
    np.testing.assert_array_equal(twice.image, scene.image)
    np.testing.assert_allclose(twice.boxes_px, scene.boxes_px)
    x0, _, x1, _ = scene.boxes_px[0]
    np.testing.assert_allclose(scene.mirrored().boxes_px[0, [0, 2]], [96 - x1, 96 - x0])


def test_targets_give_the_boxes_back() -> None:
    """A network that answers just what it is taught finds every box to a pixel."""
    scenes = [s for s in (render_privacy_scene(8, i, 128) for i in range(12)) if len(s.boxes_px)]
    batch = privacy_batch(scenes)

    class Taught(PrivacyDetector):
        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            at = next(i for i, image in enumerate(batch.images) if torch.equal(image, images[0]))
            return torch.logit(batch.heat[at : at + 1].clamp(1e-4, 1 - 1e-4)), batch.sides[at : at + 1]

    model = Taught()
    for scene in scenes:
        found = model.detect(scene.image, 0.995, (1.0,))
        assert (coverage(scene.boxes_px, found.boxes_px) > 0.9).all()
    assert batch.heat.shape[-1] == 128 // STRIDE_PX


def test_a_right_answer_costs_little_and_a_wrong_one_much() -> None:
    batch = privacy_batch([render_privacy_scene(9, i, 64) for i in range(4)])
    objective = PrivacyObjective(PrivacyDetector(), bfloat16=False)
    before = objective(batch)
    optimizer = torch.optim.Adam(objective.parameters(), lr=3e-3)
    for _ in range(25):
        optimizer.zero_grad()
        loss = torch.stack(list(objective(batch).values())).sum()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.7 * sum(term.item() for term in before.values())


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole = tmp_path / "whole.safetensors"
    card = train_privacy(TINY, tmp_path / "a", whole)
    assert card is not None and "face_recall" in card["scores"]["drawn pictures of seed 1000010"]["score_min 0.2"]
    short = replace(TINY, learning=replace(TINY.learning, max_minutes=1e-9, checkpoint_steps=1))
    parts = tmp_path / "parts.safetensors"
    calls = 0
    while train_privacy(short, tmp_path / "b", parts) is None:
        calls += 1
        assert calls < 10
    first, second = (read_privacy_detector(path).state_dict() for path in (whole, parts))
    assert calls and all(torch.equal(first[name], second[name]) for name in first)


def test_the_training_stage_knows_it(tmp_path: Path) -> None:
    config = TrainingConfig(model=TrainedModel.privacy, privacy=TINY)
    card = run_training(TrainingInputs(tmp_path, tmp_path / "w.safetensors"), config)
    assert card is not None and card["classes"] == ["face", "number_plate"]


@pytest.mark.parametrize("wrong", [{"picture_px": 100}, {"steps": 0}, {"pictures": 0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError):
        PrivacyTrainingConfig(**wrong)  # type: ignore[arg-type]
