"""Traffic lights for training pictures: from the front and the side, lying, with visors, back plates and arrows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.training.sign_sheet import Colour, Sheet, black, toned, white

_HOUSINGS: tuple[Colour, ...] = ((22, 24, 26), (40, 50, 46), (200, 150, 30), (60, 62, 66), (150, 90, 45), (110, 30, 26))
_HOUSING_SHARES = (0.42, 0.16, 0.2, 0.1, 0.08, 0.04)
_LIT: dict[str, Colour] = {"red": (255, 60, 40), "yellow": (255, 190, 50), "green": (70, 250, 170)}
_DARK: dict[str, Colour] = {"red": (66, 18, 16), "yellow": (74, 56, 14), "green": (12, 60, 44)}
_HEIGHTS = {"red": -0.3, "yellow": 0.0, "green": 0.3}


def light(rng: np.random.Generator, state: str) -> NDArray[np.uint8]:
    """(H, W, 4) uint8 of a light whose lamp `state` (red, yellow, green; else none) is lit; upright but for few."""
    housing = toned(rng, _HOUSINGS[int(rng.choice(len(_HOUSINGS), p=_HOUSING_SHARES))], 8)
    if rng.random() < 0.14:
        return _from_the_side(rng, state, housing)
    picture = _from_the_front(rng, state, housing)
    return np.ascontiguousarray(np.rot90(picture)) if rng.random() < 0.06 else picture


def _from_the_front(rng: np.random.Generator, state: str, housing: Colour) -> NDArray[np.uint8]:
    width = rng.uniform(0.32, 0.48)
    plate = rng.random() < 0.3
    sheet = Sheet(width + (0.16 if plate else 0.0), 1.0)
    if plate:
        sheet.box(width + 0.16, 1.0, white(rng) if rng.random() < 0.4 else black(rng))
        sheet.box(width + 0.1, 0.96, black(rng))
    height = 0.92 if plate else 1.0
    sheet.box(width, height, housing)
    if rng.random() < 0.3:
        sheet.box(0.8 * width, 0.94 * height, black(rng))
    radius = min(rng.uniform(0.105, 0.15), width / 2 - 0.02)
    visors, shift, arrow = rng.random() < 0.6, rng.uniform(-0.04, 0.04), rng.random() < 0.15
    for name, y in _HEIGHTS.items():
        lit = name == state
        if visors:
            sheet.disc(shift, y - 0.02, radius + 0.03, toned(rng, housing, 6))
            sheet.disc(shift / 2, y, radius + 0.012, (8, 8, 9))
        else:
            sheet.disc(0, y - 0.015, radius + 0.02, (8, 8, 9))
        colour = toned(rng, _LIT[name] if lit else _DARK[name], 16)
        if lit and arrow:
            _arrow(sheet, rng, y, radius, colour)
            continue
        sheet.disc(0, y, radius, colour)
        if lit:
            sheet.disc(0, y, radius * rng.uniform(0.3, 0.8), toned(rng, (255, 250, 230), 6))
    return sheet.pixels()


def _arrow(sheet: Sheet, rng: np.random.Generator, y: float, radius: float, colour: Colour) -> None:
    sheet.disc(0, y, radius, (16, 16, 18))
    turn = rng.choice([0.0, np.pi / 2, -np.pi / 2])
    shape = np.array([(-0.2, 0.8), (0.2, 0.8), (0.2, 0.0), (0.6, 0.0), (0.0, -0.8), (-0.6, 0.0), (-0.2, 0.0)])
    turned = shape @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    sheet.polygon(turned * radius + (0.0, y), colour)


def _from_the_side(rng: np.random.Generator, state: str, housing: Colour) -> NDArray[np.uint8]:
    """A narrow box with three hoods to one side, of the lit lamp no more than its rim."""
    depth, hood = rng.uniform(0.16, 0.26), rng.uniform(0.12, 0.24)
    sheet = Sheet(depth + hood, 1.0)
    side = 1.0 if rng.random() < 0.5 else -1.0
    sheet.box(depth, 1.0, housing, -side * hood / 2)
    front = side * (depth - hood) / 2
    for name, y in _HEIGHTS.items():
        if name == state and rng.random() < 0.7:
            sheet.disc(front, y, 0.09, _LIT[name])
        tip = front + side * hood
        points = [(front, y - 0.14), (tip, y - 0.13), (tip, y - rng.uniform(0.06, 0.1)), (front, y + 0.1)]
        sheet.polygon(points, toned(rng, housing, 8))
    return sheet.pixels()
