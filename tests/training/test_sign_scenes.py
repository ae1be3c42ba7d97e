from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mapforge.models.sign_detector import CLASSES, TRAFFIC_LIGHT
from mapforge.training.sign_backgrounds import random_background, smooth_noise
from mapforge.training.sign_lights import light
from mapforge.training.sign_plates import random_decoy, random_plate
from mapforge.training.sign_scenes import render_scene
from mapforge.training.sign_weather import PlateLight, occlude, weathered


def test_the_same_numbers_give_the_same_picture() -> None:
    a, b, c = render_scene(3, 5, 128), render_scene(3, 5, 128), render_scene(3, 6, 128)
    np.testing.assert_array_equal(a.image, b.image)
    np.testing.assert_array_equal(a.boxes_px, b.boxes_px)
    assert not np.array_equal(a.image, c.image)


def test_boxes_lie_in_the_picture_and_carry_known_labels() -> None:
    seen = set()
    for index in range(60):
        scene = render_scene(1, index, 128)
        assert scene.image.shape == (128, 128, 3) and scene.image.dtype == np.uint8
        assert scene.boxes_px.dtype == np.float32 and len(scene.boxes_px) == len(scene.labels)
        low, high = scene.boxes_px[:, :2], scene.boxes_px[:, 2:]
        assert (low >= 0).all() and (high <= 128).all() and (high - low > 0.5).all()
        assert ((scene.labels >= 0) & (scene.labels < len(CLASSES))).all()
        seen.update(scene.labels.tolist())
    assert len(seen) == len(CLASSES)


def test_a_big_plate_is_where_its_box_says() -> None:
    """Inside large boxes the picture differs from the same street without plates far more than outside."""
    inside, outside = [], []
    for index in range(30):
        scene = render_scene(2, index, 128)
        for x0, y0, x1, y1 in scene.boxes_px.round().astype(int):
            if min(x1 - x0, y1 - y0) < 25:
                continue
            middle = scene.image[(y0 + y1) // 2 - 6 : (y0 + y1) // 2 + 6, (x0 + x1) // 2 - 6 : (x0 + x1) // 2 + 6]
            inside.append(middle.std(axis=(0, 1)).mean())
            outside.append(scene.image[:12, :12].std(axis=(0, 1)).mean())
    assert len(inside) > 5
    assert np.median(inside) > np.median(outside)


def test_plates_and_decoys() -> None:
    rng = np.random.default_rng(0)
    plates = [random_plate(rng) for _ in range(200)]
    assert {plate.label for plate in plates} == set(range(len(CLASSES)))
    for plate in plates:
        assert plate.rgba.ndim == 3 and plate.rgba.shape[2] == 4 and plate.rgba[..., 3].max() == 255
        if plate.label == CLASSES.index(TRAFFIC_LIGHT):
            assert max(plate.rgba.shape[:2]) > 1.5 * min(plate.rgba.shape[:2])
    assert all(random_decoy(rng).label == -1 for _ in range(50))


def test_a_low_sun_darkens_plates_but_not_lit_lamps() -> None:
    rng = np.random.default_rng(0)
    plate = np.full((20, 20, 4), 255, np.uint8)
    plate[:10, :, :3] = (120, 30, 20)
    behind, before = PlateLight(0.2, 0.0), PlateLight(1.0, 0.0)
    sign = [weathered(plate, rng, light, False)[..., :3].mean() for light in (behind, before) for _ in range(10)]
    assert np.mean(sign[:10]) < 0.5 * np.mean(sign[10:])
    lamp = [weathered(plate, rng, light, True)[10:, :, :3].mean() for light in (behind, before) for _ in range(10)]
    assert np.mean(lamp[:10]) > 0.8 * np.mean(lamp[10:])


@pytest.mark.parametrize("state", ["red", "yellow", "green", ""])
def test_lights_show_their_lamp(state: str) -> None:
    """Of many kinds of light, those from the front have one lamp that is far brighter than a dark light."""
    rng = np.random.default_rng(3)
    bright = [(light(rng, state)[..., :3].max(axis=-1) > 225).mean() for _ in range(30)]
    assert (np.median(bright) > 0.01) == bool(state)


def test_what_stands_before_a_plate_hides_a_part_of_it() -> None:
    rng = np.random.default_rng(1)
    for _ in range(12):
        image = Image.new("RGB", (80, 80), (255, 255, 255))
        occlude(image, rng, np.array([20.0, 20.0, 60.0, 60.0]))
        hidden = (np.asarray(image)[20:60, 20:60] < 250).any(axis=-1).mean()
        assert 0.0 < hidden < 0.8


@pytest.mark.parametrize("cells", [2, 7, 30])
def test_smooth_noise_is_about_standard(cells: int) -> None:
    noise = smooth_noise(np.random.default_rng(cells), 96, cells)
    assert noise.shape == (96, 96) and 0.3 < noise.std() < 1.6


def test_backgrounds_differ() -> None:
    rng = np.random.default_rng(4)
    means = [np.asarray(random_background(rng, 64)).mean() for _ in range(12)]
    assert np.std(means) > 10
