"""A transparent sheet to draw plates and lights on, and the colours they come in."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SHEET_PX = 160

Colour = tuple[int, int, int]


class Sheet:
    """A transparent square to draw on, coordinates -0.5..0.5, y down."""

    def __init__(self, width: float = 1.0, height: float = 1.0) -> None:
        self.columns, self.rows = round(SHEET_PX * width), round(SHEET_PX * height)
        self.image = Image.new("RGBA", (self.columns, self.rows))
        self.draw = ImageDraw.Draw(self.image)

    def at(self, points: NDArray[np.float64] | list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(self.columns / 2 + x * SHEET_PX, self.rows / 2 + y * SHEET_PX) for x, y in points]

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
        self.draw.line(self.at(points), fill=colour, width=max(1, round(width * SHEET_PX)), joint="curve")

    def text(
        self,
        words: str,
        x: float,
        y: float,
        height: float,
        width: float,
        weight: int,
        colour: Colour,
        stretch: float = 1.0,
    ) -> None:
        """Ink `height` tall, at most `width` wide; stretch: letters narrower (below 1) or wider than they are."""
        ink = _ink(words, weight)
        rows = max(1, round(height * SHEET_PX))
        columns = max(1, min(round(stretch * rows * ink.width / ink.height), round(width * SHEET_PX)))
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


def toned(rng: np.random.Generator, colour: Colour, spread: float = 22.0) -> Colour:
    r, g, b = np.clip(np.array(colour) + rng.normal(0, spread, 3), 0, 255).astype(int).tolist()
    return r, g, b


def white(rng: np.random.Generator) -> Colour:
    value = int(rng.integers(205, 252))
    return value, value, max(0, value - int(rng.integers(0, 15)))


def black(rng: np.random.Generator) -> Colour:
    value = int(rng.integers(5, 50))
    return value, value, value
