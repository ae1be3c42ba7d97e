from dataclasses import replace

import numpy as np
import pytest
import torch

from mapforge.errors import ConfigurationError
from mapforge.models.bev_segmenter import CLASSES, BevSegmenter
from mapforge.models.config import BevSegmenterConfig
from mapforge.training.batches import Batch, collate
from mapforge.training.calibration import LogitCounts, LogitScale, SharpnessLoss, calibrate, platt, sharpest
from mapforge.training.generator import generate
from mapforge.training.scores import PixelScores, evaluate

SCALE, SHIFT, SHARPNESS = 0.4, 0.5, 0.5


@pytest.fixture(scope="module")
def crop():
    return collate([generate(8), generate(9)], [[0], [1]], crop_cells=128)


@pytest.fixture
def model(crop):
    """Untrained, with logits spread as a trained network's are: mean -1, standard deviation 2."""
    torch.manual_seed(0)
    network = BevSegmenter(BevSegmenterConfig([8, 8, 8, 8], 8)).eval()
    raw = []
    hook = network.heads.register_forward_hook(lambda _module, _inputs, outputs: raw.append(outputs))
    answered(network, crop)
    hook.remove()
    factor = 2.0 / raw[0].std((0, 2, 3))
    with torch.no_grad():
        network.heads.weight *= factor[:, None, None, None]
        network.heads.bias[:] = factor * (network.heads.bias - raw[0].mean((0, 2, 3))) - 1.0
    return network


def answered(model, crop: Batch) -> dict[str, torch.Tensor]:
    with torch.inference_mode():
        return model(crop.features())


def labelled(model, crop: Batch, seed: int) -> Batch:
    """The crop with labels drawn so that `SCALE * logit + SHIFT` is true, of attributes `SHARPNESS * logits`."""
    outputs = answered(model, crop)
    random = torch.Generator().manual_seed(seed)

    def drawn(logits):
        return torch.bernoulli(torch.sigmoid(SCALE * logits + SHIFT), generator=random)

    def chosen(logits):
        shares = torch.softmax(SHARPNESS * logits, dim=1).movedim(1, -1)
        return torch.multinomial(shares.flatten(0, -2), 1, generator=random).reshape(shares.shape[:-1])

    return replace(
        crop,
        classes=drawn(outputs["classes"]),
        curb=drawn(outputs["curb"][:, 0]),
        marking_type=chosen(outputs["marking_type"]),
        colour=chosen(outputs["colour"]),
        known=torch.ones_like(crop.known),
    )


def test_what_is_wrong_with_the_logits_is_found_and_folded_in(model, crop):
    before = answered(model, crop)
    scales = calibrate(model, [labelled(model, crop, seed) for seed in range(3)])
    after = answered(model, crop)
    for i, name in enumerate(CLASSES):
        assert scales[name].scale == pytest.approx(SCALE, abs=0.06)
        assert scales[name].shift == pytest.approx(SHIFT, abs=0.06)
        expected = scales[name].scale * before["classes"][:, i] + scales[name].shift
        assert torch.allclose(after["classes"][:, i], expected, atol=1e-3)
    for name in ("marking_type", "colour"):
        assert scales[name].scale == pytest.approx(SHARPNESS, abs=0.06)
        assert torch.equal(after[name].argmax(1), before[name].argmax(1))
    assert torch.equal(after["offset_m"], before["offset_m"]) and torch.equal(after["direction"], before["direction"])


def test_samples_not_seen_are_calibrated_too(model, crop):
    other = labelled(model, crop, seed=99)
    error_before = [row["calibration_error"] for row in evaluate(model, [other], "cpu", False).values()]
    calibrate(model, [labelled(model, crop, seed) for seed in range(3)])
    error_after = [row["calibration_error"] for row in evaluate(model, [other], "cpu", False).values()]
    assert max(error_before) > 0.08
    assert max(error_after) < 0.03


def test_cells_without_a_label_take_no_part(model, crop):
    batch = labelled(model, crop, seed=1)
    known = torch.zeros_like(batch.known)
    known[:, :64] = 1.0
    spoiled = replace(batch, known=known, classes=torch.where(known[:, None] > 0, batch.classes, 1.0))
    assert calibrate(model, [spoiled])["road_boundary"].scale == pytest.approx(SCALE, abs=0.1)


def test_a_class_hardly_seen_is_left_as_it_is(model, crop):
    before = answered(model, crop)
    batch = labelled(model, crop, seed=1)
    classes = batch.classes.clone()
    classes[:, CLASSES.index("stop_line")] = 0.0
    scales = calibrate(model, [replace(batch, classes=classes)])
    assert scales["stop_line"] == LogitScale()
    stop_line = CLASSES.index("stop_line")
    assert torch.equal(answered(model, crop)["classes"][:, stop_line], before["classes"][:, stop_line])


def test_empty_road_does_not_decide():
    """A million cells of surely nothing, of logits that no straight line fits, leave the fit of the others alone."""
    random = torch.Generator().manual_seed(3)
    logits = 3.0 * torch.randn(60_000, generator=random)
    truth = torch.bernoulli(torch.sigmoid(0.7 * logits - 0.4), generator=random) > 0
    counts = LogitCounts()
    counts.add(logits, truth)
    counts.add(torch.full((1_000_000,), -9.0), torch.zeros(1_000_000, dtype=torch.bool))
    found = platt(counts)
    assert (found.scale, found.shift) == (pytest.approx(0.7, abs=0.03), pytest.approx(-0.4, abs=0.04))


def test_cells_that_tell_the_classes_apart_without_fault_have_a_finite_scale():
    counts = LogitCounts()
    counts.add(torch.linspace(1.0, 4.0, 500), torch.ones(500, dtype=torch.bool))
    counts.add(torch.linspace(-2.9, -1.0, 500), torch.zeros(500, dtype=torch.bool))
    found = platt(counts)
    assert 1.0 < found.scale < 20.0
    assert -1.0 < -found.shift / found.scale < 1.0


def test_a_logit_that_tells_nothing_is_left_as_it_is():
    counts = LogitCounts()
    for sign in (-1.0, 1.0):
        counts.add(torch.linspace(-2.0, 2.0, 1000), torch.arange(1000) * sign % 2 == 0)
    assert platt(counts) == LogitScale()


def test_a_temperature_at_the_end_of_what_is_tried():
    losses = SharpnessLoss()
    losses.add(torch.tensor([[1.0, 0.0]]).repeat(500, 1), torch.zeros(500, dtype=torch.int64))
    assert sharpest(losses).scale == pytest.approx(np.exp(2.0))


def test_training_mode_is_given_back(model, crop):
    model.train()
    statistics = model.trunk[1].running_mean.clone()
    calibrate(model, [crop])
    assert model.training and torch.equal(model.trunk[1].running_mean, statistics)


def test_no_samples_are_an_error(model):
    with pytest.raises(ConfigurationError, match="no samples"):
        calibrate(model, [])


def test_scores_and_calibration_agree_on_what_a_logit_is(model, crop):
    """The error that scores report after a fit is that of the folded weights, not of numbers kept beside them."""
    batch = labelled(model, crop, seed=5)
    calibrate(model, [batch])
    scores = PixelScores()
    scores.add(answered(model, batch), batch)
    assert max(row["calibration_error"] for row in scores.summary().values()) < 0.02
