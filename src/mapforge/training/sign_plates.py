"""Plates for training pictures: the simulator's faces, and own variants of what real streets show beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mapforge.models.sign_detector import CLASSES, SPEED_LIMIT_OTHER, TRAFFIC_LIGHT
from mapforge.schemas.detections import SIGN_TYPES
from mapforge.simulation.sign_faces import LIGHT_STATES, STYLES, face
from mapforge.training.sign_lights import light
from mapforge.training.sign_sheet import SHEET_PX, Colour, Sheet, black, toned, white

_OTHER_LIMITS = (5, 10, 15, 20, 25, 35, 40, 45, 55, 60, 65, 75, 80, 90, 100, 110, 120, 130)
_WEIGHTS = {
    "unknown": 2.5, SPEED_LIMIT_OTHER: 2.6, TRAFFIC_LIGHT: 5.0, "pedestrian_crossing": 1.5, "stop": 1.4,
    "speed_limit_30": 1.3, "speed_limit_50": 1.3, "speed_limit_70": 1.3,
}  # fmt: skip


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
    """Something sign-like that must not be found: a back, a blank, an advertisement, a box, lamp, window, leaves."""
    draw = (_back, _blank, _advertisement, _box, _lamp, _window, _leaves)[int(rng.integers(7))]
    return Plate(-1, draw(rng))


def _picture(name: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    style = int(rng.integers(STYLES))
    if name == TRAFFIC_LIGHT:
        state = (*LIGHT_STATES, "dark")[int(rng.choice(4, p=[0.35, 0.2, 0.35, 0.1]))]
        return face(TRAFFIC_LIGHT, state, style) if rng.random() < 0.4 else light(rng, state)
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


def _red(rng: np.random.Generator) -> Colour:
    return toned(rng, (195, 28, 38))


def _eu_limit(rng: np.random.Generator, number: int) -> NDArray[np.uint8]:
    sheet = Sheet()
    ring = rng.uniform(0.07, 0.125)
    if rng.random() < 0.3:
        sheet.disc(0, 0, 0.5, white(rng))
        sheet.disc(0, 0, 0.475, _red(rng))
    else:
        sheet.disc(0, 0, 0.5, _red(rng))
    inner = white(rng) if rng.random() < 0.88 else toned(rng, (245, 205, 40))
    sheet.disc(0, 0, 0.5 - ring, inner)
    height = rng.uniform(0.3, 0.44) * (1.0 if number < 100 else 0.85)
    sheet.text(str(number), 0, 0, height, 0.82 - 2 * ring, int(rng.integers(0, 7)), black(rng), rng.uniform(0.75, 1.1))
    return sheet.pixels()


def _us_limit(rng: np.random.Generator, number: int) -> NDArray[np.uint8]:
    sheet = Sheet(0.8, 1.0)
    sheet.box(0.8, 1.0, white(rng))
    ink = black(rng)
    if rng.random() < 0.8:
        sheet.box(0.75, 0.95, ink)
        sheet.box(0.71, 0.91, white(rng))
    weight = int(rng.integers(0, 5))
    sheet.text("SPEED", 0, -0.34, 0.12, 0.62, weight, ink)
    sheet.text("LIMIT", 0, -0.17, 0.12, 0.62, weight, ink)
    sheet.text(str(number), 0, 0.19, rng.uniform(0.34, 0.44), 0.62, weight, ink)
    return sheet.pixels()


def _triangle(size: float, y: float) -> list[tuple[float, float]]:
    return [(-0.5 * size, 0.433 * size + y), (0.5 * size, 0.433 * size + y), (0.0, -0.433 * size + y)]


def _warning(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A warning of another kind: a red triangle or a yellow diamond with a scribble."""
    sheet = Sheet()
    if rng.random() < 0.7:
        sheet.polygon(_triangle(1.0, 0.0), _red(rng))
        sheet.polygon(_triangle(rng.uniform(0.6, 0.75), 0.04), white(rng) if rng.random() < 0.8 else (245, 205, 40))
        _scribble(sheet, rng, 0.18, 0.1, black(rng))
    else:
        sheet.polygon([(0, -0.5), (0.5, 0), (0, 0.5), (-0.5, 0)], toned(rng, (245, 190, 20)))
        _scribble(sheet, rng, 0.24, 0.0, black(rng))
    return sheet.pixels()


