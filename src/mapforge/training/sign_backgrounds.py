"""Streets without signs, drawn quickly: what a sign detector must learn to leave alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]


def random_background(rng: np.random.Generator, size_px: int, cars: bool = True) -> Image.Image:
    """(size, size) RGB picture: mostly a street, sometimes only clutter or texture. Never a sign, light or person."""
    kind = rng.random()
    textured = rng.random() < 0.75
    if kind < 0.8:
        image = _street(rng, size_px, cars)
    else:
        image = Image.new("RGB", (size_px, size_px), _colour(rng))
        _clutter(ImageDraw.Draw(image), rng, size_px, int(rng.integers(10, 60)))
    return _texture(image, rng) if textured else image


def smooth_noise(rng: np.random.Generator, size_px: int, cells: int) -> NDArray[np.float32]:
    """(size, size) float32 noise of unit variance at the given number of cells a side."""
    coarse = Image.fromarray(rng.standard_normal((cells, cells), dtype=np.float32))
    return np.asarray(coarse.resize((size_px, size_px), Image.Resampling.BICUBIC))


def _street(rng: np.random.Generator, size: int, cars: bool) -> Image.Image:
    horizon = int(rng.uniform(0.1, 1.1) * size)
    image = _sky(rng, size)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 5))):
        _building(draw, rng, size, horizon)
    for _ in range(int(rng.integers(0, 6))):
        _tree(draw, rng, size, horizon)
    if horizon < size:
        _ground(draw, rng, size, horizon)
    for _ in range(int(rng.integers(0, 4))):
        _pole(draw, rng, size, horizon)
    for _ in range(int(rng.integers(0, 4)) if cars else 0):
        _car(draw, rng, size, horizon)
    for _ in range(int(rng.integers(0, 3))):
        _wire(draw, rng, size)
    _clutter(draw, rng, size, int(rng.integers(0, 8)))
    return image


def _sky(rng: np.random.Generator, size: int) -> Image.Image:
    tops: tuple[Colour, ...] = ((90, 150, 220), (150, 195, 225), (205, 212, 218), (240, 240, 238), (95, 105, 118))
    top = np.array(_near(rng, tops[int(rng.integers(len(tops)))]), dtype=np.float32)
    low = np.clip(top + rng.uniform(-10, 60), 0, 255)
    ramp = np.linspace(0.0, 1.0, size, dtype=np.float32)[:, None, None]
    sky = np.broadcast_to(top + (low - top) * ramp, (size, size, 3))
    if rng.random() < 0.6:
        cloud = np.clip(smooth_noise(rng, size, int(rng.integers(3, 9))) - rng.uniform(-0.5, 1.0), 0, 1)[..., None]
        sky = sky * (1 - cloud) + cloud * rng.uniform(150, 250)
    return Image.fromarray(np.clip(sky, 0, 255).astype(np.uint8))


def _building(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int, horizon: int) -> None:
    left, width = rng.uniform(-0.3, 1.0) * size, rng.uniform(0.15, 0.8) * size
    top = horizon - rng.uniform(0.1, 1.0) * size
    walls: tuple[Colour, ...] = ((150, 140, 130), (180, 165, 140), (120, 70, 60), (200, 200, 195), (90, 95, 105))
    wall = _near(rng, walls[int(rng.integers(len(walls)))])
    draw.rectangle([left, top, left + width, horizon + 4], fill=wall)
    if rng.random() < 0.25:
        return
    step_x, step_y = rng.uniform(10, 50), rng.uniform(12, 60)
    glass = _near(rng, ((60, 70, 85), (130, 150, 170), (230, 215, 150))[int(rng.choice(3, p=[0.5, 0.4, 0.1]))])
    share = rng.uniform(0.35, 0.7)
    for x in np.arange(left + 0.2 * step_x, left + width - share * step_x, step_x):
        for y in np.arange(top + 0.3 * step_y, horizon - share * step_y, step_y):
            draw.rectangle([x, y, x + share * step_x, y + share * step_y], fill=glass)


def _tree(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int, horizon: int) -> None:
    x, radius = rng.uniform(-0.1, 1.1) * size, rng.uniform(0.06, 0.4) * size
    y = horizon - rng.uniform(0.1, 0.7) * size
    bark = _near(rng, (80, 66, 54))
    draw.line([(x, horizon + 6), (x, y)], fill=bark, width=max(2, int(radius * 0.15)))
    if rng.random() < 0.45:
        angles, lengths = rng.uniform(0, 2 * np.pi, 60), rng.uniform(0.3, 1.4, 60) * radius
        starts = rng.normal(0, 0.4 * radius, (60, 2)) + (x, y)
        ends = starts + np.stack([np.cos(angles), np.sin(angles)], axis=1) * lengths[:, None]
        for start, end in zip(starts.tolist(), ends.tolist()):
            draw.line([*start, *end], fill=bark, width=int(rng.integers(1, 4)))
        return
    leaf = _near(rng, ((60, 90, 40), (40, 62, 36), (110, 120, 60), (150, 110, 50))[int(rng.integers(4))])
    for px, py, r in zip(*rng.normal(0, 0.45 * radius, (2, 50)), rng.uniform(0.08, 0.3, 50) * radius):
        draw.ellipse([x + px - r, y + py - r, x + px + r, y + py + r], fill=_near(rng, leaf))


def _ground(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int, horizon: int) -> None:
    verge = _near(rng, ((90, 110, 60), (130, 120, 90), (150, 148, 145), (215, 218, 222))[int(rng.integers(4))])
    draw.rectangle([0, horizon, size, size], fill=verge)
    vanish, near, far = rng.uniform(-0.3, 1.3) * size, rng.uniform(0.5, 2.0) * size, rng.uniform(4, 60)
    middle, bottom = rng.uniform(-0.2, 1.2) * size, max(size, horizon + 10)
    road = _near(rng, (92, 92, 95), 22)
    edges = [(vanish - far, horizon), (vanish + far, horizon), (middle + near, bottom), (middle - near, bottom)]
    draw.polygon(edges, fill=road)
    paint = _near(rng, ((225, 225, 225), (230, 190, 60))[int(rng.random() < 0.25)])
    for share in rng.uniform(-0.8, 0.8, int(rng.integers(0, 4))):
        start, end = (vanish + share * far, horizon), (middle + share * near, bottom)
        draw.line([start, end], fill=paint, width=int(rng.integers(1, 6)))
    if rng.random() < 0.3:
        y = rng.uniform(horizon, bottom)
        for x in np.arange(0, size, rng.uniform(12, 40)):
            draw.rectangle([x, y, x + 8, y + rng.uniform(4, 20)], fill=paint)


def _pole(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int, horizon: int) -> None:
    x, top, width = rng.uniform(0, size), rng.uniform(-0.2, 0.7) * size, int(rng.integers(1, 12))
    tone = _near(rng, ((130, 132, 134), (70, 66, 60), (190, 190, 188))[int(rng.integers(3))])
    draw.line([(x, top), (x, max(horizon, top) + rng.uniform(0, 0.5) * size)], fill=tone, width=width)
    if rng.random() < 0.5:
        reach = rng.uniform(-0.5, 0.5) * size
        draw.line([(x, top), (x + reach, top + rng.uniform(-20, 5))], fill=tone, width=max(1, width // 2))


def _car(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int, horizon: int) -> None:
    width = rng.uniform(0.08, 0.5) * size
    height = width * rng.uniform(0.6, 1.0)
    x, y = rng.uniform(-0.2, 1.0) * size, horizon + rng.uniform(-0.05, 0.4) * size
    bodies: tuple[Colour, ...] = ((30, 30, 34), (220, 220, 222), (160, 30, 30), (40, 60, 120), (130, 132, 136))
    body = _near(rng, bodies[int(rng.integers(len(bodies)))])
    draw.rectangle([x, y, x + width, y + height], fill=body)
    draw.rectangle(
        [x + 0.1 * width, y + 0.08 * height, x + 0.9 * width, y + 0.45 * height], fill=_near(rng, (45, 52, 60))
    )
    lamp = _near(rng, ((200, 25, 20), (255, 245, 220), (120, 12, 12), (240, 120, 30))[int(rng.integers(4))])
    for side in (0.04, 0.82):
        draw.rectangle([x + side * width, y + 0.55 * height, x + (side + 0.14) * width, y + 0.7 * height], fill=lamp)
        wheel = [x + side * width, y + 0.85 * height, x + (side + 0.16) * width, y + 1.1 * height]
        draw.ellipse(wheel, fill=(20, 20, 20))
    plate = [x + 0.36 * width, y + 0.66 * height, x + 0.64 * width, y + 0.78 * height]
    draw.rectangle(plate, fill=_near(rng, (230, 230, 225)))


def _wire(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int) -> None:
    y0, y1 = rng.uniform(0, 0.6, 2) * size
    draw.line([(0, y0), (size, y1)], fill=_near(rng, (40, 40, 44)), width=1)


def _clutter(draw: ImageDraw.ImageDraw, rng: np.random.Generator, size: int, count: int) -> None:
    """Coloured rectangles, ellipses, polygons and strokes anywhere, of any size."""
    for kind in rng.integers(0, 4, count):
        extent = size * 10 ** rng.uniform(-1.8, -0.3)
        x, y = rng.uniform(0, size, 2)
        w, h = rng.uniform(0.2, 1.0, 2) * extent
        colour = _colour(rng)
        if kind == 0:
            draw.rectangle([x, y, x + w, y + h], fill=colour)
        elif kind == 1:
            draw.ellipse([x, y, x + w, y + h], fill=colour)
        elif kind == 2:
            points = rng.normal(0, 0.5 * extent, (int(rng.integers(3, 7)), 2)) + (x, y)
            draw.polygon([(float(px), float(py)) for px, py in points], fill=colour)
        else:
            draw.line([(x, y), (x + rng.normal(0, extent), y + rng.normal(0, extent))], fill=colour, width=2)


def _texture(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Uneven light and rough surfaces: noise at three scales, multiplied."""
    size = image.width
    gain = 1.0 + 0.12 * smooth_noise(rng, size, 4) + rng.uniform(0, 0.12) * smooth_noise(rng, size, size // 8)
    gain += rng.uniform(0, 0.12) * smooth_noise(rng, size, size // 2)
    return Image.fromarray(np.clip(np.asarray(image) * gain[..., None], 0, 255).astype(np.uint8))


def _near(rng: np.random.Generator, colour: Colour, spread: float = 14.0) -> Colour:
    shift = rng.normal(0, spread)
    r, g, b = np.clip(np.array(colour) + shift + rng.normal(0, spread / 3, 3), 0, 255).astype(int).tolist()
    return r, g, b


def _colour(rng: np.random.Generator) -> Colour:
    """Any colour, greyish ones more often."""
    grey, tint = rng.uniform(10, 245), rng.uniform(-120, 120, 3) * rng.random()
    r, g, b = np.clip(grey + tint, 0, 255).astype(int).tolist()
    return r, g, b
