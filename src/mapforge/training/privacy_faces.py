"""Drawn people for training pictures: heads in all skin tones, turned, dressed, masked, behind glass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]

_DARKEST, _LIGHTEST = np.array([38.0, 26.0, 22.0]), np.array([250.0, 224.0, 202.0])
_PX = 96
_HAIR: tuple[Colour, ...] = (
    (25, 20, 18),
    (70, 45, 28),
    (140, 95, 55),
    (205, 170, 110),
    (150, 150, 150),
    (225, 225, 222),
)

Float = NDArray[np.float64]


def head(rng: np.random.Generator, shows_face: bool) -> tuple[Image.Image, tuple[float, float, float, float]]:
    """A head with its neck, RGBA, and the box of its face (left, top, right, bottom as shares of the picture).

    shows_face: else it is seen from behind, and the box is of what would be hidden.
    """
    image = Image.new("RGBA", (_PX, _PX + _PX // 4))
    draw = ImageDraw.Draw(image)
    skin = skin_tone(rng)
    turn = float(np.clip(rng.normal(0, 0.4), -0.95, 0.95))
    width, height = _PX * rng.uniform(0.27, 0.34), _PX * rng.uniform(0.38, 0.45)
    x, y = _PX / 2, _PX * 0.52
    neck = width * rng.uniform(0.5, 0.75)
    draw.rectangle([x - neck, y + 0.5 * height, x + neck, image.height], fill=_shaded(skin, 0.8))
    hair = _near(rng, _HAIR[int(rng.choice(len(_HAIR), p=[0.35, 0.25, 0.15, 0.1, 0.1, 0.05]))], 12)
    style = rng.random()
    if style < 0.35:  # long
        draw.ellipse([x - 1.25 * width, y - 1.15 * height, x + 1.25 * width, y + 1.35 * height], fill=hair)
    elif style < 0.9:
        draw.ellipse([x - 1.1 * width, y - 1.13 * height, x + 1.1 * width, y + 0.4 * height], fill=hair)
    if not shows_face:
        draw.ellipse([x - width, y - height, x + width, y + height], fill=hair if style < 0.9 else skin)
        return image, _box(x, y, width, height, image)
    draw.ellipse([x - width, y - height, x + width, y + height], fill=skin)
    for side in (-1, 1):
        if side * turn < 0.6:
            ear = x + side * width
            draw.ellipse([ear - 3, y - 6, ear + 3, y + 8], fill=_shaded(skin, 0.9))
    _hairline(draw, rng, x, y, width, height, turn, hair, style)
    _features(draw, rng, x, y, width, height, turn, skin, hair)
    _headwear(draw, rng, x, y, width, height)
    return _lit(image, rng), _box(x, y, width, height, image)


def person(rng: np.random.Generator, head_px: float, shows_face: bool) -> tuple[Image.Image, Float]:
    """Somebody on foot or at a wheel, RGBA at the size it will have, and the (4,) box of the face in its pixels."""
    face, share = head(rng, shows_face)
    scale = head_px / (_PX * 0.85)
    face = face.resize((max(4, round(face.width * scale)), max(5, round(face.height * scale))), Image.Resampling.BOX)
    columns, rows = round(3.2 * face.width), round(face.height * rng.uniform(2.5, 6.5))
    image = Image.new("RGBA", (columns, rows))
    draw = ImageDraw.Draw(image)
    cloth, legs = _colour(rng), _colour(rng)
    x, shoulder = columns / 2, face.height * 0.92
    half = face.width * rng.uniform(0.7, 1.15)
    waist = min(rows, shoulder + face.height * rng.uniform(1.7, 2.3))
    gap = half * rng.uniform(0.05, 0.5)
    for side in (-1, 1):
        foot = x + side * gap + rng.normal(0, 0.25 * half)
        draw.line([(x + side * gap, waist - 2), (foot, rows)], fill=legs, width=max(2, round(0.8 * half)))
    draw.rounded_rectangle([x - half, shoulder, x + half, waist], radius=0.45 * half, fill=cloth)
    for side in (-1, 1):
        hand = (x + side * half * rng.uniform(0.6, 1.7), waist + rng.uniform(-1.2, 0.3) * half)
        draw.line(
            [(x + side * half * 0.85, shoulder + 0.3 * half), hand],
            fill=_shaded(cloth, 0.85),
            width=max(2, round(0.5 * half)),
        )
    if rng.random() < 0.3:
        draw.rectangle([x - 0.4 * half, shoulder + 0.5 * half, x + 0.4 * half, shoulder + half], fill=_colour(rng))
    left = round(x - face.width / 2)
    image.alpha_composite(face, (left, 0))
    box = np.array(share) * (face.width, face.height, face.width, face.height) + (left, 0, left, 0)
    return image, box


def skin_tone(rng: np.random.Generator) -> Colour:
    """Evenly from the darkest to the lightest, with warm and cool undertones."""
    share = rng.random()
    tone = _DARKEST + (_LIGHTEST - _DARKEST) * share + rng.normal(0, 8, 3) + (0, 18 * share * (1 - share), 0)
    r, g, b = np.clip(tone, 10, 255).astype(int).tolist()
    return r, g, b


def _box(x: float, y: float, width: float, height: float, image: Image.Image) -> tuple[float, float, float, float]:
    low = (x - width) / image.width, (y - 0.8 * height) / image.height
    return *low, (x + width) / image.width, (y + height) / image.height


def _hairline(
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, x: float, y: float, width: float, height: float,
    turn: float, hair: Colour, style: float,
) -> None:  # fmt: skip
    if style >= 0.9:
        return
    forehead = y - height * rng.uniform(0.35, 0.75)
    draw.chord(
        [x - 1.06 * width, y - 1.1 * height, x + 1.06 * width, 2 * forehead - y + 1.1 * height], 180, 360, fill=hair
    )
    if abs(turn) > 0.5:  # the back of the head comes into view
        back = x - np.sign(turn) * width
        draw.ellipse([back - 0.5 * width, y - height, back + 0.5 * width, y + 0.3 * height], fill=hair)


def _features(
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, x: float, y: float, width: float, height: float,
    turn: float, skin: Colour, hair: Colour,
) -> None:  # fmt: skip
    middle, squash = x + 0.75 * turn * width, 1.0 - 0.45 * abs(turn)
    eye_y, apart = y - rng.uniform(0.0, 0.15) * height, 0.42 * width * squash
    dark = _shaded(skin, rng.uniform(0.45, 0.7))
    for side in (-1, 1):
        eye, half = middle + side * apart, 0.17 * width * squash
        draw.ellipse(
            [eye - 1.6 * half, eye_y - 1.7 * half, eye + 1.6 * half, eye_y + 1.5 * half], fill=_shaded(skin, 0.82)
        )
        draw.ellipse([eye - half, eye_y - 0.55 * half, eye + half, eye_y + 0.55 * half], fill=(225, 222, 218))
        draw.ellipse([eye - 0.5 * half, eye_y - 0.55 * half, eye + 0.5 * half, eye_y + 0.55 * half], fill=(40, 28, 22))
        draw.line(
            [eye - 1.4 * half, eye_y - 1.7 * half, eye + 1.4 * half, eye_y - 1.8 * half],
            fill=_shaded(hair, 0.8),
            width=2,
        )
    nose = y + 0.35 * height
    draw.polygon(
        [(middle, eye_y), (middle + 0.22 * width * (turn + 0.3), nose), (middle - 0.1 * width, nose)],
        fill=_shaded(skin, 0.86),
    )
    draw.line([middle - 0.12 * width, nose, middle + 0.14 * width, nose], fill=dark, width=2)
    mouth, wide = y + rng.uniform(0.52, 0.6) * height, rng.uniform(0.25, 0.42) * width * squash
    lips = tuple(int(v) for v in np.clip(np.array(skin) * (0.85, 0.6, 0.6) + (15, 0, 0), 0, 255))
    draw.ellipse([middle - wide, mouth - 2, middle + wide, mouth + rng.uniform(2, 6)], fill=lips)
    kind = rng.random()
    if kind < 0.18:  # a beard
        draw.chord(
            [x - 0.95 * width, y - 0.6 * height, x + 0.95 * width, y + 1.05 * height], 25, 155, fill=_shaded(hair, 1.1)
        )
        draw.ellipse([middle - wide, mouth - 1, middle + wide, mouth + 3], fill=lips)
    elif kind < 0.28:  # a mask
        draw.chord([x - width, y - 0.9 * height, x + width, y + height], 5, 175, fill=_near(rng, (200, 215, 225), 30))
    kind = rng.random()
    if kind < 0.3:
        tinted = (20, 20, 24) if kind < 0.12 else None
        for side in (-1, 1):
            eye, half = middle + side * apart, 0.32 * width * squash
            draw.ellipse(
                [eye - half, eye_y - 0.28 * width, eye + half, eye_y + 0.3 * width],
                outline=(25, 25, 28),
                fill=tinted,
                width=2,
            )
        draw.line([middle - apart, eye_y, middle + apart, eye_y], fill=(25, 25, 28), width=2)


def _headwear(
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, x: float, y: float, width: float, height: float
) -> None:
    kind, colour = rng.random(), _colour(rng)
    if kind < 0.12:  # a cap, a hat or a helmet
        brim = y - rng.uniform(0.4, 0.6) * height
        draw.chord(
            [x - 1.12 * width, y - 1.25 * height, x + 1.12 * width, 2 * brim - y + 1.25 * height], 180, 360, fill=colour
        )
        reach = rng.uniform(1.1, 1.6) * width
        draw.rectangle([x - reach, brim - 3, x + reach, brim + 2], fill=_shaded(colour, 0.7))
    elif kind < 0.18:  # a scarf round the head
        draw.arc(
            [x - 1.25 * width, y - 1.25 * height, x + 1.25 * width, y + 1.3 * height],
            110,
            430,
            fill=colour,
            width=round(0.28 * width),
        )


def _lit(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Light from a side and from above, and the soft edges of skin."""
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.4)))
    pixels = np.asarray(image).astype(np.float32)
    across = np.linspace(-1, 1, image.width, dtype=np.float32)[None, :, None] * rng.normal(0, 0.28)
    down = np.linspace(1, -1, image.height, dtype=np.float32)[:, None, None] * rng.normal(0.12, 0.15)
    pixels[..., :3] = np.clip(pixels[..., :3] * (1 + across + down), 0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


def _shaded(colour: Colour, gain: float) -> Colour:
    r, g, b = np.clip(np.array(colour) * gain, 0, 255).astype(int).tolist()
    return r, g, b


def _near(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    r, g, b = np.clip(np.array(colour) + rng.normal(0, spread, 3), 0, 255).astype(int).tolist()
    return r, g, b


def _colour(rng: np.random.Generator) -> Colour:
    grey = rng.uniform(10, 235)
    r, g, b = np.clip(grey + rng.normal(0, 45, 3) * rng.random(), 0, 255).astype(int).tolist()
    return r, g, b