def _prohibition(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A prohibition of another kind: a red ring round a scribble, or round blue with a cross."""
    sheet = Sheet()
    sheet.disc(0, 0, 0.5, _red(rng))
    if rng.random() < 0.25:
        sheet.disc(0, 0, 0.41, toned(rng, (25, 80, 165)))
        sheet.line([(-0.29, -0.29), (0.29, 0.29)], 0.09, _red(rng))
        sheet.line([(-0.29, 0.29), (0.29, -0.29)], 0.09, _red(rng))
        return sheet.pixels()
    sheet.disc(0, 0, rng.uniform(0.37, 0.43), white(rng))
    _scribble(sheet, rng, 0.24, 0.0, black(rng))
    if rng.random() < 0.5:
        _scribble(sheet, rng, 0.2, 0.0, _red(rng))
    return sheet.pixels()


def _order(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A blue disc with an arrow up, left or turning, never the one that means keep right."""
    sheet = Sheet()
    sheet.disc(0, 0, 0.5, white(rng))
    sheet.disc(0, 0, 0.475, toned(rng, (25, 85, 170)))
    turn = rng.choice([0.0, -np.pi / 2, np.pi / 2, -0.75 * np.pi])
    cosine, sine = np.cos(turn), np.sin(turn)
    arrow = np.array([(-0.05, 0.3), (0.05, 0.3), (0.05, -0.1), (0.18, -0.1), (0, -0.34), (-0.18, -0.1), (-0.05, -0.1)])
    sheet.polygon(arrow @ np.array([[cosine, sine], [-sine, cosine]]), white(rng))
    return sheet.pixels()


def _notice(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A plate with letters, arrows or a symbol on blue, green, white, brown or yellow ground."""
    sheet = Sheet(1.0, float(rng.uniform(0.35, 1.0)))
    height = sheet.rows / SHEET_PX
    grounds: tuple[Colour, ...] = ((22, 82, 165), (0, 105, 70), (235, 235, 230), (110, 70, 40), (245, 200, 40))
    index = int(rng.integers(len(grounds)))
    ink = black(rng) if index in (2, 4) else white(rng)
    sheet.box(1.0, height, ink)
    sheet.box(0.95, height - 0.05, toned(rng, grounds[index], 15))
    for row in range(int(rng.integers(1, 3))):
        y = 0.0 if height < 0.6 else (-0.2 + 0.35 * row) * height
        sheet.text(_letters(rng), 0, y, 0.26 * height, 0.8, int(rng.integers(0, 5)), ink)
    if rng.random() < 0.4:
        _scribble(sheet, rng, 0.3 * height, 0.0, ink)
    return sheet.pixels()


def _letters(rng: np.random.Generator) -> str:
    alphabet = "ABCDEFGHIKLMNOPRSTUVWZ0123456789"
    return "".join(alphabet[int(k)] for k in rng.integers(0, len(alphabet), int(rng.integers(1, 7))))


def _scribble(sheet: Sheet, rng: np.random.Generator, size: float, y: float, colour: Colour) -> None:
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
    ground = toned(rng, ((225, 235, 30), (250, 205, 30), (240, 240, 240))[int(rng.integers(3))])
    board = Image.new("RGBA", (columns, rows), (*ground, 255))
    board.alpha_composite(Image.fromarray(picture), (margin, margin))
    return np.asarray(board)


def _back(rng: np.random.Generator) -> NDArray[np.uint8]:
    sheet = Sheet()
    grey = toned(rng, ((70, 72, 74), (120, 122, 124), (165, 167, 168))[int(rng.integers(3))], 8)
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
    sheet.line([(-0.3, -0.12), (0.3, -0.12)], 0.04, toned(rng, grey, 15))
    sheet.line([(-0.3, 0.12), (0.3, 0.12)], 0.04, toned(rng, grey, 15))
    return sheet.pixels()


def _blank(rng: np.random.Generator) -> NDArray[np.uint8]:
    sheet = Sheet(1.0, float(rng.uniform(0.3, 1.0)))
    colour = toned(rng, (int(rng.integers(256)), int(rng.integers(256)), int(rng.integers(256))), 5)
    if rng.random() < 0.4:
        sheet.draw.ellipse([0, 0, sheet.columns, sheet.rows], fill=colour)
    else:
        sheet.box(1.0, sheet.rows / SHEET_PX, colour)
    return sheet.pixels()


def _advertisement(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A shop sign or billboard: bright blobs, gradients and many letters."""
    sheet = Sheet(1.0, float(rng.uniform(0.3, 0.8)))
    sheet.box(1.0, 1.0, toned(rng, (int(rng.integers(256)), int(rng.integers(256)), int(rng.integers(256)))))
    for _ in range(int(rng.integers(2, 6))):
        colour = toned(rng, (int(rng.integers(256)), int(rng.integers(256)), int(rng.integers(256))))
        _scribble(sheet, rng, float(rng.uniform(0.1, 0.5)), 0.0, colour)
    sheet.text(_letters(rng) + _letters(rng), 0, 0, rng.uniform(0.1, 0.25), 0.9, int(rng.integers(0, 5)), white(rng))
    return sheet.pixels()


def _box(rng: np.random.Generator) -> NDArray[np.uint8]:
    """The back of a light, a window, a letter box: an upright dark box without lamps."""
    sheet = Sheet(float(rng.uniform(0.3, 0.8)), 1.0)
    sheet.box(1.0, 1.0, toned(rng, (60, 64, 70), 25))
    if rng.random() < 0.5:
        sheet.box(0.8 * sheet.columns / SHEET_PX, 0.85, toned(rng, (70, 84, 100), 25))
        sheet.line([(0.0, -0.5), (0.0, 0.5)], 0.04, toned(rng, (90, 90, 90)))
    return sheet.pixels()


def _lamp(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A tail light, a headlight or a street lamp, with or without its round housing."""
    sheet = Sheet(1.0, float(rng.uniform(0.4, 1.0)))
    colours: tuple[Colour, ...] = ((225, 30, 25), (255, 240, 200), (255, 160, 40), (150, 15, 15))
    colour = toned(rng, colours[int(rng.integers(4))])
    if rng.random() < 0.5:
        sheet.box(1.0, 1.0, toned(rng, (70, 20, 22), 20))
    sheet.draw.ellipse([8, 8, sheet.columns - 8, sheet.rows - 8], fill=colour)
    return sheet.pixels()


def _window(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Dark glass in a light frame, often arched: upright, like a light."""
    sheet = Sheet(float(rng.uniform(0.35, 0.7)), 1.0)
    width = sheet.columns / SHEET_PX
    glass, frame = toned(rng, (50, 56, 64), 20), toned(rng, (190, 185, 175), 25)
    arch = width / 2 if rng.random() < 0.5 else 0.0
    for colour, rim in ((frame, 0.0), (glass, 0.06)):
        sheet.box(width - 2 * rim, 1.0 - arch - rim, colour, 0.0, (arch - rim) / 2)
        if arch:
            sheet.disc(0.0, arch - 0.5, arch - rim, colour)
    if rng.random() < 0.6:
        sheet.line([(-width / 2, rng.uniform(-0.2, 0.2)), (width / 2, rng.uniform(-0.2, 0.2))], 0.04, frame)
    return sheet.pixels()


def _leaves(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A tuft of leaves with the sky or a wall between them."""
    sheet = Sheet(1.0, float(rng.uniform(0.6, 1.0)))
    leaf = ((60, 90, 40), (40, 62, 36), (110, 120, 60), (150, 110, 50))[int(rng.integers(4))]
    for x, y in rng.normal(0, 0.2, (int(rng.integers(12, 40)), 2)):
        sheet.polygon(rng.normal(0, 0.09, (3, 2)) + (x, y), toned(rng, leaf, 12))
    return sheet.pixels()
