from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mapforge.errors import MissingInputError, ModelError
from mapforge.models.shipped import SIGN_DETECTOR, weights_path
from mapforge.models.sign_detector import ARCHITECTURE, CLASSES, SignDetector, read_sign_detector
from mapforge.models.weights import ModelWeights, write_weights
from mapforge.schemas.detections import SIGN_TYPES

SMALL = {"stage_channels": [8, 8, 8, 16], "head_channels": 8}


def small_model() -> SignDetector:
    torch.manual_seed(0)
    model = SignDetector(tuple(SMALL["stage_channels"]), SMALL["head_channels"]).eval()
    with torch.no_grad():
        model.reader.answer.bias[-1] = -10.0  # takes nothing for nothing
    return model


def test_what_the_reader_takes_for_nothing_is_dropped() -> None:
    image = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    model = small_model()
    assert len(model.detect(image, 0.01))
    with torch.no_grad():
        model.reader.answer.bias[-1] = 10.0
    assert len(model.detect(image, 0.01)) == 0


def test_classes_hold_every_sign_type_in_order() -> None:
    assert CLASSES[: len(SIGN_TYPES)] == SIGN_TYPES
    assert CLASSES[-1] == "traffic_light"


@pytest.mark.parametrize("shape", [(64, 64), (50, 77), (17, 16)])
def test_boxes_stay_in_pictures_of_any_size(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 255, (*shape, 3), dtype=np.uint8)
    found = small_model().detect(image, score_min=0.01)
    assert len(found)
    assert found.boxes_px.min() >= 0
    assert (found.boxes_px[:, 2:] <= np.array(shape[::-1])).all()
    assert np.all(np.diff(found.scores) <= 0)
    assert found.labels.max() < len(CLASSES)


def test_detection_is_repeatable_and_does_not_depend_on_what_was_seen_before() -> None:
    rng = np.random.default_rng(2)
    first, second = (rng.integers(0, 255, (96, 128, 3), dtype=np.uint8) for _ in range(2))
    model = small_model()
    before = model.detect(first, 0.01)
    model.detect(second, 0.01)
    after = model.detect(first, 0.01)
    np.testing.assert_array_equal(before.boxes_px, after.boxes_px)
    np.testing.assert_array_equal(before.scores, after.scores)


def test_overlapping_boxes_of_different_classes_leave_one() -> None:
    image = np.random.default_rng(3).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    model = small_model()
    loose, tight = model.detect(image, 0.01, overlap_max=1.0), model.detect(image, 0.01, overlap_max=0.1)
    assert 0 < len(tight) < len(loose)


def test_anchors_are_exact_in_bfloat16() -> None:
    """Beyond 256 pixels bfloat16 steps by 2 and more: places must not be counted in it."""
    model, images = small_model(), torch.zeros(1, 3, 32, 1200)
    with torch.autocast("cpu", torch.bfloat16):
        _, anchors, _ = model._look(images)
    _, exact, _ = model._look(images)
    assert anchors[0].dtype == torch.float32
    torch.testing.assert_close(anchors[0], exact[0], atol=0.0, rtol=0.0)


def test_losses_fall_on_one_picture() -> None:
    """The network can learn a picture by heart: losses, targets and levels fit together."""
    torch.manual_seed(0)
    model = SignDetector((8, 16, 16, 16), 16).train()
    image = torch.zeros(2, 3, 64, 64)
    image[:, 0, 16:40, 20:44] = 1.0
    target = {"boxes": torch.tensor([[20.0, 16.0, 44.0, 40.0]]), "labels": torch.tensor([0])}
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    image[1] = 0.0
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    totals = []
    for _ in range(40):
        total = torch.stack(list(model.losses(image, [target, empty]).values())).sum()
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        totals.append(float(total.detach()))
    assert totals[-1] < 0.5 * totals[0]


def test_weights_come_back_and_wrong_ones_are_refused(tmp_path: Path) -> None:
    model = small_model()
    path = tmp_path / "signs.safetensors"
    write_weights(ModelWeights(ARCHITECTURE, SMALL, model.state_dict()), path, tmp_path / "tmp", {"model": "x"})
    image = np.random.default_rng(4).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    back = read_sign_detector(path)
    np.testing.assert_allclose(back.detect(image, 0.01).scores, model.detect(image, 0.01).scores, atol=1e-6)
    with pytest.raises(MissingInputError, match="missing"):
        read_sign_detector(tmp_path / "none.safetensors")
    wider = {**SMALL, "head_channels": 16}
    write_weights(ModelWeights(ARCHITECTURE, wider, model.state_dict()), path, tmp_path / "tmp")
    with pytest.raises(ModelError, match="does not fit"):
        read_sign_detector(path)
    write_weights(ModelWeights("bev_segmenter", SMALL, model.state_dict()), path, tmp_path / "tmp")
    with pytest.raises(ModelError, match="bev_segmenter"):
        read_sign_detector(path)


@pytest.mark.skipif(not weights_path(None, SIGN_DETECTOR).exists(), reason="no shipped weights")
def test_shipped_weights_know_a_stop_sign_from_a_wall() -> None:
    from mapforge.simulation.sign_faces import face

    wall = np.full((192, 256, 3), (150, 160, 170), dtype=np.uint8)
    model = read_sign_detector(weights_path(None, SIGN_DETECTOR))
    assert len(model.detect(wall, 0.4)) == 0
    picture = face("stop")
    plate, alpha = picture[::2, ::2, :3], picture[::2, ::2, 3:] / 255.0
    rows, columns = plate.shape[:2]
    place = wall[60 : 60 + rows, 100 : 100 + columns]
    place[:] = (place * (1 - alpha) + plate * alpha).astype(np.uint8)
    found = model.detect(wall, 0.4)
    assert [CLASSES[label] for label in found.labels] == ["stop"]
    np.testing.assert_allclose(found.boxes_px[0], (100, 60, 100 + columns, 60 + rows), atol=5)
