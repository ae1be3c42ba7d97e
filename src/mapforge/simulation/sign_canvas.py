"""What sign faces are drawn with: a canvas in plate units, colours, outlines."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

FACE_PX = 128
_SCALE = 4
SIZE_PX = FACE_PX * _SCALE

Colour = tuple[int, int, int]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Palette:
    """Colours of one country's signs."""

    red: Colour
    blue: Colour
    yellow: Colour
    white: Colour = (244, 244, 240)
    black: Colour = (18, 18, 20)


PALETTES = (
    Palette((196, 24, 34), (20, 78, 160), (252, 198, 20)),
    Palette((190, 22, 46), (0, 64, 144), (255, 205, 0)),
    Palette((214, 40, 36), (36, 104, 190), (246, 212, 52)),
    Palette((168, 30, 40), (10, 82, 150), (240, 180, 10)),
)


class Canvas:
    """Draws in plate units: x right, y up, centre 0, the longer edge from -0.5 to 0.5."""

    def __init__(self, palette: Palette, us: bool, variant: bool) -> None:
        self.image = Image.new("RGB", (SIZE_PX, SIZE_PX), palette.white)
        self.draw = ImageDraw.Draw(self.image)
        self.palette, self.us, self.variant = palette, us, variant

    def pixels(self, points: Points) -> list[tuple[float, float]]:
        return [((x + 0.5) * SIZE_PX, (0.5 - y) * SIZE_PX) for x, y in np.asarray(points, dtype=np.float64).tolist()]

    def fill(self, colour: Colour) -> None:
        self.draw.rectangle((0, 0, SIZE_PX, SIZE_PX), fill=colour)

    def polygon(self, points: Points | list[tuple[float, float]], colour: Colour) -> None:
        self.draw.polygon(self.pixels(np.asarray(points)), fill=colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        self.polygon(ellipse(radius, radius, 96) + (x, y), colour)

    def line(self, points: list[tuple[float, float]], width: float, colour: Colour) -> None:
        pixels = self.pixels(np.asarray(points))
        self.draw.line(pixels, fill=colour, width=round(width * SIZE_PX), joint="curve")

    def text(
        self, words: str, x: float, y: float, height: float, colour: Colour, weight: float = 0.08, width: float = 2.0
    ) -> None:
        """Ink `height` tall and at most `width` wide, centred at (x, y); weight: stroke added, of the height."""
        font = ImageFont.load_default(size=SIZE_PX * 0.5)
        stroke = round(weight * SIZE_PX * 0.36)
        box = self.draw.textbbox((0, 0), words, font=font, stroke_width=stroke)
        ink = Image.new("L", (int(box[2] - box[0]), int(box[3] - box[1])), 0)
        ImageDraw.Draw(ink).text((-box[0], -box[1]), words, font=font, fill=255, stroke_width=stroke, stroke_fill=255)
        rows = round(height * SIZE_PX)
        columns = min(round(rows * ink.width / ink.height), round(width * SIZE_PX))
        ink = ink.resize((columns, rows), Image.Resampling.BOX)
        corner = (round((x + 0.5) * SIZE_PX - columns / 2), round((0.5 - y) * SIZE_PX - rows / 2))
        self.image.paste(colour, corner, ink)


def ellipse(rx: float, ry: float, n: int, phase: float = 0.0) -> Points:
    angle = phase + np.arange(n) * 2 * math.pi / n
    return np.stack([rx * np.cos(angle), ry * np.sin(angle)], axis=1)


def rectangle(width: float, height: float) -> Points:
    return np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2


TRIANGLE_UP = np.array([[-0.5, -0.433], [0.5, -0.433], [0.0, 0.433]])
DIAMOND = np.array([[0.0, -0.5], [0.5, 0.0], [0.0, 0.5], [-0.5, 0.0]])
CIRCLE = ellipse(0.5, 0.5, 32, math.pi / 32)
OCTAGON = ellipse(0.5, 0.5, 8, math.pi / 8) / math.cos(math.pi / 8)
