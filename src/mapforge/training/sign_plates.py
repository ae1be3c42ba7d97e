"""Plates for training pictures: the simulator's faces, and own variants of what real streets show beside them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mapforge.models.sign_detector import CLASSES, SPEED_LIMIT_OTHER, TRAFFIC_LIGHT
from mapforge.schemas.detections import SIGN_TYPES
from mapforge.simulation.sign_faces import LIGHT_STATES, STYLES, face

_PX = 160
_OTHER_LIMITS = (5, 10, 15, 20, 25, 35, 40, 45, 55, 60, 65, 75, 80, 90, 100, 110, 120, 130)
_WEIGHTS = {"unknown": 2.5, SPEED_LIMIT_OTHER: 2.0, TRAFFIC_LIGHT: 4.0, "pedestrian_crossing": 1.5, "stop": 1.3}

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Plate:
    """What can be put up in a scene.

    label: index into CLASSES, -1 for something that is neither sign nor light. rgba: (H, W, 4) uint8.
    """

    label: int
    rgba: NDArray[np.uint8]


def random_plate(rng: np.random.Generator) -> Plate:
    """A sign or light of any class, in any of its styles."""
    weights = np.array([_WEIGHTS.get(name, 1.0) for name in CLASSES])
    name = CLASSES[int(rng.choice(len(CLASSES), p=weights / weights.sum()))]
    return Plate(CLASSES.index(name), _picture(name, rng))


def random_decoy(rng: np.random.Generator) -> Plate:
    """Something sign-like that must not be found: a back, a blank, an advertisement, an unlit box, a tail light."""
    draw = (_back, _blank, _advertisement, _box, _lamp)[int(rng.integers(5))]
    return Plate(-1, draw(rng))


def _picture(name: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    style = int(rng.integers(STYLES))
    if name == TRAFFIC_LIGHT:
        state = (*LIGHT_STATES, "dark")[int(rng.choice(4, p=[0.35, 0.2, 0.35, 0.1]))]
        return face(TRAFFIC_LIGHT, state, style) if rng.random() < 0.4 else _light(rng, state)
    if name == SPEED_LIMIT_OTHER:
        number = int(rng.choice(_OTHER_LIMITS))
        return _us_limit(rng, number) if rng.random() < 0.3 else _eu_limit(rng, number)
    if name.startswith("speed_limit_") and rng.random() < 0.65:
        number = int(name.rsplit("_", 1)[1])
        return _us_limit(rng, number) if rng.random() < 0.3 else _eu_limit(rng, number)
    if name == "unknown" and rng.random() < 0.8:
        return (_warning, _prohibition, _order, _notice)[int(rng.integers(4))](rng)
    picture = face(name, style=style)
    if name in SIGN_TYPES and rng.random() < (0.4 if name == "pedestrian_crossing" else 0.06):
        return _framed(picture, rng)
    return picture


class _Sheet:
    """A transparent square to draw on, coordinates -0.5..0.5, y down."""

    def __init__(self, width: float = 1.0, height: float = 1.0) -> None:
        self.columns, self.rows = round(_PX * width), round(_PX * height)
        self.image = Image.new("RGBA", (self.columns, self.rows))
        self.draw = ImageDraw.Draw(self.image)

    def at(self, points: NDArray[np.float64] | list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(self.columns / 2 + x * _PX, self.rows / 2 + y * _PX) for x, y in points]

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        self.draw.ellipse(
            [*self.at([(x - radius, y - radius)])[0], *self.at([(x + radius, y + radius)])[0]], fill=colour
        )

    def box(self, width: float, height: float, colour: Colour, x: float = 0.0, y: float = 0.0) -> None:
        low, high = self.at([(x - width / 2, y - height / 2), (x + width / 2, y + height / 2)])
        self.draw.rectangle([*low, *high], fill=colour)

    def polygon(self, points: NDArray[np.float64] | list[tuple[float, float]], colour: Colour) -> None:
        self.draw.polygon(self.at(points), fill=colour)

    def line(self, points: list[tuple[float, float]], width: float, colour: Colour) -> None:
        self.draw.line(self.at(points), fill=colour, width=max(1, round(width * _PX)), joint="curve")

    def text(self, words: str, x: float, y: float, height: float, width: float, weight: int, colour: Colour) -> None:
        ink = _ink(words, weight)
        rows = max(1, round(height * _PX))
        columns = max(1, min(round(rows * ink.width / ink.height), round(width * _PX)))
        (left, top) = self.at([(x, y)])[0]
        self.image.paste(colour, (round(left - columns / 2), round(top - rows / 2)), ink.resize((columns, rows)))

    def pixels(self) -> NDArray[np.uint8]:
        return np.asarray(self.image)


@lru_cache(maxsize=512)
def _ink(words: str, weight: int) -> Image.Image:
    """A mask of letters, cut to their ink; weight: stroke added, of 80 px letters."""
    font = ImageFont.load_default(size=80)
    probe = ImageDraw.Draw(Image.new("L", (1, 1)))
    left, top, right, bottom = probe.textbbox((0, 0), words, font=font, stroke_width=weight)
    mask = Image.new("L", (max(1, int(right - left)), max(1, int(bottom - top))), 0)
    ImageDraw.Draw(mask).text((-left, -top), words, font=font, fill=255, stroke_width=weight, stroke_fill=255)
    return mask


def _tone(rng: np.random.Generator, colour: Colour, spread: float = 22.0) -> Colour:
    r, g, b = np.clip(np.array(colour) + rng.normal(0, spread, 3), 0, 255).astype(int).tolist()
    return r, g, b


def _red(rng: np.random.Generator) -> Colour:
    return _tone(rng, (195, 28, 38))


def _white(rng: np.random.Generator) -> Colour:
    value = int(rng.integers(205, 252))
    return value, value, max(0, value - int(rng.integers(0, 15)))


def _black(rng: np.random.Generator) -> Colour:
    value = int(rng.integers(5, 50))
    return value, value, value


def _eu_limit(rng: np.random.Generator, number: int) -> NDArray[np.uint8]:
    sheet = _Sheet()
    ring = rng.uniform(0.07, 0.125)
    if rng.random() < 0.3:
        sheet.disc(0, 0, 0.5, _white(rng))
        sheet.disc(0, 0, 0.475, _red(rng))
    else:
        sheet.disc(0, 0, 0.5, _red(rng))
    inner = _white(rng) if rng.random() < 0.88 else _tone(rng, (245, 205, 40))
    sheet.disc(0, 0, 0.5 - ring, inner)
    height = rng.uniform(0.3, 0.44) * (1.0 if number < 100 else 0.85)
    sheet.text(str(number), 0, 0, height, 0.82 - 2 * ring, int(rng.integers(0, 5)), _black(rng))
    return sheet.pixels()


def _us_limit(rng: np.random.Generator, number: int) -> NDArray[np.uint8]:
    sheet = _Sheet(0.8, 1.0)
    sheet.box(0.8, 1.0, _white(rng))
    ink = _black(rng)
    if rng.random() < 0.8:
        sheet.box(0.75, 0.95, ink)
        sheet.box(0.71, 0.91, _white(rng))
    weight = int(rng.integers(0, 5))
    sheet.text("SPEED", 0, -0.34, 0.12, 0.62, weight, ink)
    sheet.text("LIMIT", 0, -0.17, 0.12, 0.62, weight, ink)
    sheet.text(str(number), 0, 0.19, rng.uniform(0.34, 0.44), 0.62, weight, ink)
    return sheet.pixels()


def _light(rng: np.random.Generator, state: str) -> NDArray[np.uint8]:
    width = rng.uniform(0.32, 0.48)
    back = rng.random() < 0.35
    sheet = _Sheet(width + (0.16 if back else 0.0), 1.0)
    if back:
        sheet.box(width + 0.16, 1.0, _white(rng) if rng.random() < 0.4 else _black(rng))
        sheet.box(width + 0.1, 0.96, _black(rng))
    housing = ((22, 24, 26), (40, 50, 46), (190, 150, 30), (60, 62, 66))[int(rng.choice(4, p=[0.5, 0.2, 0.15, 0.15]))]
    sheet.box(width, 0.92 if back else 1.0, _tone(rng, housing, 8))
    radius = min(rng.uniform(0.105, 0.15), width / 2 - 0.02)
    lamps = (("red", (255, 60, 40), (66, 18, 16)), ("yellow", (255, 190, 50), (74, 56, 14)))
    for (name, lit, dark), y in zip((*lamps, ("green", (70, 250, 170), (12, 60, 44))), (-0.3, 0.0, 0.3)):
        sheet.disc(0, y - 0.015, radius + 0.02, (8, 8, 9))
        sheet.disc(0, y, radius, _tone(rng, lit if name == state else dark, 16))
        if name == state:
            sheet.disc(0, y, radius * rng.uniform(0.3, 0.8), _tone(rng, (255, 250, 230), 6))
    return sheet.pixels()


def _triangle(size: float, y: float) -> list[tuple[float, float]]:
    return [(-0.5 * size, 0.433 * size + y), (0.5 * size, 0.433 * size + y), (0.0, -0.433 * size + y)]


def _warning(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A warning of another kind: a red triangle or a yellow diamond with a scribble."""
    sheet = _Sheet()
    if rng.random() < 0.7:
        sheet.polygon(_triangle(1.0, 0.0), _red(rng))
        sheet.polygon(_triangle(rng.uniform(0.6, 0.75), 0.04), _white(rng) if rng.random() < 0.8 else (245, 205, 40))
        _scribble(sheet, rng, 0.18, 0.1, _black(rng))
    else:
        sheet.polygon([(0, -0.5), (0.5, 0), (0, 0.5), (-0.5, 0)], _tone(rng, (245, 190, 20)))
        _scribble(sheet, rng, 0.24, 0.0, _black(rng))
    return sheet.pixels()


