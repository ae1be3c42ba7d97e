"""Drawn cars with number plates for training pictures: fronts and rears in perspective, plates of many countries."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Float = NDArray[np.float64]

_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
_GROUNDS: tuple[tuple[Colour, Colour], ...] = (
    ((236, 236, 232), (20, 20, 24)),
    ((240, 200, 40), (24, 24, 24)),
    ((236, 236, 236), (150, 20, 28)),
    ((225, 232, 240), (24, 48, 120)),
    ((24, 26, 30), (225, 225, 225)),
    ((30, 80, 160), (240, 240, 240)),
    ((225, 235, 222), (20, 90, 50)),
)
_BODIES: tuple[Colour, ...] = (
    (22, 22, 25), (228, 228, 230), (160, 162, 166), (95, 98, 104), (150, 26, 30), (36, 58, 118), (62, 92, 66),
    (190, 176, 140),
)  # fmt: skip


def number_plate(rng: np.random.Generator) -> NDArray[np.uint8]:
    """(H, W, 4) uint8: long, American or two-lined, with ground, letters, rim, strip, dirt and glare."""
    shape = int(rng.choice(3, p=[0.55, 0.35, 0.1]))
    width, height = ((208, 46), (160, 80), (128, 92))[shape]
    ground, ink = _GROUNDS[int(rng.choice(len(_GROUNDS), p=[0.45, 0.15, 0.1, 0.1, 0.08, 0.06, 0.06]))]
    ground, ink = _near(rng, ground), _near(rng, ink)
    image = Image.new("RGBA", (width, height), (*ground, 255))
    draw = ImageDraw.Draw(image)
    if shape == 1 and rng.random() < 0.4:  # a picture or a band behind the letters
        top = int(rng.uniform(0.2, 0.8) * height)
        draw.rectangle([0, top, width, height], fill=_near(rng, (150, 180, 210), 50))
    left = 0
    if shape == 0 and rng.random() < 0.5:
        left = width // 10
        draw.rectangle([0, 0, left, height], fill=_near(rng, (20, 50, 150)))
    lines = 2 if shape == 2 else 1
    margin = 0.22 * height if shape == 1 else 0.12 * height
    for line in range(lines):
        words = "".join(rng.choice(list(_LETTERS), int(rng.integers(3, 5) if lines == 2 else rng.integers(5, 9))))
        if lines == 1 and rng.random() < 0.6:
            words = words[: len(words) // 2] + " " + words[len(words) // 2 :]
        low = margin + line * (height - 2 * margin) / lines
        box = (left + 0.05 * width, low, 0.95 * width, low + (height - 2 * margin) / lines * 0.92)
        _write(image, words, box, ink)
    if shape == 1 and rng.random() < 0.7:
        _write(
            image,
            "".join(rng.choice(list(_LETTERS), 8)),
            (0.25 * width, 0.04 * height, 0.75 * width, 0.17 * height),
            ink,
        )
    if rng.random() < 0.7:
        draw.rectangle(
            [0, 0, width - 1, height - 1],
            outline=ink if rng.random() < 0.6 else (60, 60, 64),
            width=int(rng.integers(1, 5)),
        )
    return _worn(image, rng)


def car(rng: np.random.Generator, width_px: float, bears_plate: bool) -> tuple[Image.Image, Float | None]:
    """Front or rear, RGBA with `width_px` columns, and the (4, 2) corners of its plate (top left, clockwise)."""
    columns = max(12, round(width_px))
    scale = 3 if columns < 120 else 1
    w = columns * scale
    h = round(w * rng.uniform(0.72, 1.05))
    image = Image.new("RGBA", (w, h))
    draw = ImageDraw.Draw(image)
    body = _near(rng, _BODIES[int(rng.integers(len(_BODIES)))])
    roof, belt = 0.0, rng.uniform(0.36, 0.46) * h
    draw.ellipse([0.02 * w, 0.72 * h, 0.2 * w, h - 1], fill=(18, 18, 20))
    draw.ellipse([0.8 * w, 0.72 * h, 0.98 * w, h - 1], fill=(18, 18, 20))
    inset = rng.uniform(0.1, 0.2)
    draw.polygon(
        [(inset * w, roof), ((1 - inset) * w, roof), (0.97 * w, belt), (0.03 * w, belt)], fill=_shaded(body, 0.9)
    )
    draw.rounded_rectangle([0, belt - 2, w - 1, 0.9 * h], radius=0.06 * w, fill=body)
    glass = _near(rng, (52, 62, 72), 18)
    draw.polygon(
        [
            ((inset + 0.04) * w, 0.05 * h),
            ((0.96 - inset) * w, 0.05 * h),
            (0.9 * w, belt - 0.02 * h),
            (0.1 * w, belt - 0.02 * h),
        ],
        fill=glass,
    )
    front = rng.random() < 0.45
    lamp = _near(rng, (235, 235, 225) if front else (170, 22, 20), 20)
    lamp_low = belt + rng.uniform(0.05, 0.12) * h
    reach = rng.uniform(0.1, 0.26)
    for left in (0.03, 0.97 - reach):
        draw.rounded_rectangle(
            [left * w, lamp_low, (left + reach) * w, lamp_low + rng.uniform(0.06, 0.16) * h], radius=3, fill=lamp
        )
    bumper = rng.uniform(0.68, 0.78) * h
    draw.rectangle(
        [0.01 * w, bumper, 0.99 * w, 0.9 * h], fill=_shaded(body, 0.8) if rng.random() < 0.6 else (45, 46, 48)
    )
    if front:
        draw.rectangle([0.3 * w, lamp_low, 0.7 * w, lamp_low + 0.12 * h], fill=(28, 28, 30))
        for x in np.linspace(0.32, 0.68, int(rng.integers(3, 9))):
            draw.line([x * w, lamp_low, x * w, lamp_low + 0.12 * h], fill=(110, 112, 114), width=max(1, scale))
    _decorate(draw, rng, w, h, belt)
    corners = _mounted(image, rng, number_plate(rng), w, h, belt) if bears_plate else None
    image = image.resize((columns, max(4, round(h / scale))), Image.Resampling.BOX) if scale > 1 else image
    return image, None if corners is None else corners / scale


def _mounted(
    image: Image.Image, rng: np.random.Generator, plate: NDArray[np.uint8], w: int, h: int, belt: float
) -> Float:
    """Draws the plate where cars have it; its corners."""
    face = Image.fromarray(plate)
    wide = w * (rng.uniform(0.24, 0.32) if face.width > 3 * face.height else rng.uniform(0.16, 0.22))
    tall = wide * face.height / face.width
    x = w * (0.5 if rng.random() < 0.85 else rng.uniform(0.3, 0.7)) - wide / 2
    lowest = 0.88 * h - tall
    y = max(0.0, lowest - rng.random() * max(0.0, lowest - belt - 0.05 * h))
    if rng.random() < 0.4:
        draw = ImageDraw.Draw(image)
        draw.rectangle([x - 0.1 * wide, y - 0.25 * tall, x + 1.1 * wide, y + 1.2 * tall], fill=(38, 38, 40))
    small = face.resize((max(3, round(wide)), max(2, round(tall))), Image.Resampling.BOX)
    image.paste(small, (round(x), round(y)), small)
    return np.array([[x, y], [x + wide, y], [x + wide, y + tall], [x, y + tall]])


def _decorate(draw: ImageDraw.ImageDraw, rng: np.random.Generator, w: int, h: int, belt: float) -> None:
    """A badge, a wiper, a handle, an exhaust: bright and dark things that are no plate."""
    if rng.random() < 0.6:
        x, y, r = 0.5 * w, belt + rng.uniform(0.02, 0.09) * h, 0.025 * w
        draw.ellipse([x - r, y - r, x + r, y + r], fill=(190, 192, 196))
    if rng.random() < 0.4:
        draw.line([0.3 * w, belt - 2, 0.6 * w, belt - 0.1 * h], fill=(12, 12, 12), width=max(1, w // 90))
    if rng.random() < 0.35:
        x = rng.uniform(0.15, 0.75) * w
        draw.rectangle([x, 0.84 * h, x + 0.08 * w, 0.87 * h], fill=(150, 150, 152))
    if rng.random() < 0.3:
        font = ImageFont.load_default(size=max(6, w // 22))
        name = "".join(rng.choice(list(_LETTERS), 4))
        draw.text((0.72 * w, belt + 0.05 * h), name, font=font, fill=(205, 206, 208))


def _write(image: Image.Image, words: str, box: tuple[float, float, float, float], ink: Colour) -> None:
    """Letters stretched into the box, as plates have them."""
    font = ImageFont.load_default(size=48)
    probe = ImageDraw.Draw(Image.new("L", (1, 1)))
    left, top, right, bottom = probe.textbbox((0, 0), words, font=font, stroke_width=2)
    mask = Image.new("L", (max(1, int(right - left)), max(1, int(bottom - top))))
    ImageDraw.Draw(mask).text((-left, -top), words, font=font, fill=255, stroke_width=2, stroke_fill=255)
    size = max(1, round(box[2] - box[0])), max(1, round(box[3] - box[1]))
    image.paste(ink, (round(box[0]), round(box[1])), mask.resize(size))


def _worn(image: Image.Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    pixels = np.asarray(image).astype(np.float32)
    rgb = pixels[..., :3] * rng.uniform(0.45, 1.1)
    if rng.random() < 0.4:
        slope = np.linspace(rng.uniform(0.6, 1.2), rng.uniform(0.6, 1.3), pixels.shape[1], dtype=np.float32)
        rgb *= slope[None, :, None]
    if rng.random() < 0.3:
        coarse = Image.fromarray(rng.standard_normal((3, 6)).astype(np.float32))
        dirt = np.clip(np.asarray(coarse.resize(image.size)) * 0.4, 0, 0.6)[..., None]
        rgb = rgb * (1 - dirt) + dirt * 90
    return np.dstack([np.clip(rgb, 0, 255), pixels[..., 3]]).astype(np.uint8)


def _shaded(colour: Colour, gain: float) -> Colour:
    r, g, b = np.clip(np.array(colour) * gain, 0, 255).astype(int).tolist()
    return r, g, b


def _near(rng: np.random.Generator, colour: Colour, spread: float = 14.0) -> Colour:
    r, g, b = np.clip(np.array(colour) + rng.normal(0, spread, 3), 0, 255).astype(int).tolist()
    return r, g, b
