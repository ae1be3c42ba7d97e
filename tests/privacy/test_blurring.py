"""What is blurred cannot be read back, what is not stays as it was, and what cannot be decoded is not let through."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mapforge.errors import LogError, ModelError
from mapforge.models.privacy_detector import ARCHITECTURE, PrivacyDetector
from mapforge.models.shipped import PRIVACY_DETECTOR, weights_path
from mapforge.models.weights import ModelWeights, write_weights
from mapforge.privacy.blurring import FrameBlur, blurred
from mapforge.training.privacy_scenes import FACE, PLATE, render_privacy_scene
from mapforge.training.privacy_scores import coverage


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def decoded(image: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(image)) as opened:
        return np.asarray(opened.convert("RGB"))


@pytest.fixture
def shipped() -> FrameBlur:
    return FrameBlur(weights_path(None, PRIVACY_DETECTOR), 0.2, 0.2)


def test_detail_inside_a_box_is_gone_and_outside_nothing_changes() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    result = blurred(pixels, np.array([[20, 10, 60, 30]], dtype=np.float32), 0.1)
    inside = result[8:32, 16:64].astype(float)
    assert inside.std() < 0.25 * pixels[8:32, 16:64].std()
    assert np.abs(np.diff(inside, axis=1)).max() < 20  # no edge of a letter is left
    outside = np.ones((60, 80), dtype=bool)
    outside[8:32, 16:64] = False
    np.testing.assert_array_equal(result[outside], pixels[outside])


def test_two_faces_that_differ_only_in_detail_become_alike() -> None:
    """Nothing but a few averages of a region is left: what they do not tell cannot be computed back."""
    box = np.array([[0, 0, 32, 32]], dtype=np.float32)
    flat = np.full((32, 32, 3), 128, dtype=np.uint8)
    checks = np.where(np.indices((32, 32)).sum(axis=0)[..., None] % 2, 148, 108).astype(np.uint8).repeat(3, axis=2)
    difference = blurred(checks, box, 0.0).astype(int) - blurred(flat, box, 0.0)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("box", [(-10, -10, 5, 5), (70, 50, 500, 500), (10, 10, 10.2, 10.2), (90, 90, 95, 95)])
def test_boxes_at_and_beyond_the_edge(box: tuple[float, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    assert blurred(pixels, np.array([box], dtype=np.float32), 0.2).shape == pixels.shape


def test_a_picture_without_anything_to_hide_stays_byte_for_byte(shipped: FrameBlur) -> None:
    sky = encoded(np.full((96, 128, 3), 180, dtype=np.uint8), "JPEG")
    assert shipped(sky, "jpeg") is sky


@pytest.mark.parametrize(("kind", "encoding"), [("PNG", "png"), ("JPEG", "jpeg")])
def test_what_is_found_is_blurred_in_the_format_it_had(shipped: FrameBlur, kind: str, encoding: str) -> None:
    scenes = (render_privacy_scene(1_000_010, index, 160) for index in range(60))
    scene = next(s for s in scenes if len(s.boxes_px) and len(shipped(encoded(s.image), "png")) and _is_found(s))
    result = shipped(encoded(scene.image, kind), encoding)
    with Image.open(io.BytesIO(result)) as opened:
        assert str(opened.format).lower() == encoding and opened.size == (160, 160)
    assert np.abs(decoded(result).astype(int) - scene.image).max() > 20


def _is_found(scene) -> bool:  # type: ignore[no-untyped-def]
    from mapforge.models.privacy_detector import read_privacy_detector

    model = read_privacy_detector(weights_path(None, PRIVACY_DETECTOR))
    return bool((coverage(scene.boxes_px, model.detect(scene.image, 0.2).boxes_px) > 0.6).any())


def test_the_shipped_weights_find_most_drawn_faces_and_plates_they_never_saw() -> None:
    """The card states the recall over 400 pictures; this would notice weights that do not fit the code."""
    from mapforge.models.privacy_detector import read_privacy_detector

    model = read_privacy_detector(weights_path(None, PRIVACY_DETECTOR))
    found: dict[int, list[bool]] = {FACE: [], PLATE: []}
    for index in range(60):
        scene = render_privacy_scene(1_000_011, index, 160)
        covered = coverage(scene.boxes_px, model.detect(scene.image, 0.2).boxes_px)
        for label, share in zip(scene.labels, covered):
            found[int(label)].append(share >= 0.6)
    assert np.mean(found[FACE]) > 0.6, np.mean(found[FACE])
    assert np.mean(found[PLATE]) > 0.6, np.mean(found[PLATE])


@pytest.mark.parametrize("image", [b"", b"no picture", encoded(np.zeros((40, 40, 3), np.uint8))[:60]])
def test_what_cannot_be_decoded_is_not_let_through(shipped: FrameBlur, image: bytes) -> None:
    with pytest.raises(LogError, match="cannot be decoded"):
        shipped(image, "png")


def test_it_goes_to_other_processes_and_its_fingerprint_tells_weights_and_settings_apart(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = PrivacyDetector()
    path = tmp_path / "w.safetensors"
    write_weights(ModelWeights(ARCHITECTURE, {"channels": list(model.channels)}, model.state_dict()), path, tmp_path)
    blur = FrameBlur(path, 0.2, 0.2)
    assert pickle.loads(pickle.dumps(blur)) == blur
    others = {FrameBlur(path, 0.3, 0.2).fingerprint, FrameBlur(path, 0.2, 0.3).fingerprint, blur.fingerprint}
    assert len(others | {FrameBlur(weights_path(None, PRIVACY_DETECTOR), 0.2, 0.2).fingerprint}) == 4


def test_pickled_weights_are_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "detector.pt"
    torch.save({"w": torch.zeros(3)}, path)
    with pytest.raises(ModelError, match="can run code"):
        FrameBlur(path, 0.2, 0.2)(encoded(np.zeros((32, 32, 3), np.uint8)), "png")