def _prohibition(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A prohibition of another kind: a red ring round a scribble, or round blue with a cross."""
    sheet = _Sheet()
    sheet.disc(0, 0, 0.5, _red(rng))
    if rng.random() < 0.25:
        sheet.disc(0, 0, 0.41, _tone(rng, (25, 80, 165)))
        sheet.line([(-0.29, -0.29), (0.29, 0.29)], 0.09, _red(rng))
        sheet.line([(-0.29, 0.29), (0.29, -0.29)], 0.09, _red(rng))
        return sheet.pixels()
    sheet.disc(0, 0, rng.uniform(0.37, 0.43), _white(rng))
    _scribble(sheet, rng, 0.24, 0.0, _black(rng))
    if rng.random() < 0.5:
        _scribble(sheet, rng, 0.2, 0.0, _red(rng))
    return sheet.pixels()


def _order(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A blue disc with an arrow up, left or turning, never the one that means keep right."""
    sheet = _Sheet()
    sheet.disc(0, 0, 0.5, _white(rng))
    sheet.disc(0, 0, 0.475, _tone(rng, (25, 85, 170)))
    turn = rng.choice([0.0, -np.pi / 2, np.pi / 2, -0.75 * np.pi])
    cosine, sine = np.cos(turn), np.sin(turn)
    arrow = np.array([(-0.05, 0.3), (0.05, 0.3), (0.05, -0.1), (0.18, -0.1), (0, -0.34), (-0.18, -0.1), (-0.05, -0.1)])
    sheet.polygon(arrow @ np.array([[cosine, sine], [-sine, cosine]]), _white(rng))
    return sheet.pixels()


def _notice(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A plate with letters, arrows or a symbol on blue, green, white, brown or yellow ground."""
    sheet = _Sheet(1.0, float(rng.uniform(0.35, 1.0)))
    height = sheet.rows / _PX
    grounds: tuple[Colour, ...] = ((22, 82, 165), (0, 105, 70), (235, 235, 230), (110, 70, 40), (245, 200, 40))
    index = int(rng.integers(len(grounds)))
    ink = _black(rng) if index in (2, 4) else _white(rng)
    sheet.box(1.0, height, ink)
    sheet.box(0.95, height - 0.05, _tone(rng, grounds[index], 15))
    for row in range(int(rng.integers(1, 3))):
        y = 0.0 if height < 0.6 else (-0.2 + 0.35 * row) * height
        sheet.text(_letters(rng), 0, y, 0.26 * height, 0.8, int(rng.integers(0, 5)), ink)
    if rng.random() < 0.4:
        _scribble(sheet, rng, 0.3 * height, 0.0, ink)
    return sheet.pixels()


def _letters(rng: np.random.Generator) -> str:
    alphabet = "ABCDEFGHIKLMNOPRSTUVWZ0123456789"
    return "".join(alphabet[int(k)] for k in rng.integers(0, len(alphabet), int(rng.integers(1, 7))))


def _scribble(sheet: _Sheet, rng: np.random.Generator, size: float, y: float, colour: Colour) -> None:
    """A symbol that means nothing: some strokes, discs and boxes."""
    for _ in range(int(rng.integers(1, 4))):
        kind, (u, v) = int(rng.integers(3)), rng.uniform(-0.5, 0.5, 2) * size
        if kind == 0:
            points = [(float(px), float(py) + y) for px, py in rng.uniform(-size, size, (int(rng.integers(2, 5)), 2))]
            sheet.line(points, rng.uniform(0.05, 0.1), colour)
        elif kind == 1:
            sheet.disc(u, v + y, rng.uniform(0.2, 0.45) * size, colour)
        else:
            sheet.box(rng.uniform(0.5, 1.4) * size, rng.uniform(0.3, 0.9) * size, colour, u, v + y)


def _framed(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A plate on a bright or white board, as often put up at crossings and schools."""
    margin = int(rng.uniform(0.06, 0.14) * max(picture.shape[:2]))
    rows, columns = picture.shape[0] + 2 * margin, picture.shape[1] + 2 * margin
    ground = _tone(rng, ((225, 235, 30), (250, 205, 30), (240, 240, 240))[int(rng.integers(3))])
    board = Image.new("RGBA", (columns, rows), (*ground, 255))
    board.alpha_composite(Image.fromarray(picture), (margin, margin))
    return np.asarray(board)


def _back(rng: np.random.Generator) -> NDArray[np.uint8]:
    sheet = _Sheet()
    grey = _tone(rng, ((70, 72, 74), (120, 122, 124), (165, 167, 168))[int(rng.integers(3))], 8)
    kind = int(rng.integers(4))
    if kind == 0:
        sheet.disc(0, 0, 0.5, grey)
    elif kind == 1:
        sheet.box(rng.uniform(0.5, 1.0), rng.uniform(0.5, 1.0), grey)
    elif kind == 2:
        flip = 1.0 if rng.random() < 0.5 else -1.0
        sheet.polygon([(x, flip * y) for x, y in _triangle(1.0, 0.0)], grey)
    else:
        angle = (np.arange(8) + 0.5) * np.pi / 4
        sheet.polygon(np.stack([np.cos(angle), np.sin(angle)], axis=1) / 2, grey)
    sheet.line([(-0.3, -0.12), (0.3, -0.12)], 0.04, _tone(rng, grey, 15))
    sheet.line([(-0.3, 0.12), (0.3, 0.12)], 0.04, _tone(rng, grey, 15))
    return sheet.pixels()


def _blank(rng: np.random.Generator) -> NDArray[np.uint8]:
    sheet = _Sheet(1.0, float(rng.uniform(0.3, 1.0)))
    colour = _tone(rng, (int(rng.integers(256)), int(rng.integers(256)), int(rng.integers(256))), 5)
    if rng.random() < 0.4:
        sheet.draw.ellipse([0, 0, sheet.columns, sheet.rows], fill=colour)
    else:
        sheet.box(1.0, sheet.rows / _PX, colour)
    return sheet.pixels()


def _advertisement(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A shop sign or billboard: bright blobs, gradients and many letters."""
    sheet = _Sheet(1.0, float(rng.uniform(0.3, 0.8)))
    sheet.box(1.0, 1.0, _tone(rng, (int(rng.integers(256)), int(rng.integers(256)), int(rng.integers(256)))))
    for _ in range(int(rng.integers(2, 6))):
        colour = _tone(rng, (int(rng.integers(256)), int(rng.integers(256)), int(rng.integers(256))))
        _scribble(sheet, rng, float(rng.uniform(0.1, 0.5)), 0.0, colour)
    sheet.text(_letters(rng) + _letters(rng), 0, 0, rng.uniform(0.1, 0.25), 0.9, int(rng.integers(0, 5)), _white(rng))
    return sheet.pixels()


def _box(rng: np.random.Generator) -> NDArray[np.uint8]:
    """The back of a light, a window, a letter box: an upright dark box without lamps."""
    sheet = _Sheet(float(rng.uniform(0.3, 0.8)), 1.0)
    sheet.box(1.0, 1.0, _tone(rng, (60, 64, 70), 25))
    if rng.random() < 0.5:
        sheet.box(0.8 * sheet.columns / _PX, 0.85, _tone(rng, (70, 84, 100), 25))
        sheet.line([(0.0, -0.5), (0.0, 0.5)], 0.04, _tone(rng, (90, 90, 90)))
    return sheet.pixels()


def _lamp(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A tail light, a headlight or a street lamp, with or without its round housing."""
    sheet = _Sheet(1.0, float(rng.uniform(0.4, 1.0)))
    colours: tuple[Colour, ...] = ((225, 30, 25), (255, 240, 200), (255, 160, 40), (150, 15, 15))
    colour = _tone(rng, colours[int(rng.integers(4))])
    if rng.random() < 0.5:
        sheet.box(1.0, 1.0, _tone(rng, (70, 20, 22), 20))
    sheet.draw.ellipse([8, 8, sheet.columns - 8, sheet.rows - 8], fill=colour)
    return sheet.pixels()
